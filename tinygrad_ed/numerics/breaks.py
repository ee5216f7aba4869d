"""Where a form gives nothing of use: not a number, infinity, or no right digit.

The sweep's points tell in which stretches something is wrong; their ends are then found by
bisection between neighbouring points, down to neighbouring numbers of the type.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .units import rounded

Array = NDArray[Any]

FINE, NAN, INFINITE, LOST = range(4)
KINDS = {NAN: "gives NaN", INFINITE: "gives infinity", LOST: "has no right digit"}


@dataclass(frozen=True)
class Break:
    """A stretch of the range in which a form gives nothing of use.

    Attributes:
        kind: "gives NaN", "gives infinity", or "has no right digit": off by half of the exact value
            or more, as where it gives 0 for a value that the type can hold.
        low: The smallest number of the stretch; the start of the range, or exact to the last bit.
        high: The largest number of the stretch.
    """

    kind: str
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.kind} from {self.low:.9g} to {self.high:.9g}"


def judged(got: Array, exact: Array) -> Array:
    """For every result, FINE or what is wrong with it.

    Args:
        got: What was computed.
        exact: The exact values as Decimals, one for each.
    """
    kinds = np.empty(got.shape, dtype=np.int64)
    for place in np.ndindex(got.shape):
        kinds[place] = _kind(float(got[place]), exact.item(*place), got.dtype)
    return kinds


def _kind(got: float, exact: Decimal, dtype: Any) -> int:
    if exact.is_nan() or got == rounded(exact, dtype):
        return FINE
    if np.isnan(got):
        return NAN
    if np.isinf(got):
        return INFINITE
    return LOST if abs(Decimal(got) - exact) * 2 >= abs(exact) else FINE


def stretches(points: Array, kinds: Array, judge: Callable[[Array], Array]) -> Sequence[Break]:
    """The stretches of the same trouble among sorted points, with ends to the last bit.

    Args:
        points: Where was looked, in rising order.
        kinds: What was found there.
        judge: The same for other points.
    """
    while True:
        changes = np.flatnonzero(np.diff(kinds))
        apart = changes[_place(points[changes + 1]) - _place(points[changes]) > 1]
        if apart.size == 0:
            break
        # What begins after the edge may be a third kind: then there is another edge further on.
        before, after = _edges(points[apart], points[apart + 1], kinds[apart], judge)
        points, first = np.unique(np.concatenate([points, before, after]), return_index=True)
        kinds = np.concatenate([kinds, kinds[apart], judge(after)])[first]
    before, after = points[changes], points[changes + 1]
    starts = [points[0], *after]
    ends = [*before, points[-1]]
    which = kinds[[0, *(changes + 1)]]
    return [
        Break(KINDS[int(kind)], float(low), float(high))
        for kind, low, high in zip(which, starts, ends, strict=True)
        if kind != FINE
    ]


def _edges(
    low: Array, high: Array, kind_of_low: Array, judge: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Neighbouring numbers, of which the first is still of the kind that `low` is."""
    a, b = _place(low), _place(high)
    while np.any(a < b - 1):
        middle = (a >> 1) + (b >> 1) + (a & b & 1)  # (a + b) / 2, which could overflow
        same = judge(_number(middle, low.dtype)) == kind_of_low
        a, b = np.where(same, middle, a), np.where(same, b, middle)
    return _number(a, low.dtype), _number(b, low.dtype)


def _place(x: Array) -> Array:
    """Which number of its type this is, counted from 0: neighbours are 1 apart."""
    bits = np.abs(x).view(f"i{x.dtype.itemsize}").astype(np.int64)
    return np.where(np.signbit(x), -bits, bits)


def _number(place: Array, dtype: Any) -> Array:
    """The number at a place."""
    size = np.abs(place).astype(f"i{np.dtype(dtype).itemsize}").view(dtype)
    return np.asarray(np.where(place < 0, -size, size))
