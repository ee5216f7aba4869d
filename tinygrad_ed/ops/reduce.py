"""Reductions: sums, means, extremes, and the softmax family.

`axis` is None (all axes), a number or a tuple; `keepdims` keeps the reduced axes with size 1.
"""

import numpy as np

from .index import rules
from .registry import Array, rule

Axis = int | tuple[int, ...] | None


def spread(dy: Array, x: Array, axis: Axis, keepdims: bool) -> Array:
    """Upstream gradient of a sum, given back to every entry of x that went into it."""
    if axis is None or keepdims:
        return np.broadcast_to(dy, x.shape)
    return np.broadcast_to(np.expand_dims(dy, axis), x.shape)


def count(x: Array, axis: Axis) -> int:
    """How many entries of x go into each entry of its reduction over the axes."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([x.shape[a] for a in axes]))


def unreduced(y: Array, axis: Axis, keepdims: bool) -> Array:
    """The result of a reduction with its axes back, so that it broadcasts against the operand."""
    if axis is None or keepdims:
        return y
    return np.expand_dims(y, axis)


@rule(index=rules.sum_rule)
def sum(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """y = Σ x over the axes."""
    return np.sum(x, axis=axis, keepdims=keepdims)


@sum.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return spread(dy, x, axis, keepdims)


@rule(index=rules.mean_rule)
def mean(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """y = 1/m Σ x over the axes, m entries each."""
    return np.mean(x, axis=axis, keepdims=keepdims)


@mean.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return spread(dy, x, axis, keepdims) / count(x, axis)


@rule(index=rules.var_rule)
def var(x: Array, *, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Array:
    """y = Σ (x - mean)² / (m - ddof), in two passes: the book's E[x²] - E[x]² cancels."""
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    total = np.sum(deviation * deviation, axis=axis, keepdims=keepdims)
    return total / (count(x, axis) - ddof)


@var.textbook
def _(x: Array, *, axis: Axis, keepdims: bool, ddof: int) -> Array:
    squares = np.mean(x * x, axis=axis, keepdims=keepdims)
    mean = np.mean(x, axis=axis, keepdims=keepdims)
    m = count(x, axis)
    return (squares - mean * mean) * m / (m - ddof)


@var.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool, ddof: int) -> Array:
    m = count(x, axis)
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    return spread(dy, x, axis, keepdims) * (2 * deviation / (m - ddof))  # 0 / 0 is NaN, as in y


def std(x: Array, *, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Array:
    """√var; its slope is infinite where all entries are equal."""
    return np.sqrt(var(x, axis=axis, keepdims=keepdims, ddof=ddof))


@rule(index=rules.max_rule)
def max(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest entry; entries that tie for it share the gradient equally."""
    return np.max(x, axis=axis, keepdims=keepdims)


@max.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return spread(dy, x, axis, keepdims) * share_of_ties(x, y, axis, keepdims)


@rule(index=rules.min_rule)
def min(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest entry; entries that tie for it share the gradient equally."""
    return np.min(x, axis=axis, keepdims=keepdims)


@min.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return spread(dy, x, axis, keepdims) * share_of_ties(x, y, axis, keepdims)


def share_of_ties(x: Array, y: Array, axis: Axis, keepdims: bool) -> Array:
    """1 where an entry is the extreme one, 1/k where k entries tie for it, 0 elsewhere."""
    chosen = np.ones_like(x) * (x == unreduced(y, axis, keepdims))
    return chosen / np.sum(chosen, axis=axis, keepdims=True)


@rule(index=rules.prod_rule)
def prod(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """y = Π x over the axes; ∂y/∂x_i is the product of the others, also where some x are 0."""
    return np.prod(x, axis=axis, keepdims=keepdims)


@prod.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    if np.any(x == 0):
        return spread(dy, x, axis, keepdims) * product_of_others(x, axis)
    return spread(dy, x, axis, keepdims) * unreduced(y, axis, keepdims) / x


def product_of_others(x: Array, axis: Axis) -> Array:
    """For each entry, the product of the others along the axes: no division, so zeros may occur.

    Each line of n entries becomes an n × n table with ones on its diagonal, multiplied along rows.
    """
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(a % x.ndim for a in axes)
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    back = tuple((rest + axes).index(a) for a in range(x.ndim))
    lined_up = np.transpose(x, rest + axes)
    lines = np.reshape(lined_up, [x.shape[a] for a in rest] + [-1])
    n = lines.shape[-1]
    diagonal = np.tril(np.triu(np.ones_like(x, shape=(n, n)))) > 0
    table = np.where(diagonal, 1, np.expand_dims(lines, -2))
    others = np.prod(table, axis=-1)
    return np.transpose(np.reshape(others, lined_up.shape), back)


def finite_shift(x: Array, axis: Axis) -> Array:
    """The largest entry along the axes, where it is finite; else 0: infinite entries stay so."""
    m = largest(x, axis)
    return np.where(np.isfinite(m), m, 0)


def largest(x: Array, axis: Axis) -> Array:
    """The largest entry along the axes, kept with size 1, to shift by; 0 where there is none."""
    if np.size(x) == 0:
        return np.sum(x, axis=axis, keepdims=True)
    return np.max(x, axis=axis, keepdims=True)


@rule(source="D4-L2", index=rules.logsumexp_rule)
def logsumexp(x: Array, *, axis: Axis = None, keepdims: bool = False) -> Array:
    """y = log Σ e^x, shifted by the largest entry so that nothing overflows; -inf of nothing."""
    m = finite_shift(x, axis)
    y = np.log(np.sum(np.exp(x - m), axis=axis, keepdims=True)) + m
    return y if keepdims else np.squeeze(y, axis=axis)


@logsumexp.textbook
def _(x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


@logsumexp.vjp
def _(dy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return spread(dy, x, axis, keepdims) * np.exp(x - unreduced(y, axis, keepdims))


@rule(source="D4-S1", symbol="P", gives_probabilities=True, index=rules.softmax_rule)
def softmax(z: Array, *, axis: int = -1) -> Array:
    """p_i = e^{z_i} / Σ_k e^{z_k}: positive, summing to 1; the whole row meets in each slope."""
    e = np.exp(z - largest(z, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@softmax.textbook
def _(z: Array, *, axis: int) -> Array:
    return np.exp(z) / np.sum(np.exp(z), axis=axis, keepdims=True)


@softmax.vjp
def _(dy: Array, y: Array, z: Array, *, axis: int) -> Array:
    return y * (dy - np.sum(dy * y, axis=axis, keepdims=True))


@rule(source="D4-S1", symbol="logP", index=rules.log_softmax_rule)
def log_softmax(z: Array, *, axis: int = -1) -> Array:
    """log p_i = z_i - log Σ_k e^{z_k}, without ever forming p."""
    shifted = z - largest(z, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@log_softmax.textbook
def _(z: Array, *, axis: int) -> Array:
    return np.log(np.exp(z) / np.sum(np.exp(z), axis=axis, keepdims=True))


@log_softmax.vjp
def _(dy: Array, y: Array, z: Array, *, axis: int) -> Array:
    return dy - np.exp(y) * np.sum(dy, axis=axis, keepdims=True)
