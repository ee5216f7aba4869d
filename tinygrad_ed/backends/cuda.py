"""Device "cuda": CuPy arrays, with our CUDA kernels; other ops run their formulas there."""

from typing import Any

import numpy as np

from ..errors import DeviceError
from ..ops.registry import Array
from .table.backend import KernelBackend
from .table.environment import Environment, Library
from .table.rungs import RUNGS


def why_unusable() -> str | None:
    """None if CUDA works here; else the cause and the fix, in one line."""
    try:
        import cupy
    except ImportError as error:
        if getattr(error, "name", None) == "cupy":
            return (
                "CuPy is not installed; install the extra that fits your driver: "
                "pip install 'tinygrad_ed[cuda12]' or 'tinygrad_ed[cuda13]'"
            )
        return f"CuPy does not import ({error}); reinstall the extra cuda12 or cuda13"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return (
            f"the NVIDIA driver does not answer ({error}); "
            f"check nvidia-smi, and that the extra (cuda12 or cuda13) fits the driver"
        )
    if count == 0:
        return "CuPy is installed but there is no CUDA device on this machine"
    return None


class CudaBackend(KernelBackend):
    """CuPy arrays; formulas dispatch to CuPy through NumPy's protocols."""

    def __init__(self) -> None:
        cause = why_unusable()
        if cause is not None:
            raise DeviceError(f"device 'cuda' cannot be used: {cause}; or choose --device cpu")
        import cupy

        from ..kernels import cuda

        kernels = cuda.Library(cuda.CupyMachine(), cupy)
        library = Library(kernels.get, kernels.generated, RUNGS["cuda"], "cuda", cupy)
        super().__init__("cuda", Environment(library))
        self.cupy = cupy

    def asarray(self, data: Any, dtype: Any = None) -> Array:
        """A fresh CuPy array in C order."""
        if dtype is None and not hasattr(data, "dtype"):
            data = np.asarray(data)
        return self.cupy.array(data, dtype=dtype, order="C")

    def result(self, value: Any) -> Array:
        """CuPy keeps 0-d results as arrays; a plain number comes from a parameter-only formula."""
        return value if isinstance(value, self.cupy.ndarray) else self.cupy.asarray(value)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """A copy on the host."""
        return np.asarray(self.cupy.asnumpy(array))
