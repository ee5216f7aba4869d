"""Put every feature on one scale, by what the training part alone can tell."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_ed.data.dataset import Array


@dataclass(frozen=True, eq=False)
class Standardise:
    """Shift and scale each column to mean 0 and standard deviation 1.

    z = (x − mean_) / scale_, with mean_ and scale_ of the rows given to ``fit``. Fit on the
    training part and transform both parts with the result: statistics that include test rows
    tell the model about data it should not have seen.

    ``scale_`` divides by N (not N − 1). A constant column has no spread to divide by: its scale is
    1, and it becomes exactly 0.

    Attributes:
        mean_: mean of each column.
        scale_: standard deviation of each column, 1 where the column is constant.

    Shapes:
        mean_ (D,), scale_ (D,); X (N, D).

    Example:
        >>> scaler = Standardise.fit(X_train)              # doctest: +SKIP
        >>> Z_test = scaler.transform(X_test)              # doctest: +SKIP

    Source:
        The "normalisation" that 003 and 004 §3.2 name.
    """

    mean_: Array
    scale_: Array

    @classmethod
    def fit(cls, X: ArrayLike) -> Self:
        """Measure mean and standard deviation of each column, in float64 and two passes.

        Args:
            X: the training rows.

        Shapes:
            X (N, D) with N >= 1.

        Raises:
            ValueError: X is not a matrix of real numbers, has no rows, or holds NaN or infinity
                (row and column named), or its sums overflow.
        """
        X = _matrix(X)
        if len(X) == 0:
            raise ValueError(f"X has shape {X.shape}: no rows, so there is no mean")
        bad = np.argwhere(~np.isfinite(X))
        if len(bad):
            row, column = bad[0]
            raise ValueError(
                f"X[{row}, {column}] is {X[row, column]} ({len(bad)} such entries): "
                "drop these rows or fill the values in before fitting"
            )
        low, high = X.min(axis=0), X.max(axis=0)
        # Equality, not a small deviation, is what makes a column constant: the mean of n copies
        # of 0.1 is not 0.1, and their computed deviation is not 0.
        constant = low == high
        with np.errstate(over="ignore", invalid="ignore"):
            mean = X.mean(axis=0, dtype=np.float64)
            mean += (X - mean).mean(axis=0)  # a running sum drifts; its remainder mends it
            mean = np.where(constant, low, mean).astype(np.float64)
            deviation = X - mean
            # Squares of 1e-200 vanish and those of 1e200 overflow: square shares of the largest.
            largest = np.abs(deviation).max(axis=0)
            largest[constant] = 1.0
            deviation /= largest
            scale = largest * np.sqrt(np.square(deviation, out=deviation).mean(axis=0))
        scale[constant] = 1.0
        broken = np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(scale) | (scale == 0.0))
        if len(broken):
            j = int(broken[0])
            raise ValueError(
                f"column {j} runs from {low[j]} to {high[j]}: its mean or deviation does not fit "
                "in float64; rescale it first"
            )
        return cls(mean, scale)

    def transform(self, X: ArrayLike) -> Array:
        """z = (x − mean_) / scale_, column by column.

        Shapes:
            X (N, D) → (N, D), in X's own float dtype (float64 for integers).

        Raises:
            ValueError: X is no real matrix, or its D is not that of ``fit``.
        """
        X = self._same_columns(X)
        return np.asarray((X - self.mean_) / self.scale_, dtype=_float_dtype(X))

    def inverse(self, Z: ArrayLike) -> Array:
        """x = z · scale_ + mean_, which undoes ``transform`` up to rounding.

        Shapes:
            Z (N, D) → (N, D), in Z's own float dtype (float64 for integers).

        Raises:
            ValueError: Z is no real matrix, or its D is not that of ``fit``.
        """
        Z = self._same_columns(Z)
        return np.asarray(Z * self.scale_ + self.mean_, dtype=_float_dtype(Z))

    def _same_columns(self, X: ArrayLike) -> Array:
        X = _matrix(X)
        if X.shape[1:] != self.mean_.shape:
            raise ValueError(
                f"X has shape {X.shape}, but the mean was fitted on {len(self.mean_)} columns"
            )
        return X


def _matrix(X: ArrayLike) -> Array:
    X = np.asarray(X)
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise ValueError(
            f"X has shape {X.shape} and dtype {X.dtype}: expected real numbers of shape (N, D)"
        )
    return X


def _float_dtype(X: Array) -> np.dtype[np.floating]:
    return X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
