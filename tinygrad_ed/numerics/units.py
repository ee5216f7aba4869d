"""Errors in units in the last place: how many representable numbers a result is away.

One ULP at y is the distance of neighbouring numbers of the type around y: 2^(e - p) for
2^e <= |y| < 2^(e + 1), with p = 23 bits behind the point in float32 and 52 in float64. A result
that was rounded correctly is off by at most half of one.
"""

import math
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def unit_in_last_place(y: Any, dtype: Any) -> Array:
    """The distance of neighbouring numbers of the type around y, as float64.

    Below the smallest normal number it is the smallest number there is. Infinity has the unit of
    the largest number.
    """
    info = np.finfo(dtype)
    largest = float(info.max)
    size = np.minimum(np.abs(np.asarray(y, dtype=np.float64)), largest)
    _, exponent = np.frexp(size)
    lowest = int(info.minexp) - int(info.nmant)
    power = np.where(size > 0, exponent - 1 - int(info.nmant), lowest)
    return np.asarray(np.ldexp(1.0, np.maximum(power, lowest)))


def ulp_errors(got: Array, exact: Array) -> Array:
    """|got - exact| in ULP of the exact value, in the type of `got`.

    Args:
        got: What was computed, in float32 or float64.
        exact: The exact values as Decimals, one for each.

    Returns:
        float64 of the same shape. Infinity where a finite value came out as NaN or infinite; 0
        where a value beyond the largest number came out as infinity, which is its rounding.
    """
    units = unit_in_last_place(exact.astype(np.float64), got.dtype)
    errors = np.empty(got.shape)
    for place in np.ndindex(got.shape):
        unit = float(units[place])
        errors[place] = _error(float(got[place]), exact.item(*place), unit, got.dtype)
    return errors


def _error(got: float, exact: Decimal, unit: float, dtype: Any) -> float:
    if math.isnan(got):
        return math.inf
    if math.isinf(got):
        return 0.0 if got == rounded(exact, dtype) else math.inf
    if exact.is_infinite():
        return math.inf
    return float(abs(Decimal(got) - exact) / Decimal(unit))


def rounded(exact: Decimal, dtype: Any) -> float:
    """The number of the type that is nearest to an exact value; infinity beyond the largest."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.dtype(dtype).type(float(exact)))
