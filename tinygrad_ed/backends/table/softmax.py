"""softmax and log_softmax, along the last axis."""

from ...ops.registry import Array
from ..base import Arrays, Gradients, Homes, Needs, Params
from .environment import Environment, Launchers


class SoftmaxKernel:
    """softmax and log_softmax along the last axis."""

    def __init__(self, environment: Environment, name: str) -> None:
        self.environment = environment
        self.rows = Launchers(environment, name)
        self.rows_vjp = Launchers(environment, f"{name}_vjp")

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """Each row's result."""
        (z,) = arrays
        if z.ndim == 0 or z.size == 0 or params["axis"] not in (-1, z.ndim - 1):
            return None
        z, p = self.environment.ordered(z), self.environment.empty(z.shape, z.dtype)
        return p if self.rows[z.dtype](z, p, z.shape[-1]) else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """The gradient of the scores, written in the result."""
        if y.ndim == 0 or y.size == 0 or params["axis"] not in (-1, y.ndim - 1):
            return None
        dz = self.environment.empty(y.shape, y.dtype)
        dy = self.environment.ordered(dy)
        return (dz,) if self.rows_vjp[y.dtype](dz, dy, y, y.shape[-1]) else None
