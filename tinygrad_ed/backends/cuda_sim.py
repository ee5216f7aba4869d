"""Device "cuda-sim": NumPy arrays, with the CUDA kernels executed on the CPU."""

import numpy as np

from ..errors import DeviceError
from .table.backend import KernelBackend
from .table.environment import Environment, Library
from .table.rungs import RUNGS


def why_unusable() -> str | None:
    """None if CUDA kernels can be simulated here; else the cause and the fix, in one line."""
    from ..kernels.sim import why_unusable

    return why_unusable()


class CudaSimBackend(KernelBackend):
    """NumPy arrays; kernels are compiled by g++ when they are first launched."""

    def __init__(self) -> None:
        cause = why_unusable()
        if cause is not None:
            raise DeviceError(f"device 'cuda-sim' cannot be used: {cause}")
        from ..kernels import cuda

        kernels = cuda.Library(cuda.SimulatedMachine(), np)
        library = Library(kernels.get, kernels.generated, RUNGS["cuda"], "cuda")
        super().__init__("cuda-sim", Environment(library))
