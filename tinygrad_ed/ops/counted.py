"""A whole number that counts, so that a captured program can count on by itself."""

from typing import Any, Self

import numpy as np


class Counted(int):
    """The number of a call or of a step; it behaves as the plain number that it is.

    Attributes:
        counter: Where it is counted: int64 entries, all equal.
        ahead: How far this number was ahead of the counter when it was made.
    """

    counter: np.ndarray[Any, Any]
    ahead: int

    def __new__(cls, counter: np.ndarray[Any, Any], ahead: int = 0) -> Self:
        """The counter's number now, or one that is ahead of it."""
        made = super().__new__(cls, int(counter[0]) + ahead)
        made.counter, made.ahead = counter, ahead
        return made
