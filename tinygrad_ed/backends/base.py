"""What every device has: arrays, allocation, and a table of kernels."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..ops.registry import Array, Op


class Kernel(Protocol):
    """A faster version of an op, held by tests to the op's own function.

    Both methods may answer None: "not for these shapes or types", and the formula runs.
    """

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """The op's value."""

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
    ) -> Sequence[Array | None] | None:
        """One gradient for each operand that needs one."""


class Backend:
    """A device over NumPy arrays; the other devices override what differs.

    Attributes:
        name: What `tensor.device` says.
        kernels: Op name -> kernel.
    """

    def __init__(self, name: str, kernels: dict[str, Kernel] | None = None) -> None:
        self.name = name
        self.kernels = kernels or {}

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

    def forward(self, op: Op, arrays: Sequence[Array], params: dict[str, Any]) -> Array:
        """The op's value by its kernel if it has one that serves, else by its formula."""
        kernel = self.kernels.get(op.name)
        if kernel is not None:
            y = kernel.forward(arrays, params)
            if y is not None:
                return y
        return self.result(op.forward(*arrays, **params))

    def vjp(
        self,
        op: Op,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
    ) -> Sequence[Array | None]:
        """The op's gradients, one for each operand (None where none is needed)."""
        kernel = self.kernels.get(op.name)
        if kernel is not None:
            found = kernel.vjp(dy, y, arrays, needs, params)
            if found is not None:
                return found
        gradients = op.backward_for(needs)(dy, y, *arrays, **params)
        each = gradients if isinstance(gradients, tuple | list) else (gradients,)
        return [g if g is None or hasattr(g, "dtype") else self.result(g) for g in each]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Backend":
        return self  # one per device, compared by identity: a copied model stays on its device

    def __repr__(self) -> str:
        return f"<device {self.name}, kernels for {sorted(self.kernels) or 'no op'}>"
