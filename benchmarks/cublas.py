"""NVIDIA's own library as a peer: cuBLAS through CuPy, in each of its modes by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
from workloads import Product

REAL, DOUBLE = 0, 1
"""What cuBLAS calls float32 and float64."""
MODES = {"float32": (REAL, 68), "tf32": (REAL, 77), "bf16": (REAL, 75), "float64": (DOUBLE, 70)}
"""Mode -> the operands' type and the type that is computed in, by cuBLAS's numbers. In "tf32" and
"bf16" operands and result are float32, and tensor cores round the operands."""
DEFAULT_ALGORITHM = -1


def modes_of(dtype: str) -> tuple[str, ...]:
    """The modes for a number type."""
    return ("float64",) if dtype == "float64" else ("float32", "tf32", "bf16")


def product(cupy: Any, p: Product, A: Any, B: Any, C: Any, mode: str) -> Callable[[], None]:
    """C = A B, of operands as they are stored; a call is one call of cuBLAS.

    cuBLAS reads matrices column by column, as which a stored matrix is its own transpose. So it is
    asked for Cᵀ = Bᵀ Aᵀ, which lies in memory as C does.
    """
    kind, compute = MODES[mode]
    cublas, handle = cupy.cuda.cublas, cupy.cuda.get_cublas_handle()
    flip_a, flip_b = p.transposed
    one, zero = np.ones(1, C.dtype), np.zeros(1, C.dtype)
    first = (B.data.ptr, kind, B.shape[1])
    second = (A.data.ptr, kind, A.shape[1])
    result = (C.data.ptr, kind, p.N)

    def call(held: Any = (A, B, C)) -> None:  # cuBLAS is given addresses: somebody must hold them
        cublas.gemmEx(
            handle, int(flip_b), int(flip_a), p.N, p.M, p.K,
            one.ctypes.data, *first, *second, zero.ctypes.data, *result, compute, DEFAULT_ALGORITHM,
        )  # fmt: skip

    return call
