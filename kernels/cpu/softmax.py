"""softmax and log_softmax along rows, with their gradients.

Sixteen rows at a time (see `rows`), sums in float64. `work` is scratch memory: a flat array of the
type of the scores with at least 16 K entries.
"""

import numpy as np
from numba import njit

from .elementary import exp, log
from .lanes import LANES, lanes
from .polynomials import EXACT
from .rows import add_lines, exponentials, normalise, turn, turn_back


def softmax(z, p, K, work):  # type: ignore[no-untyped-def]
    """p[n, k] = e^z[n, k] / Σ_j e^z[n, j].

    Shapes: z, p (N K,), work (16 K,) or more; K > 0.
    """
    largest, shift, norm = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N = z.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        normalise(block, K, largest, sums, norm)
        turn_back(block, K, first, rows, p)


def softmax_backward(dy, p, dz, K, work):  # type: ignore[no-untyped-def]
    """dz = p (dy - Σ_j dy_j p_j) in each row.

    Shapes: dy, p, dz (N K,), work (16 K,) or more; K > 0.
    """
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N = p.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(dy, K, first, rows, block)
        _weigh(p, K, first, rows, block)
        add_lines(block, K, sums)
        for lane in range(rows):
            low, high = (first + lane) * K, (first + lane + 1) * K
            _centred(dy[low:high], p[low:high], p.dtype.type(sums[lane]), dz[low:high])


def log_softmax(z, y, K, work):  # type: ignore[no-untyped-def]
    """y[n, k] = z[n, k] - max_j z[n, j] - log Σ_j e^(z[n, j] - max), without forming e^z / Σ.

    Shapes: z, y (N K,), work (16 K,) or more; K > 0.
    """
    largest, shift, logs = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N = z.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        for lane in range(LANES):
            # NaN where the largest entry is not finite, as in the formula.
            logs[lane] = log(z.dtype.type(sums[lane])) + (largest[lane] - largest[lane])
        for lane in range(rows):
            low, high = (first + lane) * K, (first + lane + 1) * K
            source, target = z[low:high], y[low:high]
            down, norm = shift[lane], logs[lane]
            for k in range(K):
                target[k] = (source[k] - down) - norm


def log_softmax_backward(dy, y, dz, K, work):  # type: ignore[no-untyped-def]
    """dz = dy - e^y Σ_j dy_j in each row.

    Shapes: dy, y, dz (N K,), work (16 K,) or more; K > 0.
    """
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N = y.size // K
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(dy, K, first, rows, block)
        add_lines(block, K, sums)
        # One loop over all rows for the exponentials: rows may be shorter than a vector.
        low, high = first * K, (first + rows) * K
        source, target = y[low:high], block[: rows * K]
        for i in range(rows * K):
            target[i] = exp(source[i])
        for lane in range(rows):
            low, high = (first + lane) * K, (first + lane + 1) * K
            p = block[lane * K : (lane + 1) * K]
            _less(dy[low:high], p, y.dtype.type(sums[lane]), dz[low:high])


@njit(**EXACT)
def _weigh(p, K, first, rows, block):  # type: ignore[no-untyped-def]
    """block[k, lane] *= p[first + lane, k]."""
    for lane in range(rows):
        row = p[(first + lane) * K : (first + lane + 1) * K]
        for k in range(K):
            block[k * LANES + lane] *= row[k]


@njit(**EXACT)
def _centred(dy, p, weighted, dz):  # type: ignore[no-untyped-def]
    for k in range(dz.size):
        dz[k] = p[k] * (dy[k] - weighted)


@njit(**EXACT)
def _less(dy, p, summed, dz):  # type: ignore[no-untyped-def]
    for k in range(dz.size):
        dz[k] = dy[k] - p[k] * summed
