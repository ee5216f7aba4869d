"""Activations: elementwise rules between the layers, each with its slope written in its own value.

Where the book's formula overflows, the computable form runs and the book's form stands beside it
(`textbook`); a test proves that they agree wherever the book's form is finite.
"""

from functools import partial

import numpy as np

from .registry import Array, rule

activation = partial(rule, elementwise=True, symbol="A")


@activation(source="D0-F2", gives_probabilities=True)
def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e^-z), with σ' = σ (1 - σ)."""
    e = np.exp(-np.abs(z))  # never above 1: no overflow on either side
    return np.where(z >= 0, 1, e) / (1 + e)


@sigmoid.textbook
def _(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


@sigmoid.vjp
def sigmoid_vjp(dy: Array, y: Array, z: Array) -> Array:
    return dy * y * (1 - y)


@activation(source="D2-F3")
def tanh(z: Array) -> Array:
    """tanh z, with tanh' = 1 - tanh²."""
    return np.tanh(z)


@tanh.vjp
def tanh_vjp(dy: Array, y: Array, z: Array) -> Array:
    return dy * (1 - y * y)


@tanh.textbook
def _(z: Array) -> Array:
    return (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))


@activation(source="D2-F3")
def relu(z: Array) -> Array:
    """max(z, 0), with slope 1 above 0 and 0 elsewhere; relu'(0) = 0 and NaN stays NaN."""
    return np.maximum(z, 0)


@relu.vjp
def relu_vjp(dy: Array, y: Array, z: Array) -> Array:
    return np.where(y > 0, dy, 0)


@activation(source="Maas, Hannun, Ng 2013")
def leaky_relu(z: Array, *, slope: float = 0.01) -> Array:
    """Z above 0, slope·z below; the slope at 0 is the lower one."""
    return np.where(z > 0, z, slope * z)


@leaky_relu.vjp
def _(dy: Array, y: Array, z: Array, *, slope: float) -> Array:
    return np.where(z > 0, dy, slope * dy)


@activation(source="Dugas et al. 2001")
def softplus(z: Array) -> Array:
    """log(1 + e^z), with softplus' = σ."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


@softplus.textbook
def _(z: Array) -> Array:
    return np.log(1 + np.exp(z))


@softplus.vjp
def _(dy: Array, y: Array, z: Array) -> Array:
    return dy * sigmoid(z)


SCALE = 0.7978845608028654  # √(2/π) as a plain number: np.sqrt would turn float32 into float64
CUBIC = 0.044715


@activation(source="Hendrycks, Gimpel 2016, the tanh form")
def gelu(z: Array) -> Array:
    """½ z (1 + tanh u) with u = √(2/π) (z + 0.044715 z³)."""
    u = SCALE * (z + CUBIC * z * z * z)
    return 0.5 * z * (1 + np.tanh(u))


@gelu.vjp
def _(dy: Array, y: Array, z: Array) -> Array:
    t = np.tanh(SCALE * (z + CUBIC * z * z * z))
    du = SCALE * (1 + 3 * CUBIC * z * z)
    return dy * (0.5 * (1 + t) + 0.5 * z * (1 - t * t) * du)


@activation(source="Elfwing, Uchibe, Doya 2017")
def silu(z: Array) -> Array:
    """Z σ(z), also called swish."""
    return z * sigmoid(z)


@silu.vjp
def _(dy: Array, y: Array, z: Array) -> Array:
    s = sigmoid(z)
    return dy * (s + y * (1 - s))
