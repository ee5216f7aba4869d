"""Sums and the softmax family on the CPU, where the reduced axes are all, the first or the last."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...ops.registry import Array
from .environment import Environment, Launchers

Homes = Sequence[Array | None] | None


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
    if not all(isinstance(a, int) and -n <= a < n for a in axes):
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

    def _reduction(self, x: Array, params: dict[str, Any]) -> Reduction | None:
        axis = params["axis"]
        if x.size == 0 or not (axis is None or isinstance(axis, int | tuple)):
            return None
        return reduction_over(axis, params["keepdims"], x.shape)

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """Σ x, or the mean."""
        (x,) = arrays
        found = self._reduction(x, params)
        if found is None:
            return None
        y = np.empty(found.shape, x.dtype)
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
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Homes = None,
    ) -> Sequence[Array | None] | None:
        """Each entry gets the gradient of the sum that it went into, or its share of the mean's."""
        (x,) = arrays
        found = self._reduction(x, params)
        if found is None or dy.dtype != x.dtype:
            return None
        dx, dy = np.empty(x.shape, x.dtype), self.environment.ordered(dy)
        among = found.among if self.mean else 0
        return (dx,) if self.spread[x.dtype](dx, dy, found.after, among) else None


class RowsKernel:
    """softmax and log_softmax along the last axis."""

    def __init__(self, environment: Environment, name: str) -> None:
        self.environment = environment
        self.rows = Launchers(environment, name)
        self.rows_vjp = Launchers(environment, f"{name}_vjp")

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """Each row's result."""
        (z,) = arrays
        if z.ndim == 0 or z.size == 0 or params["axis"] not in (-1, z.ndim - 1):
            return None
        z, p = self.environment.ordered(z), np.empty(z.shape, z.dtype)
        return p if self.rows[z.dtype](z, p, z.shape[-1]) else None

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Homes = None,
    ) -> Sequence[Array | None] | None:
        """The gradient of the scores, written in the result."""
        if y.ndim == 0 or y.size == 0 or params["axis"] not in (-1, y.ndim - 1):
            return None
        dz = np.empty(y.shape, y.dtype)
        dy = self.environment.ordered(dy)
        return (dz,) if self.rows_vjp[y.dtype](dz, dy, y, y.shape[-1]) else None


class DropoutKernel:
    """Dropout: the mask is drawn again for the gradient, not kept."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.dropout = Launchers(environment, "dropout")

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """x / (1 - p) where kept, else 0."""
        (x,) = arrays
        p, seed, call = params["p"], params["seed"], params["call"]
        if not (isinstance(p, float) and 0 <= p < 1 and 0 <= seed < 2**63):
            return None
        x, y = self.environment.ordered(x), np.empty(x.shape, x.dtype)
        return y if self.dropout[x.dtype](x, y, p, seed, call) else None

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Homes = None,
    ) -> Sequence[Array | None] | None:
        """The same function of the upstream gradient."""
        dx = self.forward([dy], params)
        return None if dx is None else (dx,)


def row_kernels(environment: Environment) -> dict[str, Any]:
    """Op name -> kernel."""
    return {
        "sum": SumKernel(environment, mean=False),
        "mean": SumKernel(environment, mean=True),
        "softmax": RowsKernel(environment, "softmax_rows"),
        "log_softmax": RowsKernel(environment, "log_softmax_rows"),
        "dropout": DropoutKernel(environment),
    }
