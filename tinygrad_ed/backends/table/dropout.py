"""Dropout: the mask is a formula, so the gradient draws it again."""

from ...ops.registry import Array
from ..base import Arrays, Gradients, Homes, Needs, Params
from .environment import Environment, Launchers


class DropoutKernel:
    """Draws the mask and scales what is kept, in one pass."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.dropout = Launchers(environment, "dropout")

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """x / (1 - p) where kept, else 0."""
        (x,) = arrays
        p, seed, call = params["p"], params["seed"], params["call"]
        if not (isinstance(p, float) and 0 <= p < 1 and 0 <= seed < 2**63):
            return None
        if not -(2**63) <= call < 2**63:
            return None
        x, y = self.environment.ordered(x), self.environment.empty(x.shape, x.dtype)
        return y if self.dropout[x.dtype](x, y, p, seed, call) else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """The same function of the upstream gradient."""
        dx = self.forward([dy], params)
        return None if dx is None else (dx,)
