"""What every device has: arrays, allocation, and a table of kernels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..ops.registry import Array, Op

Arrays: TypeAlias = Sequence[Array]
Needs: TypeAlias = tuple[bool, ...]
"""Which operands need a gradient."""
Params: TypeAlias = dict[str, Any]
Homes: TypeAlias = Sequence[Array | None] | None
"""Where gradients may be written, operand by operand."""
Gradients: TypeAlias = Sequence[Array | None] | None


class Kernel(Protocol):
    """A faster version of an op, held by tests to the op's own function.

    Both methods may answer None: "not for these operands", and the op's checks and formula run. So
    a kernel looks at shapes and types itself, and need not explain what does not fit.
    """

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """The op's value, in memory of its own."""

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """One gradient for each operand that needs one, in its shape and number type.

        Where an operand has a home, its gradient may be written there and the home returned; all
        others are in memory of their own.
        """


class Kernels(dict[Op, Kernel | None]):
    """Op -> kernel, or None. An op that is not there yet is decided on when it is first asked for.

    The op itself is the key, not its name: a user may call an op `relu` too.
    """

    def __missing__(self, op: Op) -> Kernel | None:
        kernel = self[op] = self.choose(op)
        return kernel

    def choose(self, op: Op) -> Kernel | None:
        """The kernel for an op; this device has none."""
        return None


def summed(gradient: Array, *, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The sum over axes, in a shape that keeps some of them with size 1."""
    return np.reshape(np.sum(gradient, axis=axes[0] if len(axes) == 1 else axes), shape)


def cast(gradient: Array, *, dtype: Any) -> Array:
    """The array in another number type."""
    return gradient.astype(dtype)


def copied(gradient: Array) -> Array:
    """A copy in C order, on the array's own device."""
    if isinstance(gradient, np.ndarray | np.generic):  # NumPy makes scalars of 0-d results
        return np.array(gradient, copy=True, order="C")
    return gradient.copy()


class Backend:
    """A device over NumPy arrays; the other devices override what differs.

    Attributes:
        name: What `tensor.device` says.
        kernels: Op -> kernel, or None.
    """

    def __init__(self, name: str, kernels: Kernels | None = None) -> None:
        self.name = name
        self.kernels = Kernels() if kernels is None else kernels
        self._ones: dict[np.dtype[Any], Array] = {}

    def asarray(self, data: Any, dtype: Any = None) -> Array:
        """A fresh array on this device in C order, with the device's own memory."""
        return np.array(data, dtype=dtype, order="C")

    def result(self, value: Any) -> Array:
        """What an op returned, as an array (NumPy turns 0-d results into scalars)."""
        return value if type(value) is np.ndarray else np.asarray(value)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """The values on the host, read-only where they are the device's own memory."""
        view: np.ndarray[Any, Any] = array.view()
        view.flags.writeable = False
        return view

    def item(self, array: Array) -> Any:
        """The one number of an array, as Python's."""
        return array.item()

    def out_of_memory(self, error: MemoryError, doing: str) -> MemoryError:
        """The error with what was computed; a device that knows more says more."""
        return MemoryError(f"{doing}: {error}")

    def forward(self, op: Op, arrays: Arrays, params: Params) -> Array:
        """The op's value by its formula: what runs where no kernel serves."""
        found: Array = self.formula(op.forward, arrays, params)
        return found

    def vjp(
        self, op: Op, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params
    ) -> Sequence[Array | None]:
        """The op's gradients by its formula, one for each operand (None where none is needed)."""
        found = self.formula(op.backward_for(needs), [dy, y, *arrays], params)
        return found if isinstance(found, list) else [found]

    def formula(
        self, function: Callable[..., Any], inputs: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        """What a formula gives for these arrays: an array, or a list of arrays and None."""
        found = function(*inputs, **params)
        if isinstance(found, tuple | list):
            return [g if g is None or hasattr(g, "dtype") else self.result(g) for g in found]
        return None if found is None else self.result(found)

    # --- what happens to gradients between two ops ------------------------------------------------

    def add(self, first: Array, second: Array) -> Array:
        """Two paths meet: the sum of their gradients."""
        found: Array = self.formula(np.add, [first, second], {})
        return found

    def sum_to(self, gradient: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
        """The sum over the axes that an operand of this shape was repeated along."""
        found: Array = self.formula(summed, [gradient], {"axes": axes, "shape": shape})
        return found

    def cast(self, gradient: Array, dtype: Any) -> Array:
        """A gradient in the number type of its operand."""
        found: Array = self.formula(cast, [gradient], {"dtype": dtype})
        return found

    def owned(self, gradient: Array) -> Array:
        """A gradient in memory of its own: it may be a view of another, or of one number."""
        found: Array = self.formula(copied, [gradient], {})
        return found

    def copy(self, target: Array, source: Array) -> None:
        """Target = source, in place."""
        target[...] = source

    def add_into(self, target: Array, source: Array) -> None:
        """Target += source, in place."""
        target += source

    def one(self, dtype: np.dtype[Any]) -> Array:
        """The number 1 as a read-only array without axes: where the chain rule starts."""
        found = self._ones.get(dtype)
        if found is None:
            found = self._ones[dtype] = self.asarray(1, dtype)
            if isinstance(found, np.ndarray):
                found.flags.writeable = False
        return found

    def update(
        self,
        rule: Callable[..., Any],
        p: Array,
        g: Array,
        slots: Mapping[str, Array],
        numbers: Mapping[str, Any],
    ) -> bool:
        """Takes an optimiser's step in place, in one pass over its flat arrays.

        Args:
            rule: (p, g, *slots, **numbers) -> (p, *slots), see `optim/rules.py`; a slot that is
                not there is None.
            p, g: Parameters and gradient, end to end.
            slots: The rule's memory by name, as long as p.
            numbers: Its hyper-parameters, and t.

        Returns:
            False if there is no kernel for it: then nothing was changed, and the formula runs.
        """
        return False

    def __deepcopy__(self, memo: dict[int, Any]) -> "Backend":
        return self  # one per device, compared by identity: a copied model stays on its device

    def __reduce__(self) -> Any:
        from .select import get_backend

        return get_backend, (self.name,)

    def __repr__(self) -> str:
        return f"<device {self.name}>"
