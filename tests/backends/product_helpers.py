"""Matrices for the tests of the product: drawn, laid out, guarded; and the bound on its error."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from tinygrad_ed.kernels.cpu.products import RUNGS, multiply

Array = np.ndarray[Any, Any]
DTYPES = ["float32", "float64"]
VECTORS = ["avx512", "avx2", "generic"]
LOWER = [rung for rung in RUNGS if rung != "tiled"]

sizes = st.integers(0, 20) | st.sampled_from([1, 24, 31, 33, 48, 63, 65, 100, 130])
layouts = st.sampled_from(["C", "F", "negative", "strided", "read-only", "broadcast"])
seeds = st.integers(0, 99)
booleans = st.booleans()


def gamma(k: int, dtype: Any) -> float:
    """γ_k = k u / (1 - k u): the relative error that k rounded operations can build up."""
    u = float(np.finfo(dtype).eps) / 2
    return k * u / (1 - k * u)


def assert_within_bound(A: Array, B: Array, C: Array) -> None:
    """|computed - exact| of a product is at most γ_K |A| |B|, in whatever order it is summed."""
    wide_A, wide_B = A.astype(np.longdouble), B.astype(np.longdouble)
    error = gamma(A.shape[1] + 1, A.dtype) * (np.abs(wide_A) @ np.abs(wide_B))
    assert C.dtype == A.dtype
    assert np.all(np.abs(C - wide_A @ wide_B) <= error + np.finfo(A.dtype).smallest_subnormal)


def laid_out(a: Array, layout: str) -> Array:
    """The same numbers in another memory layout."""
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "negative":
        return a[::-1, ::-1].copy()[::-1, ::-1]
    if layout == "strided":
        wide = np.full((2 * a.shape[0], 3 * a.shape[1]), np.nan, a.dtype)
        wide[::2, ::3] = a
        return wide[::2, ::3]
    if layout == "read-only":
        a = a.copy()
        a.flags.writeable = False
    if layout == "broadcast" and a.size:
        return np.broadcast_to(a[:1], a.shape)
    return a


def guarded_product(A: Array, B: Array, **options: Any) -> Array:
    """A @ B written into a part of a larger array, whose other entries must stay as they are."""
    M, N = A.shape[0], B.shape[1]
    whole = np.full((M + 2, N + 34), 7.0, A.dtype)
    multiply(A, B, whole[1:-1, 17 : 17 + N], **options)
    C = whole[1:-1, 17 : 17 + N].copy()
    whole[1:-1, 17 : 17 + N] = 7.0
    assert np.all(whole == 7.0), "written outside"
    return C


def bits(C: Array) -> bytes:
    return C.tobytes()


def drawn(M: int, K: int, N: int, dtype: str, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
