"""Sums and means over all entries, over rows and over columns of arrays in C order; the way back.

Idea. The order of every sum is written down (see `lanes`), with float64 inside and one rounding at
the end, so that it runs in vector registers and is the same for any division of the work.

Prediction. As fast as the memory delivers.

Next bottleneck. Memory: add up where the entries are computed.

`mean` is 1 for the mean and 0 for the sum; the mean of nothing is NaN.
"""

import numpy as np

from ..operands import Flat, FlatOut, Int, Part, Parts
from .compiling import kernel
from .lanes import LANES, add_to, clear, lanes, total
from .products.views import stretch


@kernel(exact=True)
def sum_all(x: Flat, y: FlatOut, mean: Int) -> None:
    """y[0] = Σ x, divided by the number of entries if `mean`.

    Shapes: x (n,), y (1,).
    """
    found = total(x)
    y[0] = x.dtype.type(found / x.size if mean else found)


@kernel(exact=True)
def sum_columns(x: Flat, y: FlatOut, K: Int, mean: Int) -> None:
    """y[n] = Σ_k x[n, k], divided by K if `mean`: the sum over the last axis.

    Shapes: x (N K,), y (N,).
    """
    for n in range(y.size):
        found = total(stretch(x, n * K, K))
        y[n] = x.dtype.type(found / K if mean else found)


@kernel(split="self", exact=True)
def sum_rows(x: Flat, y: FlatOut, mean: Int, part: Part, parts: Parts) -> None:
    """y[h] = Σ_n x[n, h], divided by N if `mean`: the sum over the first axis.

    Each column is added up from its first row to its last, so threads may share the columns.

    Shapes: x (N H,), y (H,).
    """
    H = y.size
    if H == 0:
        return
    N = x.size // H
    share = ((H + LANES - 1) // LANES + parts - 1) // parts * LANES
    sums = lanes(np.float64)
    for first in range(min(H, part * share), min(H, (part + 1) * share), LANES):
        if H - first >= LANES:
            clear(sums)
            for n in range(N):
                add_to(sums, stretch(x, n * H + first, LANES))
            for lane in range(LANES):
                y[first + lane] = x.dtype.type(sums[lane] / N if mean else sums[lane])
        else:
            for h in range(first, H):
                found = 0.0
                for n in range(N):
                    found += np.float64(x[n * H + h])
                y[h] = x.dtype.type(found / N if mean else found)


@kernel(work=("y",), exact=True)
def spread(y: FlatOut, x: Flat, after: Int, among: Int) -> None:
    """y[b, r, a] = x[b, a], divided by `among` if that is not 0: the gradient of a sum, of a mean.

    Shapes: x (B * after,), y (B R after,) for any R.
    """
    if y.size == 0:
        return
    repeats, divisor = y.size // x.size, x.dtype.type(max(1, among))
    for b in range(x.size // after):
        if after == 1:
            value, target = x[b] / divisor, stretch(y, b * repeats, repeats)
            for r in range(repeats):
                target[r] = value
        else:
            source = stretch(x, b * after, after)
            for r in range(repeats):
                target = stretch(y, (b * repeats + r) * after, after)
                for a in range(after):
                    target[a] = source[a] / divisor
