"""Blocked product: the order i, k, j on blocks of B that stay in the cache.

Idea. A block of B, KC rows by NC columns, is used for all rows of A before the next one is touched.
The blocks follow each other in the order of k, so no sum changes its order.

Prediction. The speed of the plain loop order on small matrices, now for matrices of any size.

Next bottleneck. Still a load and a store of c for each multiply-add; and the rows of a block lie
far apart in memory.
"""

from .loop_order import add_row
from .views import address_of, line, size_of

KC = 64
"""Rows of B in a block."""
NC = 256
"""Columns of B in a block: KC x NC numbers fit the second-level cache."""


def blocked(A, B, C, packed, work):  # type: ignore[no-untyped-def]
    """C (M, N) = A (M, K) @ B (K, N)."""
    M, N = C.shape
    K = A.shape[1]
    zero = C.dtype.type(0)
    size = size_of(zero)
    for i in range(M):
        for j in range(N):
            C[i, j] = zero
    for j0 in range(0, N, NC):
        columns = min(NC, N - j0)
        for k0 in range(0, K, KC):
            for i in range(M):
                row = line(zero, address_of(C) + i * C.strides[0] + j0 * size, columns)
                for k in range(k0, min(K, k0 + KC)):
                    if B.strides[1] == size:
                        b = address_of(B) + k * B.strides[0] + j0 * size
                        add_row(A[i, k], line(zero, b, columns), row)
                    else:
                        add_row(A[i, k], B[k, j0 : j0 + columns], row)
