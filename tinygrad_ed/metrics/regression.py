"""Scores of predicted numbers: how far off, in which unit, and against what.

    MSE  squared units; big errors dominate; minimised by predicting the mean
    MAE  the target's own unit; every unit of error counts the same; minimised by the median
    R²   no unit; the fraction of the target's variance that the prediction explains

These measure finished predictions in float64. To train on one, use the losses of the engine.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_ed.metrics._inputs import (
    check_no_single_column,
    check_same_shape,
    to_array,
    to_finite,
)

Array = NDArray[Any]


def mse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean squared error.

        MSE = 1/m Σ (y - ŷ)²

    over all m entries. There is no ½ in front: a document that writes ½(y - ŷ)² has half this value
    and half its gradient.

    Args:
        y_true: targets.
        y_pred: predictions.

    Shapes: y_true (n,) and y_pred (n,), or (n, k) and (n, k) -> float.

    Raises:
        ValueError: shapes differ, are empty or not one- or two-dimensional, NaN, infinity.
        TypeError: values that are no real numbers.

    Source: [D4-L1].
    """
    true, predicted = _pair(y_true, y_pred)
    return float(np.mean((true - predicted) ** 2))


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean absolute error.

        MAE = 1/m Σ |y - ŷ|

    Arguments, *Shapes* and *Raises* are those of `mse`.
    """
    true, predicted = _pair(y_true, y_pred)
    return float(np.mean(np.abs(true - predicted)))


def r2(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the coefficient of determination, averaged over columns.

        R² = 1 - Σ (y - ŷ)² / Σ (y - ȳ)²

    1 is perfect, 0 is what predicting the mean ȳ earns, and there is no lower limit. A constant
    target has no variance to explain: R² is then 1 if the prediction is exact and 0 if not.

    Arguments and *Raises* are those of `mse`, and one row is refused: it has no variance either.

    Shapes: y_true (n,) and y_pred (n,), or (n, k) and (n, k), n >= 2 -> float.
    """
    true, predicted = _pair(y_true, y_pred)
    if len(true) < 2:
        raise ValueError(
            f"y_true has shape {true.shape}: R² compares the error with the spread of the targets, "
            "and one row has none; give two rows or more"
        )
    true, predicted = true.reshape(len(true), -1), predicted.reshape(len(true), -1)
    exact = (true == predicted).all(axis=0)
    scores = np.where(exact, 1.0, 0.0)
    # Found by comparing: the mean of equal numbers can differ from them in the last bit.
    varies = true.max(axis=0) > true.min(axis=0)
    deviation = (true - true.mean(axis=0))[:, varies]
    error = (true - predicted)[:, varies]
    scale = np.abs(deviation).max(axis=0, initial=0.0)  # squares of 1e-200 would be 0
    explained = ((error / scale) ** 2).sum(axis=0) / ((deviation / scale) ** 2).sum(axis=0)
    scores[varies] = 1 - explained
    return float(scores.mean())


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Both inputs in float64 and of one shape, or an error that teaches."""
    true, predicted = to_array(y_true, "y_true"), to_array(y_pred, "y_pred")
    shapes = f"y_true has shape {true.shape} and y_pred has shape {predicted.shape}"
    if true.ndim != predicted.ndim:
        check_no_single_column({"y_true": true, "y_pred": predicted}, shapes)
    if true.ndim not in (1, 2) or predicted.ndim not in (1, 2):
        raise ValueError(f"{shapes}: both must be (n,), or (n, k) for k targets a row")
    check_same_shape(true, predicted, "y_pred")
    return (
        to_finite(true, "y_true").astype(np.float64),
        to_finite(predicted, "y_pred").astype(np.float64),
    )
