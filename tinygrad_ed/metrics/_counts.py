"""The counting and averaging behind classification.py.

Precision, recall and F1 are one computation: count rows for each class, divide two counts, average.
Only three counts are ever needed for a class (hits TP, predictions TP + FP, true rows TP + FN), so
the cost is that of sorting the labels, and the K x K confusion matrix is never built for a score.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_ed.metrics._inputs import check_rows, check_same_kind, shown, to_array, to_labels

Array = NDArray[Any]
Counts = NDArray[np.int64]
Scores = NDArray[np.float64]
Label = int | str
Average = Literal["binary", "micro", "macro", "weighted"]

AVERAGES = ("binary", "micro", "macro", "weighted", None)


class Rows(NamedTuple):
    """Numbers of rows for each class scored, or their sums for "micro"."""

    hits: Counts  # TP
    predicted: Counts  # TP + FP
    true: Counts  # TP + FN


def paired_labels(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Both inputs as labels that may be compared, or an error that teaches."""
    true, predicted = to_array(y_true, "y_true"), to_array(y_pred, "y_pred")
    check_rows(true, predicted, "y_pred", "if they score the classes, use y_pred.argmax(axis=1)")
    true = to_labels(true, "y_true")
    predicted = to_labels(predicted, "y_pred", "if it is a score, threshold first: y_score >= 0.5")
    check_same_kind({"y_true": true, "y_pred": predicted})
    return true, predicted


def index_classes(
    true: Array, predicted: Array, labels: ArrayLike | None
) -> tuple[Array, Array, Array, Array]:
    """All classes, sorted, and where in them the true, the predicted and the listed ones stand."""
    listed = np.unique(np.concatenate([true, predicted]))
    if labels is not None:
        listed = to_labels(to_array(labels, "labels"), "labels")
        check_same_kind({"y_true": true, "labels": listed})
        if listed.ndim != 1 or not listed.size or np.unique(listed).size != listed.size:
            raise ValueError(
                f"labels={shown(listed.flat)} has shape {listed.shape}: "
                "list each class once, in the order you want, at least one"
            )
    classes = np.unique(np.concatenate([true, predicted, listed]))
    return (
        classes,
        np.searchsorted(classes, true),
        np.searchsorted(classes, predicted),
        np.searchsorted(classes, listed),
    )


def count_rows(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    average: Average | None,
    labels: ArrayLike | None,
    positive: Label,
) -> Rows:
    """Count, for each class asked for, its hits, its predictions and its true rows."""
    if average not in AVERAGES:
        raise ValueError(f"average={average!r} is none of {', '.join(map(repr, AVERAGES))}")
    true, predicted = paired_labels(y_true, y_pred)
    if average == "binary":
        if labels is not None:
            raise ValueError(
                "labels= says which classes to average, and average='binary' scores one: "
                "choose it with positive=, or choose another average"
            )
        labels = [_positive(positive, true, predicted)]
    elif positive != 1:
        raise ValueError(
            f"positive={positive!r} has a meaning only with average='binary'; "
            f"for that class alone use labels=[{positive!r}]"
        )
    classes, i, j, listed = index_classes(true, predicted, labels)
    tallies = [np.bincount(k, minlength=len(classes))[listed] for k in (i[i == j], j, i)]
    if average == "micro":
        tallies = [tally.sum(keepdims=True) for tally in tallies]
    return Rows(*tallies)


def _positive(positive: Label, true: Array, predicted: Array) -> Any:
    """The positive class, if these rows are a problem of two classes and it is one of them."""
    classes = np.unique(np.concatenate([true, predicted]))
    if len(classes) > 2:
        raise ValueError(
            f"average='binary' is for two classes, and there are {len(classes)}: {shown(classes)}. "
            "Choose average='macro', 'micro', 'weighted' or None"
        )
    label = to_labels(np.asarray(positive), "positive")
    # One class alone may be the negative one (a batch without positives): that is a score of 0.
    if label.dtype.kind != true.dtype.kind or (len(classes) == 2 and label not in classes):
        raise ValueError(
            f"positive={positive!r} is not one of the classes {shown(classes)}: "
            "name the positive one with positive="
        )
    return label


def average_ratio(
    numerator: Counts,
    denominator: Counts,
    rows: Rows,
    average: Average | None,
    zero_division: float,
) -> float | Scores:
    """Divide, put `zero_division` where nothing can be divided, and average."""
    is_nan = zero_division != zero_division
    if zero_division not in (0.0, 1.0) and not is_nan:
        raise ValueError(f"zero_division={zero_division!r} must be 0.0, 1.0 or NaN")
    scores = np.full(len(numerator), float(zero_division))
    np.divide(numerator, denominator, out=scores, where=denominator > 0)
    if average is None:
        return scores
    defined = ~np.isnan(scores)
    if not defined.any():
        return float("nan")
    weights = rows.true[defined] if average == "weighted" else None
    if weights is not None and not weights.any():
        weights = None  # no true row to weigh by
    return float(np.average(scores[defined], weights=weights))
