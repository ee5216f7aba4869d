"""Naive product: one dot product for each entry of C.

Idea. The definition, C[i, j] = sum over k of A[i, k] B[k, j].

Prediction. Each multiply-add waits for the one before it, and B is read down a column, a new cache
line for every number: about a hundredth of the peak.

Next bottleneck. The order of the loops: along j, B and C lie side by side.
"""


def naive(A, B, C, packed, work):  # type: ignore[no-untyped-def]
    """C (M, N) = A (M, K) @ B (K, N)."""
    zero = C.dtype.type(0)
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            total = zero
            for k in range(A.shape[1]):
                total += A[i, k] * B[k, j]
            C[i, j] = total
