"""Device "cuda": CuPy arrays, with our CUDA kernels; other ops run their formulas there."""

import contextlib
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
        return f"CuPy does not import ({_one_line(error)}); reinstall the extra cuda12 or cuda13"
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        return _about_driver(runtime) or (
            f"the NVIDIA driver does not answer ({_one_line(error)}); "
            f"check nvidia-smi, and that the extra (cuda12 or cuda13) fits the driver"
        )
    if count == 0:
        return "CuPy is installed but there is no CUDA device on this machine"
    try:
        cupy.cuda.nvrtc.getVersion()
    except Exception as error:  # of CuPy's own kind, or the loader's
        return (
            f"CuPy does not find NVIDIA's compiler NVRTC ({_one_line(error)}); "
            f"reinstall the extra cuda12 or cuda13, which brings it"
        )
    return None


def versions(runtime: Any) -> tuple[int, int]:
    """The newest CUDA that the driver runs, and the one CuPy was built for: 12090 is 12.9.

    A machine without a driver answers 0.
    """
    found = []
    for ask in (runtime.driverGetVersion, runtime.runtimeGetVersion):
        try:
            found.append(int(ask()))
        except runtime.CUDARuntimeError:
            found.append(0)
    return found[0], found[1]


def spelt(version: int) -> str:
    """12090 as "12.9"."""
    return f"{version // 1000}.{version % 1000 // 10}"


def _about_driver(runtime: Any) -> str | None:
    """What is wrong with the driver, if that is what is wrong."""
    driver, built_for = versions(runtime)
    if not driver:
        return (
            "CuPy is installed but there is no NVIDIA driver on this machine; "
            "install it for an NVIDIA GPU and check it with nvidia-smi"
        )
    if driver < built_for:
        extra = f"cuda{driver // 1000}"
        fits = driver // 1000 in (12, 13) and driver // 1000 < built_for // 1000
        other = f"pip install 'tinygrad_ed[{extra}]', or " if fits else ""
        return (
            f"CuPy is built for CUDA {spelt(built_for)} and the NVIDIA driver runs CUDA up to "
            f"{spelt(driver)}; {other}install a newer driver"
        )
    return None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


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
        self.cupy, self.look = cupy, kernels.look

    def asarray(self, data: Any, dtype: Any = None) -> Array:
        """A fresh CuPy array in C order."""
        if dtype is None and not hasattr(data, "dtype"):
            data = np.asarray(data)
        try:
            return self.cupy.array(data, dtype=dtype, order="C")
        except MemoryError as error:
            what = f"a tensor of shape {np.shape(data)}"
            raise self.out_of_memory(error, what) from error

    def result(self, value: Any) -> Array:
        """CuPy keeps 0-d results as arrays; a plain number comes from a parameter-only formula."""
        return value if isinstance(value, self.cupy.ndarray) else self.cupy.asarray(value)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """A copy on the host.

        Raises:
            ValueError: And others: what a kernel of a captured step objected to, if nobody has
                waited for the GPU since.
        """
        found = np.asarray(self.cupy.asnumpy(array))
        self.look()
        return found

    def item(self, array: Array) -> Any:
        """The one number, copied to the host."""
        return self.to_numpy(array).item()

    def out_of_memory(self, error: MemoryError, doing: str) -> MemoryError:
        """What an op wanted, what there is, and what to do."""
        pool = self.cupy.get_default_memory_pool()
        there = ""
        with contextlib.suppress(self.cupy.cuda.runtime.CUDARuntimeError):
            free, total = self.cupy.cuda.runtime.memGetInfo()
            there = f" Of the GPU's {total:,} bytes {free:,} are free;"
        wanted = _one_line(error).rstrip(".")
        return MemoryError(
            f"{doing}: {wanted}.{there} CuPy's pool holds {pool.total_bytes():,} and uses "
            f"{pool.used_bytes():,}. Take smaller batches, or free what is kept: delete tensors, "
            f"losses above all, then cupy.get_default_memory_pool().free_all_blocks()"
        )
