"""Losses: one kernel each for the loss, its gradient, or both in one pass."""

from collections.abc import Callable
from typing import Any

from ...ops.registry import Array
from ..base import Arrays, Gradients, Homes, Needs, Params
from .environment import Environment, Launchers

MEANS = {"mean": 1, "sum": 0}
"""How a loss is reduced, as the kernels are told; "none" is not for them."""


class LossKernel:
    """A loss of scores and targets that need no gradient.

    Args:
        environment: How kernels are run.
        name: The kernel.
        extra: What it takes beside the arrays: (scores, parameters) -> numbers.
        fits: Whether scores and targets have shapes that belong together.
    """

    def __init__(
        self,
        environment: Environment,
        name: str,
        extra: Callable[[Array, Params], tuple[Any, ...]],
        fits: Callable[[Array, Array], bool],
    ) -> None:
        self.environment = environment
        self.loss = Launchers(environment, name)
        self.extra, self.fits = extra, fits

    def forward(self, arrays: Arrays, params: Params) -> Array | None:
        """The loss, one number."""
        z, t = arrays
        mean = MEANS.get(params["reduction"])
        if mean is None or not isinstance(t, self.environment.ndarray) or not self.fits(z, t):
            return None
        z, t = self.environment.ordered(z), self.environment.ordered(t)
        L = self.environment.empty((), z.dtype)
        done = self.loss[z.dtype](z, t, L, None, None, *self.extra(z, params), mean)
        return L if done else None

    def vjp(
        self, dy: Array, y: Array, arrays: Arrays, needs: Needs, params: Params, homes: Homes = None
    ) -> Gradients:
        """The gradient of the scores."""
        z, t = arrays
        mean = MEANS.get(params["reduction"])
        if needs[1] or mean is None or not self.fits(z, t):
            return None
        z, t = self.environment.ordered(z), self.environment.ordered(t)
        dz = self.environment.empty(z.shape, z.dtype)
        done = self.loss[z.dtype](z, t, None, dz, dy, *self.extra(z, params), mean)
        return (dz, None) if done else None


def _same_shape(y: Array, t: Array) -> bool:
    return bool(y.shape == t.shape)


def _one_label_a_row(z: Array, labels: Array) -> bool:
    return bool(z.ndim == 2 and z.shape[1] > 0 and labels.shape == z.shape[:1])


def loss_kernels(environment: Environment) -> dict[str, Any]:
    """Op name -> kernel."""

    about: dict[str, tuple[Any, Any]] = {
        "bce_with_logits": (lambda z, params: (params["pos_weight"],), _same_shape),
        "mse": (lambda z, params: (), _same_shape),
        "cross_entropy_labels": (lambda z, params: (z.shape[1],), _one_label_a_row),
    }
    return {name: LossKernel(environment, name, *how) for name, how in about.items()}
