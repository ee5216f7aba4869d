"""What is being checked: a function, the inputs that vary, and the constants that do not."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends import Backend, get_backend
from ..errors import DTypeError
from ..tensor import Tensor

Array = NDArray[Any]


class NoDerivativeError(ValueError):
    """The function has no derivative to check at these inputs."""


class Problem:
    """A function, the inputs that vary, and the constants that do not.

    Attributes:
        names: What messages call the varying inputs.
        arrays: Their values, float64.
    """

    def __init__(
        self, fn: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str] | None = None
    ) -> None:
        self.fn = fn
        self.fixed: list[Any] = list(inputs)
        self.places: list[int] = []
        self.backends: list[Backend] = []
        self.arrays: list[Array] = []
        self.names: list[str] = []
        every_name = _names(fn, inputs, names)
        for place, (value, name) in enumerate(zip(inputs, every_name, strict=True)):
            if varies(value, name):
                tensor = value if isinstance(value, Tensor) else None
                array = tensor.numpy() if tensor is not None else value
                self.places.append(place)
                self.backends.append(
                    tensor._backend if tensor is not None else get_backend("numpy")
                )
                self.arrays.append(np.array(array, dtype=np.float64, order="C"))
                self.names.append(name)
        if not self.places:
            raise DTypeError(
                "gradcheck: no input carries a gradient, so there is nothing to check. Pass "
                "float64 arrays or tensors with requires_grad=True (integers are taken as labels "
                "or indices: .astype('float64') if they are not)"
            )

    def call(self, values: Sequence[Any]) -> Any:
        """fn with these values in the places of the varying inputs."""
        arguments = list(self.fixed)
        for place, value in zip(self.places, values, strict=True):
            arguments[place] = value
        return self.fn(*arguments)

    def leaves(self, arrays: Sequence[Array]) -> list[Tensor]:
        """Fresh leaf tensors with these values."""
        made = []
        for array, backend, name in zip(arrays, self.backends, self.names, strict=True):
            leaf = Tensor(backend.asarray(array), backend, True)
            leaf.name = name
            made.append(leaf)
        return made

    def result(self, leaves: Sequence[Tensor]) -> Tensor:
        """fn's result on leaves.

        Raises:
            TypeError: It is no tensor.
            DTypeError: It is not float64.
        """
        y = self.call(leaves)
        if not isinstance(y, Tensor):
            raise TypeError(
                f"gradcheck: the function must return one tensor, got {type(y).__name__}; "
                f"it left the tape (.numpy(), .item(), float()) or returns several things"
            )
        if y.dtype != np.float64:
            raise DTypeError(
                f"gradcheck needs float64, but the function returned {y.dtype}: look for a cast "
                f"or a float32 constant in the way"
            )
        return y


def varies(value: Any, name: str) -> bool:
    """Whether an input is one to differentiate by: a float64 array or a tensor that requires it.

    Raises:
        DTypeError: It would be, but its number type carries too few digits.
        TypeError: A list, whose number type is a guess.
    """
    if isinstance(value, list | tuple):
        raise TypeError(f"gradcheck: input {name} is a list; pass np.array(..., dtype='float64')")
    if isinstance(value, Tensor):
        kind = value.dtype if value.requires_grad else None
    elif isinstance(value, np.ndarray | np.generic):
        kind = value.dtype if value.dtype.kind in "fc" else None
    else:
        kind = np.dtype(float) if isinstance(value, float) else None
    if kind is not None and kind != np.float64:
        raise DTypeError(
            f"gradcheck needs float64: input {name} is {kind}, whose rounding hides errors below "
            f"about {np.sqrt(np.finfo(kind).eps):.0e}. Pass {name}.astype('float64')"
        )
    return kind is not None


def _names(fn: Any, inputs: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    """The caller's names, else the tensors' own, else the function's parameters'."""
    if names is not None:
        if len(names) != len(inputs):
            raise ValueError(f"gradcheck: {len(names)} names for {len(inputs)} inputs")
        return list(names)
    found: list[str] = []
    try:
        for parameter in inspect.signature(fn).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                found.append(parameter.name)
    except (TypeError, ValueError):
        found = []
    found += [f"input {k}" for k in range(len(found), len(inputs))]
    return [
        (isinstance(value, Tensor) and value.name) or name
        for value, name in zip(inputs, found, strict=False)
    ]


def as_complex(value: Any) -> Any:
    """A constant for the complex run: its array, complex if it is floating (one number type)."""
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.complex128)
    return value
