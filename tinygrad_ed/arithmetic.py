"""What can be done with a tensor by operators and methods: each is an op of the rule book."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

import numpy as np

from . import ops
from .apply import adopt, apply, plain_index
from .errors import ShapeError, TapeError
from .recording import is_recording, state
from .storage import LOOKING, WRITING, Storage
from .tape import Node

if TYPE_CHECKING:
    from .tensor import Tensor


class Arithmetic(Storage):
    """The operators of `Tensor`."""

    __slots__ = ()

    def __add__(self, other: Any) -> "Tensor":
        return apply(ops.add, (self, other), {})

    def __radd__(self, other: Any) -> "Tensor":
        return apply(ops.add, (other, self), {})

    def __sub__(self, other: Any) -> "Tensor":
        return apply(ops.subtract, (self, other), {})

    def __rsub__(self, other: Any) -> "Tensor":
        return apply(ops.subtract, (other, self), {})

    def __mul__(self, other: Any) -> "Tensor":
        return apply(ops.multiply, (self, other), {})

    def __rmul__(self, other: Any) -> "Tensor":
        return apply(ops.multiply, (other, self), {})

    def __truediv__(self, other: Any) -> "Tensor":
        return apply(ops.divide, (self, other), {})

    def __rtruediv__(self, other: Any) -> "Tensor":
        return apply(ops.divide, (other, self), {})

    def __neg__(self) -> "Tensor":
        return apply(ops.negative, (self,), {})

    def __abs__(self) -> "Tensor":
        return apply(ops.absolute, (self,), {})

    def __pow__(self, other: Any) -> "Tensor":
        if isinstance(other, int | float) and not isinstance(other, np.generic):
            return apply(ops.constant_power, (self,), {"n": other})
        return apply(ops.power, (self, other), {})

    def __rpow__(self, other: Any) -> "Tensor":
        return apply(ops.power, (other, self), {})

    def __matmul__(self, other: Any) -> "Tensor":
        return cast("Tensor", ops.matmul(self, adopt(other, self)))

    def __rmatmul__(self, other: Any) -> "Tensor":
        return cast("Tensor", ops.matmul(adopt(other, self), self))

    def __getitem__(self, index: Any) -> "Tensor":
        return apply(ops.getitem, (self,), {"index": index})

    def __setitem__(self, index: Any, values: Any) -> None:
        if state.trace is not None:
            state.trace.forbids(f"t[...] = ... on {self.label} {WRITING}")
        self._refuse_recorded_write("t[...] = ...")
        if isinstance(values, Node) and values.requires_grad and is_recording():
            raise TapeError(
                f"t[...] = {values.label} would lose its gradient: build the tensor with tg.where, "
                f"tg.concatenate or tg.stack, or write values.detach()"
            )
        self._array[plain_index(index, self)] = (
            values._array if isinstance(values, Node) else values
        )
        self._written("t[...] = ...")

    def _in_place(self, result: "Tensor", spelled: str) -> "Tensor":
        """`w -= step` writes into a parameter; on anything else it just names a new result."""
        if not (self.is_leaf and self.requires_grad):
            return result
        if state.trace is not None:
            state.trace.forbids(f"{spelled} on {self.label} {WRITING}")
        self._refuse_recorded_write(spelled)
        self.data = result
        self._written(spelled)
        return cast("Tensor", self)

    def __iadd__(self, other: Any) -> "Tensor":
        return self._in_place(self + other, "+=")

    def __isub__(self, other: Any) -> "Tensor":
        return self._in_place(self - other, "-=")

    def __imul__(self, other: Any) -> "Tensor":
        return self._in_place(self * other, "*=")

    def __itruediv__(self, other: Any) -> "Tensor":
        return self._in_place(self / other, "/=")

    def __ipow__(self, other: Any) -> "Tensor":
        return self._in_place(self**other, "**=")

    def _refuse_recorded_write(self, spelled: str) -> None:
        if self._op is not None:
            raise TapeError(
                f"{spelled} on {self.label}: a recorded result cannot be changed, its gradient "
                f"would be wrong. Build a new tensor with tg.where or arithmetic"
            )
        if self.requires_grad and is_recording():
            raise TapeError(
                f"{spelled} on {self.label}, which requires a gradient, while recording: "
                f"do it inside `with tg.no_grad():`"
            )

    def _off_tape(self, function: Any, *others: Any, **params: Any) -> "Tensor":
        """A function without a slope of this tensor and others; a captured step notes it down."""
        operands = [self, *(adopt(other, self) for other in others)]
        arrays = [o._array if isinstance(o, Node) else o for o in operands]
        if state.trace is not None:
            state.trace.traced(self._backend, operands)
            values = state.trace.formula(function, arrays, params, function.__name__)
        else:
            values = self._backend.result(function(*arrays, **params))
        return cast("Tensor", self._result(values))

    def __lt__(self, other: Any) -> "Tensor":
        return self._off_tape(np.less, other)

    def __le__(self, other: Any) -> "Tensor":
        return self._off_tape(np.less_equal, other)

    def __gt__(self, other: Any) -> "Tensor":
        return self._off_tape(np.greater, other)

    def __ge__(self, other: Any) -> "Tensor":
        return self._off_tape(np.greater_equal, other)

    def __eq__(self, other: object) -> "Tensor":  # type: ignore[override]
        return self._off_tape(np.equal, other)

    def __ne__(self, other: object) -> "Tensor":  # type: ignore[override]
        return self._off_tape(np.not_equal, other)

    def __and__(self, other: Any) -> "Tensor":
        return self._off_tape(np.bitwise_and, other)

    def __or__(self, other: Any) -> "Tensor":
        return self._off_tape(np.bitwise_or, other)

    def __invert__(self) -> "Tensor":
        return self._off_tape(np.invert)

    def __iter__(self) -> Iterator["Tensor"]:
        if not self._array.ndim:
            raise TypeError(f"{self.label} is a scalar: there is nothing to iterate over")
        return (self[k] for k in range(len(self)))

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError(f"len() of {self.label}: a scalar has no length")
        return int(self._array.shape[0])

    def __bool__(self) -> bool:
        if state.trace is not None:
            state.trace.forbids(
                f"the truth of {self.label} {LOOKING}; tg.where(condition, a, b) chooses inside it"
            )
        if self.size != 1:
            raise ShapeError(
                f"the truth of {self.label} is ambiguous: it has {self.size} entries; "
                f"reduce it with .numpy().any() or .all()"
            )
        return bool(self._array.item())

    def __float__(self) -> float:
        if state.trace is not None:
            state.trace.forbids(f"float() of {self.label} {LOOKING}")
        return float(self.item())

    def __int__(self) -> int:
        if state.trace is not None:
            state.trace.forbids(f"int() of {self.label} {LOOKING}")
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"{self.label} of type {self.dtype} is no index; indices are integers")
        return int(self.item())

    # --- methods that are ops -------------------------------------------------------------------

    @property
    def T(self) -> "Tensor":
        """The axes reversed; for a matrix its transpose."""
        return apply(ops.transpose, (self,), {})

    def transpose(self, *axes: int) -> "Tensor":
        """The axes in this order (reversed if none is given)."""
        return apply(ops.transpose, (self,), {"axes": axes or None})

    def reshape(self, *shape: Any) -> "Tensor":
        """The entries in C order under another shape; one size may be -1."""
        if len(shape) == 1 and not isinstance(shape[0], SupportsIndex):
            shape = tuple(shape[0])
        return apply(ops.reshape, (self,), {"shape": tuple(int(n) for n in shape)})

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The sum over the axes."""
        return apply(ops.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The mean over the axes."""
        return apply(ops.mean, (self,), {"axis": axis, "keepdims": keepdims})

    def max(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The largest entry along the axes; ties share the gradient."""
        return apply(ops.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Any = None, keepdims: bool = False) -> "Tensor":
        """The smallest entry along the axes; ties share the gradient."""
        return apply(ops.min, (self,), {"axis": axis, "keepdims": keepdims})
