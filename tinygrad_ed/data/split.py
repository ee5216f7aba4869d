"""Hold back a part of the data: what a model has not seen is the only fair test of it."""

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_ed.data._checks import whole_number
from tinygrad_ed.data.dataset import Array


def stratified_split(
    X: ArrayLike, y: ArrayLike, test_size: float = 0.2, seed: int = 0
) -> tuple[Array, Array, Array, Array]:
    """Split rows at random into train and test, each with the class shares of the whole.

    Of the n_c rows of class c, n_c · test_size go to the test part, rounded down, but at least 1
    and at most n_c − 1: a class of two or more rows is in both parts. The largest fractions are
    then rounded up until the test part has N · test_size rows, rounded (the method of largest
    remainders). A class of a single row goes to train: a model cannot be tested on what it was
    never shown.

    Args:
        X: the samples.
        y: one class label a row (numbers or text).
        test_size: share of the rows for the test part, between 0 and 1.
        seed: fixes which rows go where, and the order within each part.

    Returns:
        X_train, X_test, y_train, y_test: copies, in random order. Every row is in exactly one part.

    Shapes:
        X (N, …), y (N,) → (N − T, …), (T, …), (N − T,), (T,).

    Raises:
        TypeError: the seed is no whole number.
        ValueError: lengths differ, y is not 1-D, test_size is outside (0, 1), or no class has two
            rows.

    Source:
        The documents' programs [D0-P1] and [D2-P2] evaluate on their training data; this is what
        they lack.
    """
    X, y = np.asarray(X), np.asarray(y)
    if y.ndim != 1:
        hint = ": y.ravel() drops the axis of length 1" if y.size == len(np.atleast_1d(y)) else ""
        raise ValueError(f"y has shape {y.shape}: expected (N,), one class a row{hint}")
    if X.ndim == 0 or len(X) != len(y):
        raise ValueError(f"X has shape {X.shape} and y has shape {y.shape}: one label a row")
    if not 0.0 < test_size < 1.0:
        raise ValueError(f"test_size={test_size!r}: give a share between 0 and 1, such as 0.2")
    rng = np.random.default_rng(whole_number("seed", seed, minimum=0))

    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if not np.any(counts >= 2):
        raise ValueError(
            f"{len(y)} rows in {len(classes)} classes: no class has two rows, "
            "so none can be in both parts"
        )
    n_test = _shares(counts, test_size)

    order = rng.permutation(len(y))
    # A stable sort by class keeps the random order inside each class: its first n_test rows are
    # a random choice, found at `starts` of the sorted list.
    by_class = order[np.argsort(codes[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    rank = np.arange(len(y)) - np.repeat(starts, counts)
    in_test = np.zeros(len(y), dtype=bool)
    in_test[by_class] = rank < np.repeat(n_test, counts)

    train, test = order[~in_test[order]], order[in_test[order]]
    return X[train], X[test], y[train], y[test]


def _shares(counts: Array, test_size: float) -> Array:
    """Rows of each class for the test part: (C,) → (C,)."""
    exact = counts * test_size
    most = counts - 1
    shares: Array = np.minimum(np.maximum(np.floor(exact).astype(np.int64), 1), most)
    missing = int(np.floor(counts.sum() * test_size + 0.5)) - int(shares.sum())
    # Fractions equal up to rounding are a tie, and the larger class bears it with less distortion.
    fractions = np.where(shares < most, np.round(exact - shares, 9), 0.0)
    first = np.lexsort((-counts, -fractions))[: max(missing, 0)]
    shares[first] += fractions[first] > 0
    return shares
