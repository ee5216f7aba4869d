"""Losses: from predictions and targets to one number.

Every loss is a formula per sample or entry, reduced by "mean", "sum" or "none". The fused ones that
take logits stand beside their composed twins: `bce_with_logits` beside `bce(sigmoid(z), t)`,
`cross_entropy` beside `nll(log_softmax(z), t)`.
"""

from functools import partial

import numpy as np

from ..errors import ShapeError
from .activations import sigmoid
from .index.rules import bce_with_logits_each, huber_each, loss_rule
from .registry import Array, rule

loss = partial(rule, symbol="L")


def reduced(each: Array, reduction: str) -> Array:
    """The losses of all entries as one number: their mean or sum, or as they are."""
    if reduction == "mean":
        return np.mean(each)
    if reduction == "sum":
        return np.sum(each)
    return each


def share(dy: Array, each: Array, reduction: str) -> Array:
    """Upstream gradient of `reduced`, per entry: a mean gives each its 1/m."""
    if reduction == "mean":
        return dy / each.size
    return dy


def check_reduction(name: str, reduction: str) -> None:
    """Refuses a reduction that is not mean, sum or none."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: unknown reduction {reduction!r}; one of 'mean', 'sum', 'none'")


def check_pair(name: str, y: Array, t: Array, reduction: str) -> None:
    """Prediction and target must have one shape: (n,) against (n,1) would broadcast to (n,n)."""
    check_reduction(name, reduction)
    if np.shape(y) != np.shape(t):
        raise ShapeError(
            f"{name}: prediction {np.shape(y)} and target {np.shape(t)} must have the same shape; "
            f"they would broadcast to a table of every prediction against every target. "
            f"Use target.reshape({', '.join(map(str, np.shape(y))) or '()'})"
        )


@loss(source="D4-L1", index=loss_rule("(y@ - t@)**2"))
def mse(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    """MSE = 1/m Σ (y - t)² [D4-L1]; dL/dy = 2/m (y - t).

    Shapes: y, t the same -> () (or that shape for "none").
    """
    return reduced((y - t) * (y - t), reduction)


@mse.vjp
def _(dy: Array, L: Array, y: Array, t: Array, *, reduction: str) -> Array:
    slope = share(dy, y, reduction) * (2 * (y - t))
    return slope, -slope


@mse.check
def _(y: Array, t: Array, *, reduction: str) -> None:
    check_pair("mse", y, t, reduction)


@loss(source="D4-B2", index=loss_rule("(y@ - t@)**2 / 2"))
def half_squared_error(y: Array, t: Array, *, reduction: str = "sum") -> Array:
    """L = ½ Σ (y - t)² [D3-B1, D4-B2]: the factor that makes dL/dy = y - t."""
    return reduced((y - t) * (y - t) / 2, reduction)


@half_squared_error.vjp
def _(dy: Array, L: Array, y: Array, t: Array, *, reduction: str) -> Array:
    slope = share(dy, y, reduction) * (y - t)
    return slope, -slope


@half_squared_error.check
def _(y: Array, t: Array, *, reduction: str) -> None:
    check_pair("half_squared_error", y, t, reduction)


@loss(source="mean absolute error", index=loss_rule("abs(y@ - t@)"))
def l1(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    """L = 1/m Σ |y - t|; the slope at y = t is taken as 0."""
    return reduced(np.abs(y - t), reduction)


@l1.textbook
def _(y: Array, t: Array, *, reduction: str) -> Array:
    return reduced(np.sqrt((y - t) * (y - t)), reduction)


@l1.vjp
def _(dy: Array, L: Array, y: Array, t: Array, *, reduction: str) -> Array:
    slope = share(dy, y, reduction) * np.sign(y - t)
    return slope, -slope


@l1.check
def _(y: Array, t: Array, *, reduction: str) -> None:
    check_pair("l1", y, t, reduction)


@loss(source="Huber 1964", index=loss_rule(huber_each))
def huber(y: Array, t: Array, *, delta: float = 1.0, reduction: str = "mean") -> Array:
    """½ r² for |r| ≤ δ, δ (|r| - ½ δ) beyond, with r = y - t: a parabola with straight arms."""
    size = np.abs(y - t)
    near = np.minimum(size, delta)
    return reduced(near * (size - near / 2), reduction)


@huber.textbook
def _(y: Array, t: Array, *, delta: float, reduction: str) -> Array:
    r = y - t
    size = np.sqrt(r * r)
    return reduced(np.where(size <= delta, r * r / 2, delta * (size - delta / 2)), reduction)


@huber.vjp
def _(dy: Array, L: Array, y: Array, t: Array, *, delta: float, reduction: str) -> Array:
    slope = share(dy, y, reduction) * np.minimum(np.maximum(y - t, -delta), delta)
    return slope, -slope


@huber.check
def _(y: Array, t: Array, *, delta: float, reduction: str) -> None:
    check_pair("huber", y, t, reduction)
    if not delta > 0:
        raise ValueError(f"huber: delta must be positive, got {delta}")


def check_probabilities(name: str, what: str, values: Array) -> None:
    """Entries outside [0, 1] (or NaN targets) are named with their place."""
    outside = ~((values >= 0) & (values <= 1) | np.isnan(values))
    if np.any(outside):
        place = tuple(int(k) for k in np.argwhere(outside)[0])
        raise ValueError(
            f"{name}: {what} must lie in [0, 1], but entry {list(place)} is "
            f"{float(values[place]):.6g}; shape {values.shape}"
        )


@loss(source="D4-L2", index=loss_rule("(-t@ * log(y@) - (1 - t@) * log(1 - y@))"))
def bce(y: Array, t: Array, *, reduction: str = "mean") -> Array:
    """Binary cross-entropy of probabilities: -t ln y - (1 - t) ln(1 - y).

    The documents drop the second term [D4-L2]: then y = 1 everywhere would cost nothing. 0 ln 0
    counts as 0, a certain and wrong prediction costs infinity; `bce_with_logits` never does.
    """
    zero_chance = np.where(t == 0, 0, t * np.log(np.where(t == 0, 1, y)))
    one_chance = np.where(t == 1, 0, (1 - t) * np.log1p(-np.where(t == 1, 0, y)))
    return reduced(-zero_chance - one_chance, reduction)


@bce.textbook
def _(y: Array, t: Array, *, reduction: str) -> Array:
    return reduced(-t * np.log(y) - (1 - t) * np.log(1 - y), reduction)


@bce.vjp
def _(dy: Array, L: Array, y: Array, t: Array, *, reduction: str) -> Array:
    each = share(dy, y, reduction)
    # A certain and right prediction would be 0 / 0.
    towards_one = t / np.where((t == 0) & (y == 0), 1, y)
    towards_zero = (1 - t) / np.where((t == 1) & (y == 1), 1, 1 - y)
    return each * (towards_zero - towards_one), each * (np.log1p(-y) - np.log(y))


@bce.check
def _(y: Array, t: Array, *, reduction: str) -> None:
    check_pair("bce", y, t, reduction)
    check_probabilities("bce", "targets", t)
    check_probabilities("bce", "predictions (probabilities; for raw scores use bce_with_logits)", y)


@loss(source="D4-L2", expects_logits=True, index=loss_rule(bce_with_logits_each))
def bce_with_logits(
    z: Array, t: Array, *, pos_weight: float = 1.0, reduction: str = "mean"
) -> Array:
    """Binary cross-entropy of σ(z), finite for every finite z; dL/dz = σ(z) - t [D3-B1].

    Per entry: w t softplus(-z) + (1 - t) softplus(z), with `pos_weight` w on the positive class.
    """
    tail = np.log1p(np.exp(-np.abs(z)))
    weighted = t if pos_weight == 1 else pos_weight * t
    each = weighted * (np.maximum(-z, 0) + tail) + (1 - t) * (np.maximum(z, 0) + tail)
    return reduced(each, reduction)


@bce_with_logits.textbook
def _(z: Array, t: Array, *, pos_weight: float, reduction: str) -> Array:
    y = 1 / (1 + np.exp(-z))
    return reduced(-pos_weight * t * np.log(y) - (1 - t) * np.log(1 - y), reduction)


@bce_with_logits.vjp
def _(dy: Array, L: Array, z: Array, t: Array, *, pos_weight: float, reduction: str) -> Array:
    each = share(dy, z, reduction)
    y = sigmoid(z)
    tail = np.log1p(np.exp(-np.abs(z)))
    if pos_weight == 1:
        return each * (y - t), -each * z
    slope_in_t = pos_weight * (np.maximum(-z, 0) + tail) - (np.maximum(z, 0) + tail)
    return each * ((1 - t) * y - pos_weight * t * (1 - y)), each * slope_in_t


@bce_with_logits.composed
def _(z: Array, t: Array, *, pos_weight: float = 1.0, reduction: str = "mean") -> Array:
    y = sigmoid(z)
    return reduced(-pos_weight * t * np.log(y) - (1 - t) * np.log(1 - y), reduction)


@bce_with_logits.check
def _(z: Array, t: Array, *, pos_weight: float, reduction: str) -> None:
    check_pair("bce_with_logits", z, t, reduction)
    check_probabilities("bce_with_logits", "targets", t)
    if not pos_weight > 0:
        raise ValueError(f"bce_with_logits: pos_weight must be positive, got {pos_weight}")
