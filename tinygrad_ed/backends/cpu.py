"""Device "cpu": NumPy arrays, with Numba kernels for the ops that have one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DeviceError
from ..ops.registry import Array
from .base import Backend

SERVED = frozenset({np.dtype("float32"), np.dtype("float64")})
"""Number types that the kernels are compiled for; others run the formula."""


class LinearKernel:
    """`linear` by `kernels/cpu/linear.py`."""

    def __init__(self) -> None:
        from ..kernels.cpu import linear

        self.kernel = linear

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """A = f(X W + b)."""
        X, W, b = arrays
        if X.dtype not in SERVED:
            return None
        return self.kernel.forward(X, W, b, params["activation"])

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
    ) -> Sequence[Array | None] | None:
        """dX, dW and db in one call."""
        X, W = arrays[:2]
        if not X.dtype == W.dtype == dy.dtype or X.dtype not in SERVED:
            return None
        found: Sequence[Array | None] = self.kernel.backward(
            dy, y, X, W, params["activation"], needs[0], needs[1]
        )
        return found


def cpu_backend() -> Backend:
    """The back end with its table of kernels; Numba is imported here, on first use.

    Raises:
        DeviceError: Numba is missing; the message names the fix.
    """
    try:
        return Backend("cpu", {"linear": LinearKernel()})
    except ImportError as error:
        if error.name and error.name.startswith("tinygrad_ed"):
            raise  # our own kernels are missing: not Numba's fault
        raise DeviceError(
            f"device 'cpu' needs Numba, which does not import ({error}): pip install numba; "
            f"or choose device 'numpy'"
        ) from error
