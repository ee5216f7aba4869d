"""Packed rank-4 update: C = A B in plain Numba.

Idea. A block of B (KC rows, NC columns) is copied once into contiguous memory, where it stays in
the first-level cache while every row of A passes over it. Four rows of C at a time grow by four
products at a time, `c[j] += a0 b0[j] + a1 b1[j] + a2 b2[j] + a3 b3[j]`: sixteen multiplications for
eight loads, and a loop over j that the compiler turns into vector instructions without reordering
any sum, so the result does not depend on the vector width.

Prediction. About half of the machine's multiply-add peak: the loads of c and b share the ports.

Next bottleneck. c goes through the cache on each update; a register-tiled kernel keeps it.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types

from .compiling import OPTIONS, compiled

KC = 64
"""Rows of B in a block."""
NC = 128
"""Columns of B in a block: KC x NC numbers fit the first-level cache."""


@njit(**OPTIONS)
def _update(kc, w, A4, B, C4):  # type: ignore[no-untyped-def]
    """C4 (4, w) += A4 (4, kc) @ B (kc, w), all packed and flat; kc is a multiple of 4."""
    C0, C1, C2, C3 = C4[:w], C4[w : 2 * w], C4[2 * w : 3 * w], C4[3 * w : 4 * w]
    for k in range(0, kc, 4):
        # The sixteen factors live in registers: read inside the loop over j they would be read
        # again each time, since the compiler cannot know that C4 does not overlap them.
        o = 4 * k
        a00, a10, a20, a30 = A4[o + 0], A4[o + 1], A4[o + 2], A4[o + 3]
        a01, a11, a21, a31 = A4[o + 4], A4[o + 5], A4[o + 6], A4[o + 7]
        a02, a12, a22, a32 = A4[o + 8], A4[o + 9], A4[o + 10], A4[o + 11]
        a03, a13, a23, a33 = A4[o + 12], A4[o + 13], A4[o + 14], A4[o + 15]
        # Slices, because the compiler cannot rule out that a computed index wraps below zero.
        p = k * w
        B0, B1 = B[p : p + w], B[p + w : p + 2 * w]
        B2, B3 = B[p + 2 * w : p + 3 * w], B[p + 3 * w : p + 4 * w]
        for j in range(w):
            b0, b1, b2, b3 = B0[j], B1[j], B2[j], B3[j]
            C0[j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
            C1[j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
            C2[j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
            C3[j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3


def product(A, B, C):  # type: ignore[no-untyped-def]
    """C (M, N) = A (M, K) @ B (K, N); A and B of any strides, C in C order.

    Edges are filled with zeros in the packed blocks, so nothing outside is read or written.
    """
    M, K = A.shape
    N = B.shape[1]
    zero = C.dtype.type(0)
    packed_B = np.empty(KC * NC, C.dtype)
    packed_A = np.empty(4 * KC, C.dtype)
    tile = np.zeros(4 * NC, C.dtype)
    if K == 0:
        C[:, :] = zero
    for j0 in range(0, N, NC):
        columns = min(NC, N - j0)
        w = (columns + 15) // 16 * 16  # whole vectors, but no more than a narrow layer needs
        for k0 in range(0, K, KC):
            depth = min(KC, K - k0)
            kc = (depth + 3) // 4 * 4
            for k in range(kc):
                line = packed_B[k * w : (k + 1) * w]
                line[:] = zero
                if k < depth:
                    source = B[k0 + k, j0 : j0 + columns]
                    for j in range(columns):
                        line[j] = source[j]
            for i0 in range(0, M, 4):
                rows = min(4, M - i0)
                if rows < 4 or depth < kc:
                    packed_A[:] = zero
                for r in range(rows):
                    source = A[i0 + r, k0 : k0 + depth]
                    for k in range(depth):
                        packed_A[4 * k + r] = source[k]
                for r in range(rows):
                    line = tile[r * w : (r + 1) * w]
                    if k0 == 0:
                        line[:] = zero
                    else:
                        line[:columns] = C[i0 + r, j0 : j0 + columns]
                _update(kc, w, packed_A, packed_B, tile)
                for r in range(rows):
                    C[i0 + r, j0 : j0 + columns] = tile[r * w : r * w + columns]


@functools.cache
def _compiled(dtype: np.dtype[Any]) -> Callable[..., None]:
    """`product` for one number type, for arrays of any strides, compiled once per machine."""
    number = getattr(types, dtype.name)
    strided = types.Array(number, 2, "A", readonly=True)
    ordered = types.Array(number, 2, "C")
    return compiled(types.void(strided, strided, ordered), product)


def matmul(
    A: np.ndarray[Any, Any], B: np.ndarray[Any, Any], out: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """out = A @ B for float32 or float64 matrices of any strides; out in C order.

    Shapes: A (M, K), B (K, N) -> out (M, N), with any of them 0.
    """
    _compiled(A.dtype)(A, B, out)
    return out
