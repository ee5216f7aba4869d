"""Numbers of hundreds of digits that NumPy functions, and so our formulas, run on unchanged.

A formula that loses every digit in float32 loses none worth speaking of when it works with 400.
So the reference for an op is its own textbook form, run on arrays of `Exact`: no second formula
that could be wrong in another way, and no other library.
"""

from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SPARE = 40  # digits beyond what cancellation can take
MOST_DIGITS = 5000  # one exponential with more takes milliseconds


class Exact:
    """A decimal number with as many digits as the context around it says (`digits_of_context`).

    It has the methods that NumPy calls for each entry of an object array: arithmetic, comparisons,
    exp, log, sqrt, tanh, sin, cos and their like. Floating-point numbers become exactly what they
    are.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = decimal_of(value)

    def __repr__(self) -> str:
        return f"Exact({self.value:.17g})"

    def __float__(self) -> float:
        return float(self.value)

    def __add__(self, other: Any) -> "Exact":
        return Exact(self.value + decimal_of(other))

    def __sub__(self, other: Any) -> "Exact":
        return Exact(self.value - decimal_of(other))

    def __mul__(self, other: Any) -> "Exact":
        return Exact(self.value * decimal_of(other))

    def __truediv__(self, other: Any) -> "Exact":
        return Exact(self.value / decimal_of(other))

    def __pow__(self, other: Any) -> "Exact":
        return Exact(self.value ** decimal_of(other))

    def __rsub__(self, other: Any) -> "Exact":
        return Exact(other) - self

    def __rtruediv__(self, other: Any) -> "Exact":
        return Exact(other) / self

    def __rpow__(self, other: Any) -> "Exact":
        return Exact(other) ** self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> "Exact":
        return Exact(-self.value)

    def __abs__(self) -> "Exact":
        return Exact(abs(self.value))

    def __eq__(self, other: object) -> bool:
        return self.value == decimal_of(other)

    def __lt__(self, other: Any) -> bool:
        return self.value < decimal_of(other)

    def __le__(self, other: Any) -> bool:
        return self.value <= decimal_of(other)

    def __gt__(self, other: Any) -> bool:
        return self.value > decimal_of(other)

    def __ge__(self, other: Any) -> bool:
        return self.value >= decimal_of(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def exp(self) -> "Exact":
        """e to this power."""
        return Exact(self.value.exp())

    def log(self) -> "Exact":
        """The natural logarithm; -infinity of 0."""
        return Exact(self.value.ln())

    def sqrt(self) -> "Exact":
        """The square root."""
        return Exact(self.value.sqrt())

    def log1p(self) -> "Exact":
        """log(1 + x): with digits to spare the sum loses nothing."""
        return (self + 1).log()

    def expm1(self) -> "Exact":
        """e^x - 1."""
        return self.exp() - 1

    def tanh(self) -> "Exact":
        """(e^2x - 1) / (e^2x + 1)."""
        square = (self + self).exp()
        return (square - 1) / (square + 1)

    def sin(self) -> "Exact":
        """Taylor's series; for |x| up to 100, beyond which its terms grow too large."""
        return self._series(self, 2)

    def cos(self) -> "Exact":
        """Taylor's series; for |x| up to 100, beyond which its terms grow too large."""
        return self._series(Exact(1), 1)

    def _series(self, term: "Exact", n: int) -> "Exact":
        """Σ of terms, each -x² / (n (n + 1)) times the one before, until one changes nothing."""
        if not (self.value.is_finite() and abs(self) <= 100):
            raise ValueError(
                f"sin and cos of exact numbers go from -100 to 100, not {self.value:.6g}"
            )
        total = term
        while True:
            term = -term * self * self / (n * (n + 1))
            if total + term == total and n > abs(self):
                return total
            total, n = total + term, n + 2


def decimal_of(number: Any) -> Decimal:
    """What a number is, to its last bit, as a decimal."""
    if isinstance(number, Exact):
        return number.value
    if isinstance(number, Decimal):
        return number
    return Decimal(number if isinstance(number, int) else float(number))


def digits_of_context(digits: int) -> Any:
    """A `with` block in which `Exact` numbers have so many digits and nothing raises."""
    return localcontext(Context(prec=digits, Emax=10**6, Emin=-(10**6), traps=[]))


def as_exact(operand: Any) -> Any:
    """Floating-point arrays (and numbers) as object arrays of `Exact`; labels stay as they are."""
    array = np.asarray(operand)
    if array.dtype.kind != "f":  # labels; or exact numbers already
        return operand
    made = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        made[place] = Exact(array[place])
    return made


def digits_for_exponentials(*operands: Any, times: int = 2) -> int:
    """How many digits 1 + e^x and e^x - 1 need to keep some 40, for every x in the operands.

    Of a large |x|, e^-|x| stands |x| / ln 10 digits behind the point; of a small one, x itself
    -log10 |x|.

    Args:
        operands: Arrays; those that are no floating-point numbers do not count.
        times: e to which multiple of x stands beside 1: e^2x in tanh's complement.

    Raises:
        ValueError: More than 5000.
    """
    floats = [np.abs(x) for x in map(np.asarray, operands) if x.dtype.kind == "f" and x.size]
    largest = max((float(np.max(x)) for x in floats), default=0.0)
    smallest = min((float(np.min(x, where=x > 0, initial=1.0)) for x in floats), default=1.0)
    digits = SPARE + times * largest / np.log(10) - np.log10(smallest)
    if not digits <= MOST_DIGITS:
        raise ValueError(
            f"the range reaches {largest:.6g}: the exact value of 1 + exp(-{times * largest:.6g}) "
            f"needs {digits:.3g} digits, and {MOST_DIGITS} is the limit; give a range within "
            f"±{(MOST_DIGITS - SPARE) * np.log(10) / times:.0f}"
        )
    return int(digits)


def in_exact_numbers(function: Callable[..., Any], operands: Any, digits: int) -> Any:
    """A function of arrays, run on the same numbers with so many digits.

    Returns:
        An object array of Decimal, in the result's shape.
    """
    with digits_of_context(digits):
        value = np.asarray(function(*[as_exact(x) for x in operands]), dtype=object)
    made = np.empty(value.shape, dtype=object)
    for place in np.ndindex(value.shape):
        made[place] = decimal_of(value[place])
    return made
