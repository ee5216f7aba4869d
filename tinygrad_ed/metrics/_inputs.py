"""What the metrics ask of their inputs, and what they answer when it is not given.

A wrong shape is the quiet way to a wrong score: (n, 1) against (n,) broadcasts to (n, n), and the
mean over it looks like a score. So shapes are compared before anything is computed, and nothing is
flattened, rounded or thresholded behind the caller's back. Inputs are only read, never written.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

# Above this a float64 can no longer tell a whole number from its neighbour.
LARGEST_EXACT = 2**53


def to_array(values: ArrayLike, argument: str) -> Array:
    """Return `values` as an array; ragged lists are named as such.

    Raises:
        ValueError: nested lists whose rows differ in length.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        if not isinstance(values, list | tuple):
            raise
        raise ValueError(
            f"{argument} is a ragged list (its rows differ in length), so it is no array; "
            "give one value for each row of the data"
        ) from error


def check_rows(y_true: Array, other: Array, argument: str, columns_hint: str) -> None:
    """Require two one-dimensional arrays of one length, at least 1.

    Args:
        y_true: the truth.
        other: predictions or scores.
        argument: the name of `other`.
        columns_hint: what to do when `other` has several columns.

    Raises:
        ValueError: any other pair of shapes; the message holds both.
    """
    shapes = f"y_true has shape {y_true.shape} and {argument} has shape {other.shape}"
    check_no_single_column({"y_true": y_true, argument: other}, shapes)
    if other.ndim == 2:
        raise ValueError(f"{shapes}: {argument} has {other.shape[1]} columns; {columns_hint}")
    if y_true.ndim == 2:
        raise ValueError(
            f"{shapes}: y_true has {y_true.shape[1]} columns; if each row is one-hot, "
            "use y_true.argmax(axis=1)"
        )
    if y_true.ndim != 1 or other.ndim != 1:
        raise ValueError(f"{shapes}: both must be one-dimensional, (n,)")
    check_same_shape(y_true, other, argument)


def check_no_single_column(arrays: dict[str, Array], shapes: str) -> None:
    """Refuse (n, 1): beside (n,) it would mean every row against every row.

    Raises:
        ValueError: an array is one column.
    """
    columns = [name for name, array in arrays.items() if array.shape[1:] == (1,)]
    if len(columns) == len(arrays):
        raise ValueError(f"{shapes}: both are one column: use .ravel() on each")
    if columns:
        raise ValueError(
            f"{shapes}: (n, 1) beside (n,) broadcasts to every row against every row; "
            f"use {columns[0]}.reshape(-1)"
        )


def check_same_shape(y_true: Array, other: Array, argument: str) -> None:
    """Require equal shapes with at least one row.

    Raises:
        ValueError: shapes differ, or hold nothing.
    """
    shapes = f"y_true has shape {y_true.shape} and {argument} has shape {other.shape}"
    if y_true.shape != other.shape:
        raise ValueError(f"{shapes}: row i of one belongs to row i of the other, make them equal")
    if y_true.size == 0:
        raise ValueError(f"{shapes}: both are empty, and a score needs at least one row")


def to_labels(
    values: Array, argument: str, advice: str = "give each row its class, as an integer or text"
) -> Array:
    """Return class labels as int64 or text, exactly.

    Booleans become 0 and 1; whole numbers in a float array are taken for the classes they print as.

    Args:
        values: integers, booleans, text, or floats that are whole numbers.
        argument: the name to use in messages.
        advice: what to do about a number that is not whole.

    Raises:
        ValueError: NaN, infinity, a number that is not whole or too large to be exact.
        TypeError: complex numbers, dates, Python objects other than text.
    """
    kind = values.dtype.kind
    if kind in "UT":
        return values.astype(np.str_)
    if kind == "O" and all(isinstance(value, str) for value in values.flat):
        return values.astype(np.str_)
    if kind in "bi":
        return values.astype(np.int64)
    if kind == "u":
        bad = values > np.uint64(np.iinfo(np.int64).max)
    elif kind == "f":
        numbers = values.astype(np.float64)
        bad = ~(np.abs(numbers) <= LARGEST_EXACT) | (numbers != np.trunc(numbers))
    else:
        raise TypeError(
            f"{argument} has dtype {values.dtype}, which holds no class labels; "
            "use integers, booleans or text"
        )
    if bad.any():
        raise ValueError(f"{at_first(bad, values, argument)} is not a class label: {advice}")
    return values.astype(np.int64)


def check_same_kind(arrays: dict[str, Array]) -> None:
    """Require that labels to be compared are all numbers or all text.

    Raises:
        ValueError: a mixture; the message shows a label of each.
    """
    if len({array.dtype.kind for array in arrays.values() if array.size}) > 1:
        seen = ", ".join(f"{name} holds {array.flat[0].item()!r}" for name, array in arrays.items())
        raise ValueError(f"{seen}: labels must be all numbers or all text, or none is ever equal")


def to_finite(values: Array, argument: str) -> Array:
    """Return real numbers as they are, after a look at each.

    Raises:
        ValueError: NaN or infinity, with its index.
        TypeError: complex numbers, text, dates, Python objects.
    """
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{argument} has dtype {values.dtype}; real numbers are needed")
    bad = ~np.isfinite(values)
    if bad.any():
        raise ValueError(
            f"{at_first(bad, values, argument)} ({bad.sum()} of {values.size} values are not "
            "finite): it has no place in an order or a mean; find the step that made it"
        )
    return values


def at_first(where: Array, values: Array, argument: str) -> str:
    """Return 'argument[i] = value' for the first True of `where`."""
    index = np.unravel_index(int(np.argmax(where)), where.shape)
    place = ", ".join(str(int(i)) for i in index)
    return f"{argument}[{place}] = {values[index]}"


def shown(labels: Iterable[Any], limit: int = 8) -> str:
    """Return a few labels as Python writes them, for messages."""
    items = [label.item() if isinstance(label, np.generic) else label for label in labels]
    rest = f", … ({len(items)} in all)" if len(items) > limit else ""
    return "[" + ", ".join(repr(item) for item in items[:limit]) + rest + "]"
