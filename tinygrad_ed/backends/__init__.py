"""Devices: where a tensor's array lives, and which kernels are faster versions of which ops.

    numpy   NumPy arrays, every op by its formula: the living definition
    cpu     NumPy arrays, Numba kernels where there are any
    cuda    CuPy arrays, formulas on the GPU

A back end is a small object: array module, allocation, and a table *op name -> kernel*. It knows
nothing of the tape. An op with no kernel in the table runs its own function.
"""

from .arrays import checked_array
from .base import Backend, Kernel
from .select import DEVICES, explain_auto, get_backend

__all__ = ["DEVICES", "Backend", "Kernel", "checked_array", "explain_auto", "get_backend"]
