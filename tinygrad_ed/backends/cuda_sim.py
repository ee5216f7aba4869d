"""Device "cuda-sim": NumPy arrays, and the CUDA kernels executed on the CPU.

The same `.cu` files and the same launches as on device "cuda", thread by thread: for being right
and for learning, on a machine without a GPU. Ops without a kernel run their own formula.
"""

import numpy as np

from ..errors import DeviceError
from .base import Backend


def why_unusable() -> str | None:
    """None if CUDA kernels can be simulated here; else the cause and the fix, in one line."""
    from ..kernels.sim import why_unusable

    return why_unusable()


class CudaSimBackend(Backend):
    """NumPy arrays; kernels are compiled by g++ when they are first launched."""

    def __init__(self) -> None:
        cause = why_unusable()
        if cause is not None:
            raise DeviceError(f"device 'cuda-sim' cannot be used: {cause}")
        from ..kernels.cuda import SimulatedMachine
        from .cuda_table import CudaKernels

        super().__init__("cuda-sim", CudaKernels(SimulatedMachine(), np))
