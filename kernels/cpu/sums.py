"""Sums and means over all entries, over rows and over columns of arrays in C order.

Idea. The order of every sum is written down (see `lanes`), with float64 inside and one rounding at
the end, so that it runs in vector registers and is the same for any division of the work.

Prediction. As fast as the memory delivers.

Next bottleneck. Memory: add up where the entries are computed.
"""

import numpy as np
from numba import njit

from .lanes import LANES, add_to, clear, lanes, total
from .polynomials import EXACT


def sum_all(x, y, mean):  # type: ignore[no-untyped-def]
    """y[0] = Σ x, divided by the number of entries if `mean`; the mean of nothing is NaN.

    Shapes: x (n,), y (1,).
    """
    found = total(x)
    y[0] = x.dtype.type(found / x.size if mean else found)


def sum_columns(x, y, K, mean):  # type: ignore[no-untyped-def]
    """y[n] = Σ_k x[n, k], divided by K if `mean`: the sum over the last axis.

    Shapes: x (N K,), y (N,).
    """
    for n in range(y.size):
        found = total(x[n * K : (n + 1) * K])
        y[n] = x.dtype.type(found / K if mean else found)


def sum_rows(x, y, H, mean, low, high):  # type: ignore[no-untyped-def]
    """y[h] = Σ_n x[n, h] for low <= h < high, divided by N if `mean`: the sum over the first axis.

    Each column is added up from its first row to its last, so columns may be shared out to threads.

    Shapes: x (N H,), y (H,); H > 0.
    """
    N = x.size // H
    for first in range(low, high, LANES):
        width = min(LANES, high - first)
        if width == LANES:
            _add_columns(x, y, H, N, mean, first)
        else:
            for h in range(first, high):
                _add_column(x, y, H, N, mean, h)


@njit(**EXACT)
def _add_columns(x, y, H, N, mean, first):  # type: ignore[no-untyped-def]
    sums = lanes(np.float64)
    clear(sums)
    for n in range(N):
        add_to(sums, x[n * H + first : n * H + first + LANES])
    for lane in range(LANES):
        y[first + lane] = x.dtype.type(sums[lane] / N if mean else sums[lane])


@njit(**EXACT)
def _add_column(x, y, H, N, mean, h):  # type: ignore[no-untyped-def]
    found = 0.0
    for n in range(N):
        found += np.float64(x[n * H + h])
    y[h] = x.dtype.type(found / N if mean else found)
