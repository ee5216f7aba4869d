"""Losses per entry: binary cross-entropy of logits and squared error.

Each kernel gives the loss, its gradient, or both in one pass, and None stands for what is not
wanted: both together have the bits of each alone, since they take the same steps.

Idea. Sixty-four entries at a time: their losses go into scratch memory in vector code, and from
there into the sixteen float64 lanes of the sum (see `lanes`).

Prediction. Binary cross-entropy costs an exponential, a logarithm and, with its gradient, two
divisions an entry; squared error costs what the memory costs.

Next bottleneck. The division in log1p.

`mean` is 1 for the mean over the entries and 0 for their sum. `dy` is the gradient of the loss
itself, one entry; it is read only where a gradient is wanted.
"""

import numpy as np
from numba import njit

from ..operands import Flat, FlatOut, Int, Real, Work
from .compiling import kernel
from .elementary import exp, log1p, maximum, sigmoid
from .lanes import accumulate, clear, folded, lanes
from .memory import line
from .polynomials import EXACT
from .products.views import stretch

CHUNK = 64


@njit(**EXACT)
def outside_unit(t):  # type: ignore[no-untyped-def]
    """How many entries lie outside [0, 1]; NaN is none of them."""
    zero, one, found = t.dtype.type(0), t.dtype.type(1), 0
    for i in range(t.size):
        found += (t[i] < zero) | (t[i] > one)
    return found


@kernel(equal=("z = t", "z = dz"), exact=True)
def bce_with_logits(
    z: Flat,
    t: Flat,
    loss: FlatOut,
    dz: FlatOut,
    dy: Flat,
    pos_weight: Real,
    mean: Int,
    work: Work,
) -> int:
    """loss = Σ w t softplus(-z) + (1 - t) softplus(z), dz = dy ((1 - t) σ(z) - w t (1 - σ(z))).

    For w = 1, dz = dy (σ(z) - t). Both are divided by the number of entries if `mean`. Where the
    loss is wanted, a target outside [0, 1] is refused: 1 is returned and nothing is written.

    Shapes: z, t, dz (n,), loss, dy (1,); pos_weight w a number.
    """
    if loss.size and outside_unit(t):
        return 1
    zero, one, weight = z.dtype.type(0), z.dtype.type(1), z.dtype.type(pos_weight)
    share = one
    if dz.size:
        share = dy[0] / z.dtype.type(z.size) if mean else dy[0]
    sums = lanes(np.float64)
    clear(sums)
    for low in range(0, z.size, CHUNK):
        n = min(CHUNK, z.size - low)
        score, target = stretch(z, low, n), stretch(t, low, n)
        if loss.size:
            each = line(z, work, n)
            for i in range(n):
                tail = log1p(exp(-abs(score[i])))
                positive = weight * target[i] * (maximum(-score[i], zero) + tail)
                each[i] = positive + (one - target[i]) * (maximum(score[i], zero) + tail)
            accumulate(sums, each)
        if dz.size:
            slope = stretch(dz, low, n)
            if weight == one:
                for i in range(n):
                    slope[i] = share * (sigmoid(score[i]) - target[i])
            else:
                for i in range(n):
                    y = sigmoid(score[i])
                    slope[i] = share * ((one - target[i]) * y - weight * target[i] * (one - y))
    if loss.size:
        found = folded(sums)
        loss[0] = z.dtype.type(found / z.size if mean else found)
    return 0


@kernel(equal=("y = t", "y = dx"), exact=True)
def mse(y: Flat, t: Flat, loss: FlatOut, dx: FlatOut, dy: Flat, mean: Int, work: Work) -> None:
    """loss = Σ (y - t)², dx = 2 (y - t) dy; both divided by the number of entries if `mean`.

    Shapes: y, t, dx (n,), loss, dy (1,).
    """
    two = y.dtype.type(2)
    share = two
    if dx.size:
        share = dy[0] / y.dtype.type(y.size) if mean else dy[0]
    sums = lanes(np.float64)
    clear(sums)
    for low in range(0, y.size, CHUNK):
        n = min(CHUNK, y.size - low)
        value, target = stretch(y, low, n), stretch(t, low, n)
        if loss.size:
            each = line(y, work, n)
            for i in range(n):
                difference = value[i] - target[i]
                each[i] = difference * difference
            accumulate(sums, each)
        if dx.size:
            slope = stretch(dx, low, n)
            for i in range(n):
                slope[i] = share * (two * (value[i] - target[i]))
    if loss.size:
        found = folded(sums)
        loss[0] = y.dtype.type(found / y.size if mean else found)
