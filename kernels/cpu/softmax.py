"""softmax and log_softmax along rows, with their gradients.

Sixteen rows at a time (see `rows`), turned on their side in scratch memory; sums in float64.
"""

import numpy as np

from ..operands import Flat, FlatOut, Int, Work
from .compiling import kernel
from .elementary import exp, log
from .lanes import LANES, lanes
from .memory import line
from .products.views import stretch
from .rows import add_lines, exponentials, normalise, turn, turn_back


@kernel(equal=("z = p",), exact=True)
def softmax_rows(z: Flat, p: FlatOut, K: Int, work: Work) -> None:
    """p[n, k] = e^z[n, k] / Σ_j e^z[n, j].

    Shapes: z, p (N K,); K > 0.
    """
    largest, shift, norm = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = line(z, work, LANES * K)
    N = z.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        normalise(block, K, largest, sums, norm)
        turn_back(block, K, first, rows, p)


@kernel(equal=("dz = p", "dz = dy"), exact=True)
def softmax_rows_vjp(dz: FlatOut, dy: Flat, p: Flat, K: Int, work: Work) -> None:
    """dz = p (dy - Σ_j dy_j p_j) in each row.

    Shapes: dz, dy, p (N K,); K > 0.
    """
    sums = lanes(np.float64)
    block = line(p, work, LANES * K)
    N = p.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(dy, K, first, rows, block)
        for lane in range(rows):
            weight = stretch(p, (first + lane) * K, K)
            for k in range(K):
                block[k * LANES + lane] *= weight[k]
        add_lines(block, K, sums)
        for lane in range(rows):
            at, weighted = (first + lane) * K, p.dtype.type(sums[lane])
            source, weight, target = stretch(dy, at, K), stretch(p, at, K), stretch(dz, at, K)
            for k in range(K):
                target[k] = weight[k] * (source[k] - weighted)


@kernel(equal=("z = y",), exact=True)
def log_softmax_rows(z: Flat, y: FlatOut, K: Int, work: Work) -> None:
    """y[n, k] = z[n, k] - max_j z[n, j] - log Σ_j e^(z[n, j] - max), without forming e^z / Σ.

    Shapes: z, y (N K,); K > 0.
    """
    largest, shift, logs = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = line(z, work, LANES * K)
    N = z.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        for lane in range(LANES):
            # NaN where the largest entry is not finite, as in the formula.
            logs[lane] = log(z.dtype.type(sums[lane])) + (largest[lane] - largest[lane])
        for lane in range(rows):
            at, down, norm = (first + lane) * K, shift[lane], logs[lane]
            source, target = stretch(z, at, K), stretch(y, at, K)
            for k in range(K):
                target[k] = (source[k] - down) - norm


@kernel(equal=("dz = y", "dz = dy"), exact=True)
def log_softmax_rows_vjp(dz: FlatOut, dy: Flat, y: Flat, K: Int, work: Work) -> None:
    """dz = dy - e^y Σ_j dy_j in each row.

    Shapes: dz, dy, y (N K,); K > 0.
    """
    sums = lanes(np.float64)
    block = line(y, work, LANES * K)
    N = y.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(dy, K, first, rows, block)
        add_lines(block, K, sums)
        # One loop over all rows for the exponentials: rows may be shorter than a vector.
        logs = stretch(y, first * K, rows * K)
        for i in range(rows * K):
            block[i] = exp(logs[i])
        for lane in range(rows):
            at, summed = (first + lane) * K, y.dtype.type(sums[lane])
            source, target, p = stretch(dy, at, K), stretch(dz, at, K), stretch(block, lane * K, K)
            for k in range(K):
                target[k] = source[k] - p[k] * summed
