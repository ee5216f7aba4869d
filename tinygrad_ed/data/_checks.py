"""One check that the readers, generators and loaders share."""

import operator
from typing import Any


def whole_number(name: str, value: Any, *, minimum: int) -> int:
    """Return ``value`` as an int, or say which argument is wrong and what it may be.

    Raises:
        TypeError: ``value`` is no integer (2.0 and True are refused: both hide a slip).
        ValueError: ``value`` is below ``minimum``.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}={value!r} is a {type(value).__name__}: give a whole number >= {minimum}"
        ) from None
    if number < minimum:
        raise ValueError(f"{name}={number}: give a whole number >= {minimum}")
    return number
