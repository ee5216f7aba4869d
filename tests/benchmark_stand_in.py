"""A stand-in for what the GPU benchmarks use of CuPy: arrays with addresses, cuBLAS, events.

Kernels run simulated; what needs a GPU's own clock is taken from the CPU's.
"""

import ctypes
import time
import types
from typing import Any

import numpy as np
from tinygrad_ed.kernels.sim import SimulatedKernel

KINDS: dict[int, Any] = {0: ctypes.c_float, 1: ctypes.c_double}
COMPUTES = {68: "float32", 77: "tf32", 75: "bf16", 70: "float64"}


def matrix(address: int, kind: int, leading: int, columns: int) -> Any:
    """A matrix stored column by column."""
    pointer = ctypes.cast(address, ctypes.POINTER(KINDS[kind]))
    return np.ctypeslib.as_array(pointer, (columns, leading)).T


class Cublas:
    """gemmEx as its documentation has it."""

    def __init__(self) -> None:
        self.modes: list[str] = []

    def gemmEx(self, *given: int) -> None:
        handle, flip_a, flip_b, m, n, k, alpha, *rest = given
        A, a_kind, lda, B, b_kind, ldb, beta, C, c_kind, ldc, compute, algorithm = rest
        assert (handle, algorithm) == (7, -1)
        a = matrix(A, a_kind, lda, m if flip_a else k)
        b = matrix(B, b_kind, ldb, k if flip_b else n)
        a, b = a.T if flip_a else a, b.T if flip_b else b
        one, zero = (matrix(x, c_kind, 1, 1)[0, 0] for x in (alpha, beta))
        assert (one, zero) == (1, 0)
        self.modes.append(COMPUTES[compute])
        matrix(C, c_kind, ldc, n)[:m] = a[:m, :k] @ b[:k, :n]


class Addressed(np.ndarray[Any, Any]):
    """An array that says where it lies as CuPy's do."""

    @property
    def data(self) -> Any:
        return types.SimpleNamespace(ptr=self.ctypes.data)


class RawModule:
    """Kernels of a text."""

    def __init__(self, *, code: str, name_expressions: Any, **options: Any) -> None:
        self.code, self.names = code, name_expressions

    def get_function(self, name: str) -> Any:
        return Function(SimulatedKernel(self.code, self.names, name))


class Function:
    """A kernel to launch."""

    max_dynamic_shared_size_bytes = 48 << 10

    def __init__(self, kernel: SimulatedKernel) -> None:
        self.kernel = kernel

    def __call__(self, grid: Any, block: Any, given: Any, shared_mem: int) -> None:
        self.kernel(grid, block, given, (), shared_mem)


class Event:
    """A point in time."""

    def record(self) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        pass


def cupy() -> Any:
    """The module; `holds` lists for how many nanoseconds its GPU was held."""
    module: Any = types.ModuleType("cupy")
    module.holds = []

    def made_by(function: Any) -> Any:
        return lambda *given, **named: np.asarray(function(*given, **named)).view(Addressed)

    def raw_kernel(text: str, name: str) -> Any:
        assert f"void {name}(long long" in text

        def launch(grid: Any, block: Any, given: Any) -> None:
            assert (grid, block) == ((1,), (1,)) and type(given[0]) is np.int64
            module.holds.append(int(given[0]))

        return launch

    for name in ("asarray", "full", "zeros", "tile", "empty_like", "matmul"):
        setattr(module, name, made_by(getattr(np, name)))
    module.copyto, module.isnan, module.ndarray = np.copyto, np.isnan, Addressed
    module.RawModule, module.RawKernel = RawModule, raw_kernel
    device = types.SimpleNamespace(
        compute_capability="90", attributes={"MultiProcessorCount": 1, "ClockRate": 1980000}
    )
    module.cuda = types.SimpleNamespace(
        Device=lambda: device,
        Event=Event,
        get_elapsed_time=lambda start, stop: 1e3 * (stop.at - start.at),
        cublas=Cublas(),
        get_cublas_handle=lambda: 7,
    )
    return module
