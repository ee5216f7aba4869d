"""Scores of an order: what a classifier's numbers are worth before a threshold is chosen.

A threshold t turns scores into classes: positive when score >= t. Lowering t from above the highest
score to the lowest adds rows to the predicted positives one group of equal scores at a time (rows
that tie cannot be parted by any threshold), and each stop is one point of a curve:

    ROC              true-positive rate TP / P against false-positive rate FP / N
    precision-recall precision TP / (TP + FP) against recall TP / P

P and N are the numbers of positive and negative rows. Neither curve has anything to do with the
drawing of probability against label that [D0-M1] calls ROC.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_ed.metrics._counts import Label
from tinygrad_ed.metrics._inputs import check_rows, shown, to_array, to_finite, to_labels

Array = NDArray[Any]
Curve = NDArray[np.float64]


def roc_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    positive: Label = 1,
    drop_intermediate: bool = True,
) -> tuple[Curve, Curve, Curve]:
    """Return the ROC curve as (fpr, tpr, thresholds).

        fpr(t) = #(negative, score >= t) / N        tpr(t) = #(positive, score >= t) / P

    The first threshold is inf, where nothing is called positive; thresholds fall, both rates rise.

    Args:
        y_true: the classes, two of them.
        y_score: a number for each row, higher for rows thought positive: probabilities or logits.
        positive: the positive class.
        drop_intermediate: leave out points between equal steps; the drawn line stays the same.

    Shapes: y_true (n,), y_score (n,) -> three arrays (T,), T <= 1 + number of distinct scores.

    Raises:
        ValueError: shapes differ or are not (n,), fewer or more than two classes, no row of the
            positive class, scores that are not finite.
        TypeError: scores that are no real numbers.

    Source: [D0-M1], mended: true-positive against false-positive rate.
    """
    fp, tp, thresholds = _curve_counts(y_true, y_score, positive)
    if not fp[-1]:
        raise ValueError(
            f"y_true holds only the positive class {positive!r}: the false-positive rate is a "
            "fraction of the negatives, and there are none; use rows of both classes"
        )
    if drop_intermediate and len(fp) > 2:
        # Equal steps before and after: the point lies in the middle of a straight piece.
        corner = (np.diff(fp, 2) != 0) | (np.diff(tp, 2) != 0)
        kept = np.concatenate([[True], corner, [True]])
        fp, tp, thresholds = fp[kept], tp[kept], thresholds[kept]
    fpr = np.concatenate([[0.0], fp / fp[-1]])
    tpr = np.concatenate([[0.0], tp / tp[-1]])
    return fpr, tpr, np.concatenate([[np.inf], thresholds])


def auc(x: ArrayLike, y: ArrayLike) -> float:
    """Return the area under a curve through points, by the trapezoidal rule.

        area = Σ_i (x_{i+1} - x_i) (y_i + y_{i+1}) / 2

    Args:
        x: positions, all rising or all falling (equal neighbours allowed); falling ones are read
            from the other end.
        y: heights.

    Shapes: x (n,), y (n,) with n >= 2 -> float.

    Raises:
        ValueError: shapes differ or are not (n,), one point, x that turns back, NaN, infinity.
        TypeError: values that are no real numbers.
    """
    x_array, y_array = to_array(x, "x"), to_array(y, "y")
    if x_array.ndim != 1 or x_array.shape != y_array.shape or x_array.size < 2:
        raise ValueError(
            f"x has shape {x_array.shape} and y has shape {y_array.shape}: an area needs "
            "two one-dimensional arrays of the same length, at least 2"
        )
    position = to_finite(x_array, "x").astype(np.float64)
    height = to_finite(y_array, "y").astype(np.float64)
    step = np.diff(position)
    if (step < 0).any() and (step > 0).any():
        turn = int(np.argmax(np.sign(step) == -np.sign(step[step != 0][0])))
        raise ValueError(
            f"x turns back at x[{turn + 1}] = {position[turn + 1]}, after {position[turn]}: "
            "an area needs x in order; for scores use roc_auc, which sorts them"
        )
    return float(abs(step) @ (height[1:] + height[:-1]) / 2)


def roc_auc(y_true: ArrayLike, y_score: ArrayLike, *, positive: Label = 1) -> float:
    """Return the area under the ROC curve.

        AUC = P(score of a positive > score of a negative) + 1/2 P(they are equal)

    over all P·N pairs: 1 for a perfect order, 1/2 for scores that know nothing, 0 for the reverse.
    The slanted piece that a tie draws on the curve is where the 1/2 comes from.

    Arguments and *Raises* are those of `roc_curve`.

    Shapes: y_true (n,), y_score (n,) -> float.

    Source: Hanley and McNeil, Radiology 143 (1982): area and pair probability are one number;
    [D0-M1].
    """
    fpr, tpr, _ = roc_curve(y_true, y_score, positive=positive)
    return auc(fpr, tpr)


def precision_recall_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    positive: Label = 1,
    drop_intermediate: bool = False,
) -> tuple[Curve, Curve, Curve]:
    """Return the precision-recall curve as (precision, recall, thresholds).

        precision(t) = TP(t) / (TP(t) + FP(t))        recall(t) = TP(t) / P

    Thresholds rise, so recall falls. One point more than there are thresholds closes the curve at
    recall 0, precision 1, where nothing is called positive: a convention, not a measurement.

    Args:
        y_true: the classes, at most two; the positive one must occur.
        y_score: a number for each row, higher for rows thought positive.
        positive: the positive class.
        drop_intermediate: of the points with one recall keep the first and last; the drawn line
            stays the same.

    Shapes: y_true (n,), y_score (n,) -> (T + 1,), (T + 1,), (T,), T <= number of distinct scores.

    Raises:
        ValueError: shapes differ or are not (n,), more than two classes, no row of the positive
            class, scores that are not finite.
        TypeError: scores that are no real numbers.
    """
    fp, tp, thresholds = _curve_counts(y_true, y_score, positive)
    if drop_intermediate and len(fp) > 2:
        # The same recall before and after: the point lies inside a vertical piece.
        end = (np.diff(tp[:-1]) != 0) | (np.diff(tp[1:]) != 0)
        kept = np.concatenate([[True], end, [True]])
        fp, tp, thresholds = fp[kept], tp[kept], thresholds[kept]
    precision = np.concatenate([(tp / (tp + fp))[::-1], [1.0]])
    recall = np.concatenate([(tp / tp[-1])[::-1], [0.0]])
    return precision, recall, thresholds[::-1]


def average_precision(y_true: ArrayLike, y_score: ArrayLike, *, positive: Label = 1) -> float:
    """Return the mean precision, each step of recall weighted by its width.

        AP = Σ_k (recall_k - recall_{k-1}) precision_k        thresholds falling with k

    Without ties: the mean, over the positive rows, of the precision at the threshold that just
    admits the row. It is no trapezoid: between two points of this curve the line is too optimistic.

    Arguments and *Raises* are those of `precision_recall_curve`.

    Shapes: y_true (n,), y_score (n,) -> float.
    """
    precision, recall, _ = precision_recall_curve(y_true, y_score, positive=positive)
    return float(-np.diff(recall) @ precision[:-1])


def _curve_counts(
    y_true: ArrayLike, y_score: ArrayLike, positive: Label
) -> tuple[Array, Array, Array]:
    """FP and TP at each distinct score, from the highest down, and those scores."""
    true, score = to_array(y_true, "y_true"), to_array(y_score, "y_score")
    check_rows(true, score, "y_score", "pass the column of the positive class, y_score[:, 1]")
    hit = _is_positive(to_labels(true, "y_true"), positive)
    score = to_finite(score, "y_score")

    order = np.argsort(score, kind="stable")[::-1]
    score, hit = score[order], hit[order]
    # The last row of each group of equal scores: only there does a threshold exist.
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    tp = np.cumsum(hit, dtype=np.int64)[last]
    fp = last + 1 - tp
    return fp, tp, score[last].astype(np.float64)


def _is_positive(labels: Array, positive: Label) -> Array:
    """Which rows are positive, in a problem of at most two classes."""
    classes = np.unique(labels)
    if len(classes) > 2:
        raise ValueError(
            f"y_true holds {len(classes)} classes, {shown(classes)}, and a threshold parts two: "
            "score one class against the rest, with y_true == k and the scores of class k"
        )
    label = to_labels(np.asarray(positive), "positive")
    hit: Array = labels == label if labels.dtype.kind == label.dtype.kind else np.zeros(1, bool)
    if not hit.any():
        raise ValueError(
            f"no row of y_true is of the class positive={positive!r}; it holds {shown(classes)}: "
            "name the positive class with positive=, or use rows of both classes"
        )
    return hit
