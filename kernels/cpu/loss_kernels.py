"""Losses, softmax, sums and dropout as kernels: what they take, what they refuse, scratch memory.

A loss refuses (returns 1) targets that it is not made for, so that whoever called it can say what is
wrong with them: probabilities outside [0, 1], labels that are no class.
"""

import numpy as np
from numba import njit

from . import cross_entropy, losses, philox, softmax, sums
from .compiling import kernel
from .lanes import LANES, accumulate, clear, folded, lanes
from .memory import line
from .operands import Flat, FlatOut, Int, Labels, Part, Parts, Real, Work
from .rows import exponentials, normalise, turn

EXACT = {"error_model": "numpy"}
COLUMNS = 16


@njit(**EXACT)
def outside_unit(t):  # type: ignore[no-untyped-def]
    """How many entries lie outside [0, 1]; NaN is none of them."""
    zero, one, found = t.dtype.type(0), t.dtype.type(1), 0
    for i in range(t.size):
        found += (t[i] < zero) | (t[i] > one)
    return found


@njit(**EXACT)
def outside_classes(labels, K):  # type: ignore[no-untyped-def]
    """How many labels are none of 0 ... K - 1."""
    found = 0
    for n in range(labels.size):
        found += (labels[n] < 0) | (labels[n] >= K)
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
    """The loss, the gradient of the logits, or both in one pass; None for what is not wanted."""
    sums = lanes(np.float64)
    clear(sums)
    if loss.size and outside_unit(t):
        return 1
    weight, share = z.dtype.type(pos_weight), z.dtype.type(1)
    if dz.size:
        share = dy[0] / z.dtype.type(z.size) if mean else dy[0]
    scratch = line(z, work, losses.CHUNK)
    for low in range(0, z.size, losses.CHUNK):
        high = min(low + losses.CHUNK, z.size)
        if loss.size:
            each = scratch[: high - low]
            losses._bce_losses(z[low:high], t[low:high], weight, each)
            accumulate(sums, each)
        if dz.size:
            losses._bce_gradients(z[low:high], t[low:high], weight, share, dz[low:high])
    if loss.size:
        found = folded(sums)
        loss[0] = z.dtype.type(found / z.size if mean else found)
    return 0


@kernel(equal=("y = t", "y = dx"), exact=True)
def mse(
    y: Flat, t: Flat, loss: FlatOut, dx: FlatOut, dy: Flat, mean: Int, work: Work
) -> None:
    """The loss, the gradient of the prediction, or both in one pass."""
    sums = lanes(np.float64)
    clear(sums)
    share = y.dtype.type(1)
    if dx.size:
        share = dy[0] / y.dtype.type(y.size) if mean else dy[0]
    scratch = line(y, work, losses.CHUNK)
    for low in range(0, y.size, losses.CHUNK):
        high = min(low + losses.CHUNK, y.size)
        if loss.size:
            each = scratch[: high - low]
            losses._squares(y[low:high], t[low:high], each)
            accumulate(sums, each)
        if dx.size:
            losses._mse_gradients(y[low:high], t[low:high], share, dx[low:high])
    if loss.size:
        found = folded(sums)
        loss[0] = y.dtype.type(found / y.size if mean else found)


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
    """The loss, the gradient of the scores, or both in one pass; refuses labels that are no class."""
    if loss.size and outside_classes(labels, K):
        return 1
    largest, shift, norm = lanes(z.dtype), lanes(z.dtype), lanes(z.dtype)
    sums = lanes(np.float64)
    block = line(z, work, LANES * K)
    N, found, each = labels.size, 0.0, z.dtype.type(1)
    if dz.size:
        each = dy[0] / z.dtype.type(N) if mean else dy[0]
    for first in range(0, N, LANES):
        rows = min(LANES, N - first)
        turn(z, K, first, rows, block)
        exponentials(block, K, largest, shift, sums)
        if loss.size:
            found = cross_entropy._with_losses(found, z, labels, K, first, rows, shift, sums)
        if dz.size:
            normalise(block, K, largest, sums, norm)
            cross_entropy._put_gradients(block, labels, K, first, rows, each, dz)
    if loss.size:
        loss[0] = z.dtype.type(found / N if mean else found)
    return 0


rows_softmax = njit(**EXACT)(softmax.softmax)
rows_softmax_backward = njit(**EXACT)(softmax.softmax_backward)
rows_log_softmax = njit(**EXACT)(softmax.log_softmax)
rows_log_softmax_backward = njit(**EXACT)(softmax.log_softmax_backward)


@kernel(equal=("z = p",), exact=True)
def softmax_rows(z: Flat, p: FlatOut, K: Int, work: Work) -> None:
    """Each row of K scores to probabilities."""
    rows_softmax(z, p, K, line(z, work, LANES * K))


@kernel(equal=("dz = p", "dz = dy"), exact=True)
def softmax_rows_vjp(dz: FlatOut, dy: Flat, p: Flat, K: Int, work: Work) -> None:
    """The gradient of the scores."""
    rows_softmax_backward(dy, p, dz, K, line(p, work, LANES * K))


@kernel(equal=("z = y",), exact=True)
def log_softmax_rows(z: Flat, y: FlatOut, K: Int, work: Work) -> None:
    """Each row of K scores to log-probabilities."""
    rows_log_softmax(z, y, K, line(z, work, LANES * K))


@kernel(equal=("dz = y", "dz = dy"), exact=True)
def log_softmax_rows_vjp(dz: FlatOut, dy: Flat, y: Flat, K: Int, work: Work) -> None:
    """The gradient of the scores."""
    rows_log_softmax_backward(dy, y, dz, K, line(y, work, LANES * K))


every = njit(**EXACT)(sums.sum_all)
columns = njit(**EXACT)(sums.sum_columns)
rows = njit(**EXACT)(sums.sum_rows)


@kernel(exact=True)
def sum_all(x: Flat, y: FlatOut, mean: Int) -> None:
    """y = Σ x, or the mean."""
    every(x, y, mean)


@kernel(exact=True)
def sum_columns(x: Flat, y: FlatOut, K: Int, mean: Int) -> None:
    """y[n] = Σ_k x[n, k], or the mean."""
    columns(x, y, K, mean)


@kernel(split="self", exact=True)
def sum_rows(x: Flat, y: FlatOut, mean: Int, part: Part, parts: Parts) -> None:
    """y[h] = Σ_n x[n, h], or the mean; threads share the columns."""
    H = y.size
    share = (H // COLUMNS + parts) // parts * COLUMNS
    if H > 0:
        rows(x, y, H, mean, min(H, part * share), min(H, (part + 1) * share))


masked = njit(**EXACT)(philox.dropout)


@kernel(split="self", equal=("x = y",), exact=True)
def dropout(
    x: Flat, y: FlatOut, p: Real, seed: Int, call: Int, part: Part, parts: Parts
) -> None:
    """y = x / (1 - p) where kept, else 0; the mask is that of this call."""
    share = (x.size // COLUMNS + parts) // parts * COLUMNS
    low, high = min(x.size, part * share), min(x.size, (part + 1) * share)
    masked(x[low:high], y[low:high], p, seed, call, low)
