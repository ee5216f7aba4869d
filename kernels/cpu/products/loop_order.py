"""Loop order i, k, j: rows of B are added to a row of C.

Idea. The same multiply-adds, the loop over j inside: neighbours in memory, independent of each
other, so the compiler works on whole vectors. No sum changes its order: each entry of C still
grows along k.

Prediction. A load of b, a load and a store of c for each multiply-add: a fifth of the peak at best,
while B stays in a near cache.

Next bottleneck. All of B passes by for every row of A: once B outgrows the cache, memory decides.
"""

from numba import njit

from .views import CONTRACTED, address_of, line, size_of


@njit(**CONTRACTED)
def add_row(a, source, row):  # type: ignore[no-untyped-def]
    """In place: row + a * source."""
    for j in range(row.size):
        row[j] += a * source[j]


def loop_order(A, B, C, packed, work):  # type: ignore[no-untyped-def]
    """C (M, N) = A (M, K) @ B (K, N)."""
    N = C.shape[1]
    zero = C.dtype.type(0)
    side_by_side = B.strides[1] == size_of(zero)
    for i in range(C.shape[0]):
        row = line(zero, address_of(C) + i * C.strides[0], N)
        for j in range(N):
            row[j] = zero
        for k in range(A.shape[1]):
            if side_by_side:  # the compiler makes vectors only where it knows the stride
                add_row(A[i, k], line(zero, address_of(B) + k * B.strides[0], N), row)
            else:
                add_row(A[i, k], B[k], row)
