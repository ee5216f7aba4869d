"""Sums and the softmax family on the CPU, where the reduced axes are all, the first or the last."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ops.registry import Array
from .environment import Environment, Launchers

Homes = Sequence[Array | None] | None


class SumKernel:
    """`sum` and `mean`: over everything, over the rows of a matrix, or along the last axis.

    There is no kernel for the gradient: spreading a number is a view, not work.
    """

    def __init__(self, environment: Environment, mean: bool) -> None:
        self.mean = int(mean)
        self.every = Launchers(environment, "sum_all")
        self.rows = Launchers(environment, "sum_rows")
        self.columns = Launchers(environment, "sum_columns")

    def forward(self, arrays: Sequence[Array], params: dict[str, Any]) -> Array | None:
        """Σ x, or the mean."""
        (x,) = arrays
        axis, keepdims = params["axis"], params["keepdims"]
        if x.size == 0:
            return None
        if axis is None or (x.ndim == 1 and axis in (0, -1)):
            y = np.empty((1,) * x.ndim if keepdims else (), x.dtype)
            return y if self.every[x.dtype](x, y, self.mean) else None
        if not isinstance(axis, int) or not -x.ndim <= axis < x.ndim:
            return None
        axis %= x.ndim
        shape = (*x.shape[:axis], *((1,) if keepdims else ()), *x.shape[axis + 1 :])
        y = np.empty(shape, x.dtype)
        if axis == x.ndim - 1:
            return y if self.columns[x.dtype](x, y, x.shape[-1], self.mean) else None
        if axis == 0:
            return y if self.rows[x.dtype](x, y, self.mean) else None
        return None

    def vjp(
        self,
        dy: Array,
        y: Array,
        arrays: Sequence[Array],
        needs: tuple[bool, ...],
        params: dict[str, Any],
        homes: Homes = None,
    ) -> None:
        """By the formula."""
        return None


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
        p = np.empty(z.shape, z.dtype)
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
        y = np.empty(x.shape, x.dtype)
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
        dx = self.forward([self.environment.ordered(dy)], params)
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
