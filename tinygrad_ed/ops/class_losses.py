"""Losses over classes: rows of scores or log-probabilities against integer labels or distributions.

The classes lie along the last axis. A label is an integer from 0 to K - 1; a soft target is a row
of K probabilities.
"""

from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from .index.rules import label_loss_rule, row_loss_rule
from .losses import check_reduction, reduced, share
from .reduce import finite_shift, log_softmax, softmax
from .registry import Array, rule
from .shape import scatter_along_axis, take, take_along_axis

loss = partial(rule, symbol="L")


def check_labels(name: str, z: Array, labels: Array) -> None:
    """Labels must be integers from 0 to K - 1, one for each row of scores."""
    labels = getattr(labels, "_array", labels)  # of a tensor: also in a step that is captured
    classes = z.shape[-1] if z.ndim else 0
    if labels.dtype.kind not in "iu":
        raise DTypeError(
            f"{name}: class labels must be integers, got {labels.dtype}; use labels.astype(int), "
            f"or give one row of {classes} probabilities per sample for soft targets"
        )
    if z.ndim < 1 or labels.shape != z.shape[:-1]:
        raise ShapeError(
            f"{name}: scores {z.shape} need labels of shape {z.shape[:-1]}, one per row, "
            f"got {labels.shape}"
        )
    outside = (labels < 0) | (labels >= classes)
    if np.any(outside):
        place = tuple(int(k) for k in np.argwhere(outside)[0])
        raise ValueError(
            f"{name}: label {int(labels[place])} at {list(place)} is out of range: "
            f"scores {z.shape} have the classes 0 to {classes - 1}"
        )


def one_hot(labels: Array, z: Array) -> Array:
    """1 at each row's label and 0 elsewhere, in the type of the scores z."""
    ones = np.ones_like(z, shape=(*labels.shape, 1))
    return scatter_along_axis(ones, np.expand_dims(labels, -1), axis=-1, size=z.shape[-1])


def at_labels(z: Array, labels: Array) -> Array:
    """Each row's entry at its label."""
    return np.squeeze(take_along_axis(z, np.expand_dims(labels, -1), axis=-1), -1)


@loss(
    source="D4-L2",
    called="cross_entropy",
    expects_logits=True,
    index=label_loss_rule("z", "(log(Σ_k exp(z@k)) - z@label)"),
)
def cross_entropy_labels(z: Array, labels: Array, *, reduction: str = "mean") -> Array:
    """-log softmax(z) at the label; dL/dz = softmax(z) - one-hot.

    As log Σ_k e^{z_k} - z_label it would lose the digits that both have in common: they are shifted
    by the row's largest score first.

    Shapes: z (..., K), labels (...) integers -> () (or (...) for "none").
    """
    shifted = z - finite_shift(z, -1)
    each = np.log(np.sum(np.exp(shifted), axis=-1)) - at_labels(shifted, labels)
    return reduced(each, reduction)


@cross_entropy_labels.textbook
def _(z: Array, labels: Array, *, reduction: str) -> Array:
    p = np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)
    return reduced(-np.log(at_labels(p, labels)), reduction)


@cross_entropy_labels.vjp
def _(dy: Array, L: Array, z: Array, labels: Array, *, reduction: str) -> Array:
    each = share(dy, labels, reduction)
    return np.expand_dims(each, -1) * (softmax(z, axis=-1) - one_hot(labels, z)), None


@cross_entropy_labels.composed
def _(z: Array, labels: Array, *, reduction: str = "mean") -> Array:
    return nll_labels(log_softmax(z, axis=-1), labels, reduction=reduction)


@cross_entropy_labels.check
def _(z: Array, labels: Array, *, reduction: str) -> None:
    check_reduction("cross_entropy", reduction)
    check_labels("cross_entropy", z, labels)


@loss(
    called="cross_entropy",
    source="D4-L2",
    expects_logits=True,
    index=row_loss_rule("z", "-T@ * log(softmax(z@row)[k])"),
)
def cross_entropy_soft(z: Array, T: Array, *, reduction: str = "mean") -> Array:
    """-Σ_k T_k log softmax(z)_k for rows T of weights; dL/dz = softmax(z) Σ_k T_k - T.

    Shapes: z, T (..., K) -> () (or (...) for "none").
    """
    return reduced(-np.sum(T * log_softmax(z, axis=-1), axis=-1), reduction)


@cross_entropy_soft.textbook
def _(z: Array, T: Array, *, reduction: str) -> Array:
    p = np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)
    return reduced(-np.sum(T * np.log(p), axis=-1), reduction)


@cross_entropy_soft.vjp
def _(dy: Array, L: Array, z: Array, T: Array, *, reduction: str) -> Array:
    each = np.expand_dims(dy / rows_of(z) if reduction == "mean" else dy, -1)
    total = np.sum(T, axis=-1, keepdims=True)
    return each * (softmax(z, axis=-1) * total - T), -each * log_softmax(z, axis=-1)


def rows_of(z: Array) -> int:
    """How many rows of scores there are."""
    return int(np.prod(z.shape[:-1]))


@cross_entropy_soft.composed
def _(z: Array, T: Array, *, reduction: str = "mean") -> Array:
    return reduced(-np.sum(T * np.log(softmax(z, axis=-1)), axis=-1), reduction)


