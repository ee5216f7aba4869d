"""Softmax of rows, sixteen rows at a time: what `softmax` and `cross_entropy` are made of.

Idea. A row may be short (ten classes) and its largest entry and its sum are reductions, so a loop
along a row is poor vector code. Sixteen rows are turned on their side into scratch memory instead,
one in each lane: every step along k is then one vector instruction for sixteen rows.

Prediction. Turning a block costs about as much as its exponentials.

Next bottleneck. Turning: do it with vector shuffles.
"""

import numpy as np
from numba import njit

from .elementary import exp
from .lanes import LANES, add_to, clear, divide_by, raise_to, take_from
from .polynomials import EXACT
from .products.views import stretch


@njit(**EXACT)
def turn(x, K, first, rows, block):  # type: ignore[no-untyped-def]
    """block[k, lane] = x[first + lane, k]; zeros in the lanes after the last row."""
    for lane in range(rows):
        row = stretch(x, (first + lane) * K, K)
        for k in range(K):
            block[k * LANES + lane] = row[k]
    for lane in range(rows, LANES):
        for k in range(K):
            block[k * LANES + lane] = x.dtype.type(0)


@njit(**EXACT)
def turn_back(block, K, first, rows, x):  # type: ignore[no-untyped-def]
    """x[first + lane, k] = block[k, lane]."""
    for lane in range(rows):
        row = stretch(x, (first + lane) * K, K)
        for k in range(K):
            row[k] = block[k * LANES + lane]


@njit(**EXACT)
def exponentials(block, K, largest, shift, sums):  # type: ignore[no-untyped-def]
    """In each lane: block = e^(z - shift), and sums = Σ_k of it, from the first to the last.

    The shift is the row's largest entry, or 0 where that is not finite; the sums are float64.
    """
    zero = block.dtype.type(0)
    for lane in range(LANES):
        largest[lane] = -np.inf
    for k in range(K):
        raise_to(largest, stretch(block, k * LANES, LANES))
    for lane in range(LANES):
        shift[lane] = largest[lane] if largest[lane] - largest[lane] == zero else zero
    for k in range(K):
        take_from(stretch(block, k * LANES, LANES), shift)
    for i in range(LANES * K):
        block[i] = exp(block[i])
    add_lines(block, K, sums)


@njit(**EXACT)
def add_lines(block, K, sums):  # type: ignore[no-untyped-def]
    """In each lane: sums = Σ_k block, from the first to the last, in float64."""
    clear(sums)
    for k in range(K):
        add_to(sums, stretch(block, k * LANES, LANES))


@njit(**EXACT)
def normalise(block, K, largest, sums, norm):  # type: ignore[no-untyped-def]
    """In each lane: block = block / sums, or NaN where the row's largest entry is not finite."""
    for lane in range(LANES):
        # The difference is 0, or NaN: then the formula, which shifts by infinity, has no value.
        norm[lane] = block.dtype.type(sums[lane]) + (largest[lane] - largest[lane])
    for k in range(K):
        divide_by(stretch(block, k * LANES, LANES), norm)
