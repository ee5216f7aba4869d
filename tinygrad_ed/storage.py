"""The array side of a tensor: what is stored, where, and who wrote to it."""

from typing import Any

import numpy as np

from .backends import checked_array
from .errors import ShapeError
from .ops.registry import Op
from .recording import state
from .tape import Node, written

LOOKING = (
    "looks at numbers, which a captured program cannot do: return the tensor from the step and "
    "look at it afterwards"
)
WRITING = (
    "writes in place, which a captured program cannot follow: leave it to an optimizer, or do it "
    "after the step"
)


class Storage(Node):
    """An array on a device; `Tensor` adds the arithmetic and the gradients."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(self._array.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self._array.ndim)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(self._array.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Number type."""
        dtype: np.dtype[Any] = self._array.dtype
        return dtype

    @property
    def device(self) -> str:
        """Name of the device that holds the array."""
        return self._backend.name

    @property
    def is_leaf(self) -> bool:
        """True if it was not computed by a recorded op."""
        return self._op is None

    @property
    def op(self) -> Op | None:
        """The op that computed it, if it was recorded."""
        return self._op

    @property
    def data(self) -> Any:
        """The array itself, read-only; assigning copies values into place (same shape).

        An optimiser that takes a parameter over moves its storage: take a fresh view after that.
        """
        if state.trace is not None:
            state.trace.forbids(f".data of {self.label} {LOOKING}")
        if isinstance(self._array, np.ndarray):
            return self._backend.to_numpy(self._array)
        return self._array

    @data.setter
    def data(self, values: Any) -> None:
        if state.trace is not None:
            state.trace.forbids(f"assigning to {self.label} {WRITING}")
        values = values._array if isinstance(values, Node) else values
        values = checked_array(values, self._backend, self._array.dtype)
        if values.shape != self._array.shape:
            raise ShapeError(
                f"{self.label} cannot take values of shape {values.shape}: a tensor keeps its "
                f"shape; make a new one with tg.tensor"
            )
        self._array[...] = values
        self._written("assigning .data")

    def numpy(self) -> np.ndarray[Any, Any]:
        """The values as a read-only NumPy array (a copy from the GPU, a view on the CPU).

        Raises:
            CaptureError: Inside a captured step; so do all ways of looking at a tensor's numbers.
        """
        if state.trace is not None:
            state.trace.forbids(f".numpy() of {self.label} {LOOKING}")
        return self._backend.to_numpy(self._array)

    def item(self) -> float | int | bool:
        """The one value of a tensor of size 1, as a Python number."""
        if state.trace is not None:
            state.trace.forbids(f".item() of {self.label} {LOOKING}")
        if self.size != 1:
            raise ShapeError(f"item() needs exactly one entry; {self.label} has {self.size}")
        value: float | int | bool = self._backend.item(self._array)
        return value

    def _written(self, by: str) -> None:
        """Somebody wrote to the storage: readings of older tapes must now refuse."""
        written([self._storage_version()], by)
