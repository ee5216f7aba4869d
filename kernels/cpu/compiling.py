"""How kernels are compiled: once per machine where the cache can be written, else per process."""

from collections.abc import Callable
from typing import Any

from numba import njit

OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": {"contract"},  # multiply-add in one rounding; no reordering, NaN and inf as usual
    "nogil": True,
}


def compiled(signature: Any, function: Callable[..., None]) -> Callable[..., None]:
    """The function as machine code for one signature.

    Numba refuses to cache where neither the package's folder nor the user's cache can be written (a
    read-only installation without a home); the kernel then lives as long as the process.
    """
    made: Callable[..., None]
    try:
        made = njit(signature, cache=True, **OPTIONS)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        made = njit(signature, **OPTIONS)(function)
    return made
