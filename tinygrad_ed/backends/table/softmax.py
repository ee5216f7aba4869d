"""softmax and log_softmax, along the last axis."""

from ...ops.registry import Array
from ..base import Arrays, Gradients, Homes, Needs, Params
from .environment import Environment, Launchers


def _is_last(axis: object, axes: int) -> bool:
    """Whether it is the last of so many axes; True and 1.0 equal 1, and are no axis."""
    return type(axis) is int and axes > 0 and axis in (-1, axes - 1)


class SoftmaxKernel:
    """softmax and log_softmax along the last axis."""

    def __init__(self, environment: Environment, name: str) -> None:
        self.environment = environment
        self.rows = Launchers(environment, name)
        self.rows_vjp = Launchers(environment, f"{name}_vjp")

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """Each row's result."""
        (z,) = arrays
        if z.size == 0 or not _is_last(params["axis"], z.ndim):
            return None
        z, p = self.environment.ordered(z), self.environment.empty(z.shape, z.dtype)
        return p if self.rows[z.dtype](z, p, z.shape[-1]) else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """The gradient of the scores, written in the result."""
        if y.size == 0 or not _is_last(params["axis"], y.ndim):
            return None
        dz = self.environment.empty(y.shape, y.dtype)
        dy = self.environment.ordered(dy)
        return (dz,) if self.rows_vjp[y.dtype](dz, dy, y, y.shape[-1]) else None
