"""Losses per entry: binary cross-entropy of logits and squared error, with their gradients.

Idea. Sixty-four entries at a time: their losses go into scratch memory in vector code, and from
there into the sixteen float64 lanes of the sum (see `lanes`). The one-pass kernel takes the same
steps and writes the gradient as well, so it has the bits of the other two.

Prediction. Binary cross-entropy costs an exponential, a logarithm and, with its gradient, two
divisions an entry; squared error costs what the memory costs.

Next bottleneck. The division in log1p.

`mean` is 1 for the mean over the entries and 0 for their sum. `dy` is the gradient of the loss
itself, one entry. `work` is scratch memory: a flat array of the type of the scores with at least 64
entries.
"""

import numpy as np
from numba import njit

from .elementary import exp, log1p, maximum, sigmoid
from .lanes import accumulate, clear, folded, lanes
from .polynomials import EXACT

CHUNK = 64


def bce_with_logits_forward(z, t, loss, pos_weight, mean, work):  # type: ignore[no-untyped-def]
    """loss[0] = Σ w t softplus(-z) + (1 - t) softplus(z), divided by the entries' number if `mean`.

    Shapes: z, t (n,), loss (1,), work (64,) or more; pos_weight w a number.
    """
    sums = lanes(np.float64)
    clear(sums)
    weight = z.dtype.type(pos_weight)
    for low in range(0, z.size, CHUNK):
        high = min(low + CHUNK, z.size)
        each = work[: high - low]
        _bce_losses(z[low:high], t[low:high], weight, each)
        accumulate(sums, each)
    found = folded(sums)
    loss[0] = z.dtype.type(found / z.size if mean else found)


def bce_with_logits_backward(z, t, dy, dz, pos_weight, mean):  # type: ignore[no-untyped-def]
    """dz = (1 - t) σ(z) - w t (1 - σ(z)), σ(z) - t for w = 1; times dy, by the number if `mean`.

    Shapes: z, t, dz (n,), dy (1,); pos_weight w a number.
    """
    each = dy[0] / z.dtype.type(z.size) if mean else dy[0]
    _bce_gradients(z, t, z.dtype.type(pos_weight), each, dz)


def bce_with_logits_with_gradient(  # type: ignore[no-untyped-def]
    z, t, dy, loss, dz, pos_weight, mean, work
):
    """The loss and its gradient in one pass, with the bits of the two above.

    Shapes: z, t, dz (n,), dy, loss (1,), work (64,) or more; pos_weight w a number.
    """
    sums = lanes(np.float64)
    clear(sums)
    weight = z.dtype.type(pos_weight)
    share = dy[0] / z.dtype.type(z.size) if mean else dy[0]
    for low in range(0, z.size, CHUNK):
        high = min(low + CHUNK, z.size)
        each = work[: high - low]
        _bce_losses(z[low:high], t[low:high], weight, each)
        accumulate(sums, each)
        _bce_gradients(z[low:high], t[low:high], weight, share, dz[low:high])
    found = folded(sums)
    loss[0] = z.dtype.type(found / z.size if mean else found)


def mse_forward(y, t, loss, mean, work):  # type: ignore[no-untyped-def]
    """loss[0] = Σ (y - t)², divided by the number of entries if `mean`.

    Shapes: y, t (n,), loss (1,), work (64,) or more.
    """
    sums = lanes(np.float64)
    clear(sums)
    for low in range(0, y.size, CHUNK):
        high = min(low + CHUNK, y.size)
        each = work[: high - low]
        _squares(y[low:high], t[low:high], each)
        accumulate(sums, each)
    found = folded(sums)
    loss[0] = y.dtype.type(found / y.size if mean else found)


def mse_backward(y, t, dy, dx, mean):  # type: ignore[no-untyped-def]
    """dx = 2 (y - t) dy, divided by the number of entries if `mean`.

    Shapes: y, t, dx (n,), dy (1,).
    """
    each = dy[0] / y.dtype.type(y.size) if mean else dy[0]
    _mse_gradients(y, t, each, dx)


def mse_with_gradient(y, t, dy, loss, dx, mean, work):  # type: ignore[no-untyped-def]
    """The loss and its gradient in one pass, with the bits of the two above.

    Shapes: y, t, dx (n,), dy, loss (1,), work (64,) or more.
    """
    sums = lanes(np.float64)
    clear(sums)
    share = dy[0] / y.dtype.type(y.size) if mean else dy[0]
    for low in range(0, y.size, CHUNK):
        high = min(low + CHUNK, y.size)
        each = work[: high - low]
        _squares(y[low:high], t[low:high], each)
        accumulate(sums, each)
        _mse_gradients(y[low:high], t[low:high], share, dx[low:high])
    found = folded(sums)
    loss[0] = y.dtype.type(found / y.size if mean else found)


@njit(**EXACT)
def _bce_losses(z, t, weight, each):  # type: ignore[no-untyped-def]
    zero, one = z.dtype.type(0), z.dtype.type(1)
    for i in range(each.size):
        tail = log1p(exp(-abs(z[i])))
        positive = weight * t[i] * (maximum(-z[i], zero) + tail)
        each[i] = positive + (one - t[i]) * (maximum(z[i], zero) + tail)


@njit(**EXACT)
def _bce_gradients(z, t, weight, each, dz):  # type: ignore[no-untyped-def]
    one = z.dtype.type(1)
    if weight == one:
        for i in range(dz.size):
            dz[i] = each * (sigmoid(z[i]) - t[i])
    else:
        for i in range(dz.size):
            y = sigmoid(z[i])
            dz[i] = each * ((one - t[i]) * y - weight * t[i] * (one - y))


@njit(**EXACT)
def _squares(y, t, each):  # type: ignore[no-untyped-def]
    for i in range(each.size):
        difference = y[i] - t[i]
        each[i] = difference * difference


@njit(**EXACT)
def _mse_gradients(y, t, each, dx):  # type: ignore[no-untyped-def]
    two = y.dtype.type(2)
    for i in range(dx.size):
        dx[i] = each * (two * (y[i] - t[i]))
