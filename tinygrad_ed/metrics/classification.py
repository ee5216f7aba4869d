"""Scores of predicted classes: counts first, then ratios of counts.

For one class, called positive, every row falls into one of four cells:

    TP  positive, predicted positive        FN  positive, predicted negative
    FP  negative, predicted positive        TN  negative, predicted negative

    precision = TP / (TP + FP)     of the rows called positive, how many are
    recall    = TP / (TP + FN)     of the positive rows, how many are called so
    F1        = 2 / (1/precision + 1/recall) = 2 TP / (2 TP + FP + FN)
    accuracy  = (TP + TN) / n      of all rows, how many are right

With more classes, each is positive in its turn and `average` says how the scores are joined:

    "binary"    no averaging: the score of the class `positive`
    "micro"     add the counts of all classes, then divide once: every row weighs the same
    "macro"     mean of the classes' scores: every class weighs the same
    "weighted"  mean of the classes' scores, weighted by their number of true rows
    None        no averaging: one score for each class

A ratio whose denominator is 0 (a class that nobody predicted has no precision) is `zero_division`:
0.0, 1.0, or NaN, which leaves that class out of the mean.
"""

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_ed.metrics._counts import (
    Average,
    Counts,
    Label,
    Scores,
    average_ratio,
    count_rows,
    index_classes,
    paired_labels,
)
from tinygrad_ed.metrics._inputs import shown


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, *, labels: ArrayLike | None = None
) -> Counts:
    """Count the pairs (true class, predicted class).

        C[i, j] = number of rows whose class is labels[i] and whose prediction is labels[j]

    The diagonal holds the right predictions. For two classes it reads [[TN, FP], [FN, TP]].

    Args:
        y_true: true classes: integers, booleans or text.
        y_pred: predicted classes, of the same kind.
        labels: the classes and their order; rows with a class or prediction that is not listed are
            left out. None takes every class that occurs, sorted.

    Shapes: y_true (n,), y_pred (n,) -> (K, K), int64.

    Raises:
        ValueError: shapes differ or are not (n,), values that are no classes, labels that repeat or
            of which none occurs in y_true.
        TypeError: dtypes that hold no classes.

    Source: the counts behind every ratio of [D0-M1].
    """
    true, predicted = paired_labels(y_true, y_pred)
    classes, i, j, listed = index_classes(true, predicted, labels)
    place = np.full(len(classes), -1)  # of each class in `labels`
    place[listed] = np.arange(len(listed))
    kept = (place[i] >= 0) & (place[j] >= 0)
    if not (place[i] >= 0).any():
        raise ValueError(
            f"none of labels={shown(classes[listed])} occurs in y_true, "
            f"which holds {shown(np.unique(true))}: list at least one class that does"
        )
    size = len(listed)
    cells = place[i[kept]] * size + place[j[kept]]
    return np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64)


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the fraction of rows whose predicted class is the true one.

        accuracy = (1/n) Σ_i [y_pred_i = y_true_i]

    Args:
        y_true: true classes: integers, booleans or text.
        y_pred: predicted classes, never probabilities: threshold those first (y_score >= 0.5), or
            take the best column (y_score.argmax(axis=1)).

    Shapes: y_true (n,), y_pred (n,) -> float.

    Raises:
        ValueError: shapes differ or are not (n,), values that are no classes.
        TypeError: dtypes that hold no classes.

    Source: [D0-M1]; [D3-P1] is what happens when the labels are no classes.
    """
    true, predicted = paired_labels(y_true, y_pred)
    return float(np.mean(true == predicted))


@overload
def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average = "binary",
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> float: ...
@overload
def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: None,
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> Scores: ...
def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average | None = "binary",
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> float | Scores:
    """Return TP / (TP + FP): how far a prediction of the class can be trusted.

    Args:
        y_true: true classes: integers, booleans or text.
        y_pred: predicted classes, of the same kind.
        average: how the classes' scores are joined (see the top of this file).
        labels: the classes to score, and their order; None takes every class that occurs, sorted.
        positive: the class that is scored when `average` is "binary".
        zero_division: the score of a class that nobody predicted: 0.0, 1.0 or NaN.

    Shapes: y_true (n,), y_pred (n,) -> float, or (K,) with average=None.

    Raises:
        ValueError: shapes differ or are not (n,), values that are no classes, a positive class that
            does not occur, more than two classes with "binary", options that contradict each other.
        TypeError: dtypes that hold no classes.

    Source: named in none of the five documents, needed for the F1 of [D0-M1].
    """
    rows = count_rows(y_true, y_pred, average, labels, positive)
    return average_ratio(rows.hits, rows.predicted, rows, average, zero_division)


@overload
def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average = "binary",
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> float: ...
@overload
def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: None,
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> Scores: ...
def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average | None = "binary",
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> float | Scores:
    """Return TP / (TP + FN): how much of the class is found.

    Arguments, *Shapes* and *Raises* are those of `precision`; `zero_division` is the score of a
    class with no true row.

    Source: [D0-M1], where it is one half of F1.
    """
    rows = count_rows(y_true, y_pred, average, labels, positive)
    return average_ratio(rows.hits, rows.true, rows, average, zero_division)


@overload
def f1_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average = "binary",
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> float: ...
@overload
def f1_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: None,
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> Scores: ...
def f1_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average | None = "binary",
    labels: ArrayLike | None = None,
    positive: Label = 1,
    zero_division: float = 0.0,
) -> float | Scores:
    """Return the harmonic mean of precision and recall.

        F1 = 2 / (1/precision + 1/recall) = 2 TP / (2 TP + FP + FN)

    A harmonic mean stays close to the smaller of the two, so neither can pay for the other. With
    "macro" and "weighted" it is the mean of the classes' F1, not the F1 of mean scores.
    Arguments, *Shapes* and *Raises* are those of `precision`; `zero_division` is the score of a
    class that is neither true nor predicted in any row.

    Source: [D0-M1], whose rule (accuracy and recall) gives .8195 where F1 is .3333.
    """
    rows = count_rows(y_true, y_pred, average, labels, positive)
    return average_ratio(2 * rows.hits, rows.true + rows.predicted, rows, average, zero_division)
