"""Softmax and cross-entropy with integer labels: the loss, its gradient, or both in one pass.

Idea. The gradient softmax(z) - one-hot is made of what the loss has computed already. In one pass
the scores are read once and the exponentials taken once, sixteen rows at a time (see `rows`).

Prediction. Half the time of loss and gradient one after the other. The same bits, because both are
made of the same steps: log Σ e^(z - max) + (max - z_label) for a row, rows added up in float64 from
the first to the last, one division by N, one rounding.

Next bottleneck. Turning the blocks.
"""

import numpy as np
from numba import njit

from ..operands import Flat, FlatOut, Int, Labels, Work
from .compiling import kernel
from .elementary import log
from .lanes import LANES, clear, lanes
from .memory import line
from .polynomials import EXACT
from .products.views import stretch
from .rows import exponentials, normalise, turn


@njit(**EXACT)
def outside_classes(labels, K):  # type: ignore[no-untyped-def]
    """How many labels are none of 0 ... K - 1."""
    found = 0
    for n in range(labels.size):
        found += (labels[n] < 0) | (labels[n] >= K)
    return found


@kernel(exact=True)
def cross_entropy_labels(
    z: Flat,
    labels: Labels,
    loss: FlatOut,
    dz: FlatOut,
    dy: Flat,
    K: Int,
    mean: Int,
    work: Work,
) -> int:
    """loss = Σ_n (log Σ_k e^z[n, k] - z[n, label_n]), dz = (softmax(z) - one-hot(labels)) dy.

    None stands for what is not wanted. `mean` is 1 to divide both by N, else 0; `dy` is the
    gradient of the loss itself, read only for dz. Where the loss is wanted, a label outside
    0 ... K - 1 is refused: 1 is returned and nothing is written. Without the loss, labels must be
    in range.

    Shapes: z, dz (N K,), labels (N,), loss, dy (1,); K > 0.
    """
    if loss.size and outside_classes(labels, K):
        return 1
    largest, shift, norm, chosen = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = line(z, work, LANES * K)
    N, found, one = labels.size, 0.0, z.dtype.type(1)
    share = one
    if dz.size:
        share = dy[0] / z.dtype.type(N) if mean else dy[0]
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        if loss.size:
            clear(chosen)
            for lane in range(rows):
                chosen[lane] = z[(first + lane) * K + labels[first + lane]]
            for lane in range(LANES):
                chosen[lane] = log(z.dtype.type(sums[lane])) + (shift[lane] - chosen[lane])
            for lane in range(rows):
                found += np.float64(chosen[lane])
        if dz.size:
            normalise(block, K, largest, sums, norm)
            for lane in range(rows):
                row, label = stretch(dz, (first + lane) * K, K), labels[first + lane]
                for k in range(K):
                    row[k] = share * block[k * LANES + lane]
                row[label] = share * (block[label * LANES + lane] - one)
    if loss.size:
        loss[0] = z.dtype.type(found / N if mean else found)
    return 0