@cross_entropy_soft.check
def _(z: Array, T: Array, *, reduction: str) -> None:
    check_reduction("cross_entropy", reduction)
    if z.shape != T.shape:
        raise ShapeError(
            f"cross_entropy: scores {z.shape} and soft targets {T.shape} must have the same shape"
        )


@loss(called="nll", source="D4-L2", index=label_loss_rule("logp", "-logp@label"))
def nll_labels(logp: Array, labels: Array, *, reduction: str = "mean") -> Array:
    """Negative log-likelihood: minus the log-probability at each label.

    Shapes: logp (..., K), labels (...) integers -> () (or (...) for "none").
    """
    return reduced(-at_labels(logp, labels), reduction)


@nll_labels.vjp
def _(dy: Array, L: Array, logp: Array, labels: Array, *, reduction: str) -> Array:
    each = share(dy, labels, reduction)
    return -np.expand_dims(each, -1) * one_hot(labels, logp), None


@nll_labels.check
def _(logp: Array, labels: Array, *, reduction: str) -> None:
    check_reduction("nll", reduction)
    check_labels("nll", logp, labels)


@loss(
    source="Kullback, Leibler 1951",
    index=row_loss_rule("p", "p@ * (log(p@) - logq@)"),
)
def kl_div(logq: Array, p: Array, *, reduction: str = "mean") -> Array:
    """KL(p ‖ q) = Σ_k p_k (ln p_k - ln q_k) per row, given ln q; 0 ln 0 counts as 0.

    "mean" is over the rows (PyTorch's `batchmean`).

    Shapes: logq, p (..., K) -> () (or (...) for "none").
    """
    entropy = np.where(p == 0, 0, p * np.log(np.where(p == 0, 1, p)))
    return reduced(np.sum(entropy - p * logq, axis=-1), reduction)


@kl_div.textbook
def _(logq: Array, p: Array, *, reduction: str) -> Array:
    return reduced(np.sum(p * (np.log(p) - logq), axis=-1), reduction)


@kl_div.vjp
def _(dy: Array, L: Array, logq: Array, p: Array, *, reduction: str) -> Array:
    each = np.expand_dims(dy / rows_of(logq) if reduction == "mean" else dy, -1)
    return -each * p, each * (np.log(p) + 1 - logq)


@kl_div.check
def _(logq: Array, p: Array, *, reduction: str) -> None:
    check_reduction("kl_div", reduction)
    if logq.shape != p.shape:
        raise ShapeError(f"kl_div: logq {logq.shape} and p {p.shape} must have the same shape")


def cross_entropy(
    z: Array,
    t: Any,
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    """Cross-entropy of softmax(z) with integer labels or soft targets [D4-L2].

    With `weight` (one per class) the mean over labels is Σ w_label L / Σ w_label; smoothing ε
    replaces a target t by (1 - ε) t + ε / K.

    Shapes: z (..., K); t (...) integers or (..., K) probabilities -> () (or (...) for "none").

    Raises:
        DTypeError: Labels that are not integers.
        ValueError: A label out of range, smoothing outside [0, 1].
        ShapeError: Scores and targets do not fit.
    """
    z = z if hasattr(z, "dtype") else np.asarray(z, dtype="float32")
    t = t if hasattr(t, "dtype") else np.asarray(t)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}"
        )
    soft = t.dtype.kind == "f" and t.shape == z.shape
    if weight is None and label_smoothing == 0:
        form = cross_entropy_soft if soft else cross_entropy_labels
        return form(z, t, reduction=reduction)
    check_reduction("cross_entropy", reduction)
    if not soft:
        check_labels("cross_entropy", z, t)
    target = t if soft else one_hot(t, z)
    target = target * (1 - label_smoothing) + label_smoothing / (z.shape[-1] or 1)
    if weight is not None:
        weight = _per_class(weight, z)
        target = target * weight
    each = cross_entropy_soft(z, target, reduction="none")
    if reduction == "mean" and weight is not None and not soft:
        return np.sum(each) / np.sum(take(weight, t))
    return reduced(each, reduction)


def nll(logp: Array, t: Any, *, weight: Any = None, reduction: str = "mean") -> Array:
    """Negative log-likelihood of integer labels, with an optional weight per class.

    Shapes: logp (..., K), t (...) integers -> () (or (...) for "none").

    Raises:
        DTypeError: Labels that are not integers.
        ValueError: A label out of range.
        ShapeError: Log-probabilities and labels do not fit.
    """
    logp = logp if hasattr(logp, "dtype") else np.asarray(logp, dtype="float32")
    t = t if hasattr(t, "dtype") else np.asarray(t)
    if weight is None:
        return nll_labels(logp, t, reduction=reduction)
    check_reduction("nll", reduction)
    check_labels("nll", logp, t)  # before a label picks its weight
    w = take(_per_class(weight, logp), t)
    each = w * nll_labels(logp, t, reduction="none")
    return np.sum(each) / np.sum(w) if reduction == "mean" else reduced(each, reduction)


def _per_class(weight: Any, z: Array) -> Array:
    """Class weights as an array in the type of the scores, one for each class."""
    weight = weight if hasattr(weight, "dtype") else np.asarray(weight, dtype=str(z.dtype))
    if weight.shape != z.shape[-1:]:
        raise ShapeError(
            f"class weights {weight.shape} must have one entry per class: {z.shape[-1:]}"
        )
    return weight
