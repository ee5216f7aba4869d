"""Activations as layers: each applies one op of `ops/activations.py`, where its formula stands.

Behind a `Linear`, relu, sigmoid and tanh are better given as its `activation`: one node then.
"""

from typing import Any

from .. import ops
from .module import Module


class ReLU(Module):
    """max(z, 0) [D2-F3]."""

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.relu(z)


class Sigmoid(Module):
    """σ(z) = 1 / (1 + e^-z) [D0-F2]: probabilities, so no input for a loss that takes logits."""

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.sigmoid(z)


class Tanh(Module):
    """Tanh z [D2-F3]."""

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.tanh(z)


class LeakyReLU(Module):
    """Z above 0, slope·z below.

    Args:
        slope: The slope below 0.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.leaky_relu(z, slope=self.slope)

    def __repr__(self) -> str:
        return f"LeakyReLU({self.slope})"


class Softplus(Module):
    """log(1 + e^z): a smooth relu."""

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.softplus(z)


class GELU(Module):
    """½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))."""

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.gelu(z)


class SiLU(Module):
    """Z σ(z)."""

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same."""
        return ops.silu(z)


class Softmax(Module):
    """p_i = e^{z_i} / Σ_k e^{z_k} [D4-S1]: probabilities, so no input for a loss that takes logits.

    Args:
        axis: The axis of the classes.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, z: Any) -> Any:
        """Shapes: any -> the same; the entries along `axis` add up to 1."""
        return ops.softmax(z, axis=self.axis)

    def __repr__(self) -> str:
        return f"Softmax(axis={self.axis})"
