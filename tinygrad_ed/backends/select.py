"""From a device's name to its back end, and what "auto" chooses and why."""

import threading

from ..errors import DeviceError
from .base import Backend

DEVICES = ("numpy", "cpu", "cuda", "cuda-sim")


_made: dict[str, Backend] = {}
_making = threading.RLock()


def get_backend(name: str) -> Backend:
    """The back end of this name ("auto": cuda when usable, else cpu), made on first use.

    Raises:
        DeviceError: Unknown name, or a device that cannot be used here: cause and fix are named.
    """
    found = _made.get(name)
    if found is None:
        with _making:  # two threads must not make two: tensors of one device share its object
            found = _made.get(name)
            if found is None:
                found = _made[name] = _make(name)
    return found


def _make(name: str) -> Backend:
    if name == "numpy":
        return Backend("numpy")
    if name == "cpu":
        from .cpu import cpu_backend

        return cpu_backend()
    if name == "cuda":
        from .cuda import CudaBackend

        return CudaBackend()
    if name == "cuda-sim":
        from .cuda_sim import CudaSimBackend

        return CudaSimBackend()
    if name == "auto":
        return get_backend(explain_auto()[0])
    raise DeviceError(f"unknown device {name!r}; one of {', '.join(DEVICES)} or auto")


def explain_auto() -> tuple[str, str]:
    """The device that "auto" means here, and the reason in words."""
    from .cuda import why_unusable

    cause = why_unusable()
    if cause is None:
        return "cuda", "a CUDA device is usable"
    return "cpu", f"no usable CUDA device: {cause}"
