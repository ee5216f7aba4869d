"""Packed rank-4 update: the best that plain Numba does here, and the oracle of the tiled product.

Idea. A block of B is copied once into scratch memory, where it stays in the first-level cache while
every row of A passes over it. Four rows of C at a time grow by four products at a time: sixteen
multiply-adds for four loads of b and four of c, in a loop over j that the compiler turns into
vector instructions. Each entry adds its four products one after the other, in the order of k.

Prediction. About half of the machine's multiply-add peak: sixteen multiply-adds for eight loads and
four stores.

Next bottleneck. c goes through the cache on each update; a register-tiled kernel keeps it.
"""

from numba import njit

from .loop_order import add_row
from .views import CONTRACTED, address_of, line, size_of

KC = 64
"""Rows of B in a block."""
NC = 128
"""Columns of B in a block: KC x NC numbers fit the first-level cache."""
WORK_BYTES = KC * NC * 8


@njit(**CONTRACTED)
def _rank_4(A, i, k, B0, B1, B2, B3, C0, C1, C2, C3):  # type: ignore[no-untyped-def]
    """C0..C3 (rows i.. of C) += A[i : i + 4, k : k + 4] @ (B0..B3)."""
    # The sixteen factors live in registers: read inside the loop over j they would be read again
    # each time, since the compiler cannot know that C does not overlap A.
    a00, a01, a02, a03 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
    a10, a11, a12, a13 = A[i + 1, k], A[i + 1, k + 1], A[i + 1, k + 2], A[i + 1, k + 3]
    a20, a21, a22, a23 = A[i + 2, k], A[i + 2, k + 1], A[i + 2, k + 2], A[i + 2, k + 3]
    a30, a31, a32, a33 = A[i + 3, k], A[i + 3, k + 1], A[i + 3, k + 2], A[i + 3, k + 3]
    for j in range(C0.size):
        b0, b1, b2, b3 = B0[j], B1[j], B2[j], B3[j]
        C0[j] = C0[j] + a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
        C1[j] = C1[j] + a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
        C2[j] = C2[j] + a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
        C3[j] = C3[j] + a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3


def packed(A, B, C, packed, work):  # type: ignore[no-untyped-def]
    """C (M, N) = A (M, K) @ B (K, N)."""
    M, N = C.shape
    K = A.shape[1]
    zero = C.dtype.type(0)
    size = size_of(zero)
    for i in range(M):
        for j in range(N):
            C[i, j] = zero
    for j0 in range(0, N, NC):
        w = min(NC, N - j0)
        block = line(zero, work, KC * w)
        for k0 in range(0, K, KC):
            depth = min(KC, K - k0)
            for k in range(depth):
                target = block[k * w : k * w + w]
                source = B[k0 + k, j0 : j0 + w]
                for j in range(w):
                    target[j] = source[j]
            for i0 in range(0, M, 4):
                rows = min(4, M - i0)
                c, step = address_of(C) + i0 * C.strides[0] + j0 * size, C.strides[0]
                k = 0
                if rows == 4:
                    while k + 4 <= depth:
                        b = work + k * w * size
                        _rank_4(
                            A, i0, k0 + k,
                            line(zero, b, w), line(zero, b + w * size, w),
                            line(zero, b + 2 * w * size, w), line(zero, b + 3 * w * size, w),
                            line(zero, c, w), line(zero, c + step, w),
                            line(zero, c + 2 * step, w), line(zero, c + 3 * step, w),
                        )  # fmt: skip
                        k += 4
                while k < depth:
                    for r in range(rows):
                        b_k, c_r = line(zero, work + k * w * size, w), line(zero, c + r * step, w)
                        add_row(A[i0 + r, k0 + k], b_k, c_r)
                    k += 1
