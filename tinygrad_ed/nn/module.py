"""`Module`: a layer or a network is an object whose attributes are its parameters and its layers.

Nothing is registered. Who owns what is read from the attributes themselves (also inside lists,
tuples and dicts), in the order in which they were set, so there is no constructor to call first.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..backends import get_backend
from ..errors import DeviceError, DTypeError, ShapeError
from ..recording import changes, no_grad, state
from ..tensor import Tensor
from .parameter import Parameter


class _NamesParameters(type):
    """Names the parameters once the whole network is built: an outer one numbers all its layers."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__call__(*args, **kwargs)
        module.name_parameters()
        return module


class Module(metaclass=_NamesParameters):
    """A layer or a network: define `forward`, and set parameters and layers as attributes.

        class Net(nn.Module):
            def __init__(self):
                self.hidden = nn.Linear(30, 64, activation="relu")
                self.output = nn.Linear(64, 1)

            def forward(self, X):
                return self.output(self.hidden(X))

    Parameters are `Parameter`s, and other leaf tensors that require a gradient. After construction
    they are called W1, b1, W2, … in order, the symbols of the derivation.

    Attributes:
        training: True in training mode; `Dropout` and its kin behave differently then.
    """

    training: bool = True

    def forward(self, *inputs: Any) -> Any:
        """What the layer computes; every module defines it."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward(self, X): define what it computes"
        )

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """`forward`; an error on the way names the layer it came from."""
        if state.trace is not None:
            state.trace.takes_module(self)
        try:
            return self.forward(*inputs, **options) if options else self.forward(*inputs)
        except (ShapeError, DTypeError, DeviceError) as error:
            self._locate(error)
            raise

    def _locate(self, error: Any) -> None:
        """Puts the path of the failing layer in front; the outermost module has the last word."""
        where, message = getattr(error, "raised_in", (self, str(error)))
        error.raised_in = where, message
        path = next((path for path, module in self.named_modules() if module is where), "")
        error.args = (f"{f'layer {path}, ' if path else ''}{where._title()}: {message}",)

    def __setattr__(self, name: str, value: Any) -> None:
        if state.trace is not None:
            state.trace.sets_attribute(self, name)
        super().__setattr__(name, value)
        changes.note()

    # --- what it is made of ---------------------------------------------------------------------

    def _members(self) -> Iterator[tuple[str, Any]]:
        """Its own parameters and layers, by attribute name."""
        for name, value in vars(self).items():
            yield from _found(name, value)

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """Itself as "", then all layers inside with their paths, each once."""
        return _walk("", self, set())

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Pairs (path, parameter); a shared parameter occurs once, under its first path."""
        found: dict[int, tuple[str, Tensor]] = {}
        for path, module in self.named_modules():
            for name, member in module._members():
                if isinstance(member, Tensor):
                    found.setdefault(id(member), (f"{path}.{name}" if path else name, member))
        return list(found.values())

    def parameters(self) -> list[Tensor]:
        """All parameters, for an optimiser; a shared one occurs once."""
        return [parameter for _, parameter in self.named_parameters()]

    def name_parameters(self) -> None:
        """Calls the parameters W1, b1, W2, …: attribute name and number of the layer that owns it.

        Runs by itself after construction; call it again after adding layers later. The module's
        own parameters keep their attribute's name, and a name that you chose stays.
        """
        taken: set[str] = set()
        seen: set[int] = set()  # a tied weight is its first owner's
        number = 0
        for path, module in self.named_modules():
            own = [(n, m) for n, m in module._members() if isinstance(m, Tensor)]
            number += bool(path and own)
            own = [(n, m) for n, m in own if id(m) not in seen]
            seen.update(id(m) for _, m in own)
            for attribute, parameter in own:
                if parameter.name is None or _is_automatic(parameter.name, attribute):
                    name = f"{attribute}{number}" if path else attribute
                    parameter.name = f"{path}.{attribute}" if name in taken else name
                taken.add(parameter.name)

    # --- modes, gradients, devices --------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Training mode for all layers (or evaluation mode); returns itself."""
        for _, module in self.named_modules():
            if state.trace is not None:
                state.trace.takes_mode(module)
            module.training = mode
        return self

    def eval(self) -> Self:
        """Evaluation mode for all layers: dropout lets everything pass; returns itself."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients: each parameter's `grad` becomes None."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, device: str) -> Self:
        """Moves all parameters and their gradients; the parameters stay the objects they are.

        Make the optimiser afterwards: one that was made before refuses its next step.

        Raises:
            DeviceError: The device is unknown or cannot be used; nothing was moved.
        """
        backend = get_backend(device)
        moving = [p for p in self.parameters() if p._backend is not backend]
        # All copies are made before the first parameter changes: memory may run out.
        arrays = [backend.asarray(p.numpy()) for p in moving]
        gradients = [None if p.grad is None else p.grad.to(device) for p in moving]
        for parameter, array, gradient in zip(moving, arrays, gradients, strict=True):
            parameter._array, parameter._backend = array, backend
            changes.note()
            parameter._home = None  # the gradient's place in an optimiser's memory is left behind
            parameter.grad = gradient
            parameter._written(f"Module.to({device!r})")
        return self

    # --- saving -----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of all parameters as NumPy arrays, by path ("0.W")."""
        return {path: np.array(p.numpy()) for path, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Writes saved values into the parameters; nothing changes unless all of them fit.

        Raises:
            ShapeError: A value has another shape than its parameter; all such are named.
            ValueError: Parameters are missing or unexpected; all are named.
            DTypeError: A value holds no real numbers.
        """
        own = dict(self.named_parameters())
        values = {
            path: np.asarray(v.numpy() if isinstance(v, Tensor) else v) for path, v in state.items()
        }
        problems = [f"missing: {path}" for path in own if path not in values]
        problems += [f"unexpected: {path}" for path in values if path not in own]
        shapes = [
            f"{path} has shape {values[path].shape}, this network's is {p.shape}"
            for path, p in own.items()
            if path in values and values[path].shape != p.shape
        ]
        if problems or shapes:
            hint = " (W is (in, out): see Linear.from_torch_layout)" if shapes else ""
            kind = ShapeError if shapes else ValueError
            raise kind(f"load_state_dict: {'; '.join(problems + shapes)}{hint}; nothing was loaded")
        for path, value in values.items():
            if value.dtype.kind not in "fiu":
                raise DTypeError(
                    f"load_state_dict: {path} holds {value.dtype}, weights are real numbers; "
                    f"nothing was loaded"
                )
        for path, parameter in own.items():
            parameter.data = values[path]
            parameter._written("load_state_dict")

    # --- showing ----------------------------------------------------------------------------------

    def summary(self, input_shape: tuple[int, ...] | None = None) -> str:
        """The network as a plain-text table: layer, output shape, number of parameters.

        Args:
            input_shape: Shape of one batch, such as (1, 30); without it the output shapes are
                left out.

        Raises:
            ShapeError: An input of this shape does not fit; the layer is named.
        """
        from .summary import summary

        return summary(self, input_shape)

    def _title(self) -> str:
        """One line for tables and messages: its repr, or its class alone if it holds layers."""
        text = repr(self)
        return type(self).__name__ if "\n" in text else text

    def __repr__(self) -> str:
        rows = [
            f"  {name}: " + repr(member).replace("\n", "\n  ")
            for name, member in self._members()
            if isinstance(member, Module)
        ]
        return (
            "\n".join([f"{type(self).__name__}(", *rows, ")"])
            if rows
            else (f"{type(self).__name__}()")
        )


@contextlib.contextmanager
def evaluation(module: Module) -> Iterator[None]:
    """Evaluation mode without recording inside; afterwards every layer's mode is what it was."""
    modes = [(layer, layer.training) for _, layer in module.named_modules()]
    try:
        module.eval()
        with no_grad():
            yield
    finally:
        for layer, mode in modes:
            layer.training = mode


def _walk(path: str, module: Module, seen: set[int]) -> Iterator[tuple[str, Module]]:
    """The module and all layers inside that were not seen yet, with their paths."""
    if id(module) in seen:
        return
    seen.add(id(module))
    yield path, module
    for name, member in module._members():
        if isinstance(member, Module):
            yield from _walk(f"{path}.{name}" if path else name, member, seen)


def device_of(module: Module) -> str:
    """Where its parameters are; "numpy" if it has none."""
    return next((parameter.device for parameter in module.parameters()), "numpy")


def dtype_of(module: Module) -> np.dtype[Any]:
    """The number type of its first parameter; float32 if it has none."""
    return next((parameter.dtype for parameter in module.parameters()), np.dtype("float32"))


def _found(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A parameter or layer with its path, or those inside a list, tuple or dict."""
    if isinstance(value, Parameter | Module) or (
        isinstance(value, Tensor) and value.is_leaf and value.requires_grad
    ):
        yield name, value
    elif isinstance(value, list | tuple):
        for k, part in enumerate(value):
            yield from _found(f"{name}.{k}", part)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _found(f"{name}.{key}", part)


def _is_automatic(name: str, attribute: str) -> bool:
    """Whether `name_parameters` gave this name, as part of this network or of a smaller one."""
    return bool(re.fullmatch(rf"(.*\.)?{re.escape(attribute)}\d*", name))
