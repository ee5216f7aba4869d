"""Softmax and cross-entropy with integer labels: the loss, its gradient, or both in one pass.

Idea. The gradient softmax(z) - one-hot is made of what the loss has computed already. In one pass
the scores are read once and the exponentials taken once, sixteen rows at a time (see `rows`).

Prediction. Half the time of loss and gradient one after the other. The same bits, because both are
made of the same steps: log Σ e^(z - max) + (max - z_label) for a row, rows added up in float64 from
the first to the last, one division by N, one rounding.

Next bottleneck. Turning the blocks.

Labels must be in range, which the caller has checked. `mean` is 1 for the mean over the rows and 0
for their sum. `dy` is the gradient of the loss itself, one entry. `work` is scratch memory: a flat
array of the type of the scores with at least 16 K entries.
"""

import numpy as np
from numba import njit

from .elementary import log
from .lanes import LANES, lanes
from .polynomials import EXACT
from .rows import exponentials, normalise, turn


def cross_entropy_forward(z, labels, loss, K, mean, work):  # type: ignore[no-untyped-def]
    """loss[0] = Σ_n (log Σ_k e^z[n, k] - z[n, label_n]), divided by N if `mean`.

    Shapes: z (N K,), labels (N,) int64, loss (1,), work (16 K,) or more; K > 0.
    """
    largest, shift = lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N, found = labels.size, 0.0
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        found = _with_losses(found, z, labels, K, first, rows, shift, sums)
    loss[0] = z.dtype.type(found / N if mean else found)


def cross_entropy_backward(z, labels, dy, dz, K, mean, work):  # type: ignore[no-untyped-def]
    """dz = (softmax(z) - one-hot(labels)) dy, divided by N if `mean`.

    Shapes: z, dz (N K,), labels (N,) int64, dy (1,), work (16 K,) or more; K > 0.
    """
    largest, shift, norm = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N = labels.size
    each = dy[0] / z.dtype.type(N) if mean else dy[0]
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        normalise(block, K, largest, sums, norm)
        _put_gradients(block, labels, K, first, rows, each, dz)


def cross_entropy_with_gradient(z, labels, dy, loss, dz, K, mean, work):  # type: ignore[no-untyped-def]
    """The loss and its gradient in one pass, with the bits of the two above.

    Shapes: z, dz (N K,), labels (N,) int64, dy, loss (1,), work (16 K,) or more; K > 0.
    """
    largest, shift, norm = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = work[: LANES * K]
    N, found = labels.size, 0.0
    each = dy[0] / z.dtype.type(N) if mean else dy[0]
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        found = _with_losses(found, z, labels, K, first, rows, shift, sums)
        normalise(block, K, largest, sums, norm)
        _put_gradients(block, labels, K, first, rows, each, dz)
    loss[0] = z.dtype.type(found / N if mean else found)


@njit(**EXACT)
def _with_losses(found, z, labels, K, first, rows, shift, sums):  # type: ignore[no-untyped-def]
    """Found and the losses of these rows, added one after the other."""
    losses = lanes(z.dtype)
    for lane in range(LANES):
        losses[lane] = z.dtype.type(0)
    for lane in range(rows):
        losses[lane] = z[(first + lane) * K + labels[first + lane]]
    for lane in range(LANES):
        losses[lane] = log(z.dtype.type(sums[lane])) + (shift[lane] - losses[lane])
    for lane in range(rows):
        found += np.float64(losses[lane])
    return found


@njit(**EXACT)
def _put_gradients(block, labels, K, first, rows, each, dz):  # type: ignore[no-untyped-def]
    """dz[first + lane, k] = each (block[k, lane] - [k = label])."""
    for lane in range(rows):
        row = dz[(first + lane) * K : (first + lane + 1) * K]
        for k in range(K):
            row[k] = each * block[k * LANES + lane]
        label = labels[first + lane]
        row[label] = each * (block[label * LANES + lane] - block.dtype.type(1))
