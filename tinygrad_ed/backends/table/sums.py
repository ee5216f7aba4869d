"""Sums and means, where the summed axes are all, the first or the last."""

import functools
import math
from typing import NamedTuple

from ...ops.registry import Array
from ..base import Arrays, Gradients, Homes, Needs, Params
from .environment import Environment, Launchers


class Reduction(NamedTuple):
    """Which entries of an array go into one entry of a sum over axes that lie side by side.

    In C order the array has the shape (before, among, after), and its sum (before, after).
    """

    before: int
    among: int
    after: int
    shape: tuple[int, ...]  # of the result


@functools.lru_cache(1024)
def reduction_over(
    axis: int | tuple[int, ...] | None, keepdims: bool, shape: tuple[int, ...]
) -> Reduction | None:
    """What a sum over these axes comes down to; None where the formula must run."""
    n = len(shape)
    axes = range(n) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not all(-n <= a < n for a in axes):
        return None
    gone = sorted(a % n for a in axes)
    first = gone[0] if gone else 0
    end = first + len(gone)
    if gone != list(range(first, end)) or (n and not gone):
        return None
    return Reduction(
        math.prod(shape[:first]),
        math.prod(shape[first:end]),
        math.prod(shape[end:]),
        shape[:first] + ((1,) * len(gone) if keepdims else ()) + shape[end:],
    )


class SumKernel:
    """`sum` and `mean` over the first axes, the last ones or all; their gradients over any."""

    def __init__(self, environment: Environment, mean: bool) -> None:
        self.environment, self.mean = environment, int(mean)
        self.every = Launchers(environment, "sum_all")
        self.rows = Launchers(environment, "sum_rows")
        self.columns = Launchers(environment, "sum_columns")
        self.spread = Launchers(environment, "spread")

    def _reduction(self, x: Array, params: Params) -> Reduction | None:
        axis, keepdims = params["axis"], params["keepdims"]
        axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
        # True equals 1, and is no axis
        if x.size == 0 or not isinstance(keepdims, bool) or any(type(a) is not int for a in axes):
            return None
        return reduction_over(axis, keepdims, x.shape)

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """Σ x, or the mean."""
        (x,) = arrays
        found = self._reduction(x, params)
        if found is None:
            return None
        y = self.environment.empty(found.shape, x.dtype)
        return y if self.total(x, found, y) else None

    def total(self, x: Array, found: Reduction, y: Array) -> bool:
        """Σ x, or the mean, into y; False if there is no kernel for it."""
        if found.before != 1 and found.after != 1:
            return False
        x = self.environment.ordered(x)
        if found.after != 1:
            return self.rows[x.dtype](x, y, self.mean)
        if found.before != 1:
            return self.columns[x.dtype](x, y, found.among, self.mean)
        return self.every[x.dtype](x, y, self.mean)

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """Each entry gets the gradient of the sum that it went into, or its share of the mean's."""
        (x,) = arrays
        found = self._reduction(x, params)
        if found is None or dy.dtype != x.dtype:
            return None
        dx, dy = self.environment.empty(x.shape, x.dtype), self.environment.ordered(dy)
        among = found.among if self.mean else 0
        return (dx,) if self.spread[x.dtype](dx, dy, found.after, among) else None
