"""Small networks to derive: `tinygrad-ed explain NAME` shows one, the book goes through them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import ops
from ..creation import tensor
from ..tensor import Tensor


@dataclass(frozen=True)
class Example:
    """A network small enough for paper.

    Attributes:
        about: One line on what it shows.
        source: Catalogue id.
        build: Makes the loss, recorded; its leaves have names.
    """

    about: str
    source: str
    build: Callable[[], Tensor]


def _leaf(name: str, values: object) -> Tensor:
    return tensor(np.array(values, dtype=float), requires_grad=True, name=name)


def _data(name: str, values: object) -> Tensor:
    return tensor(np.array(values), name=name)


def neuron() -> Tensor:
    """One neuron with two inputs and half the squared error, the catalogue's numbers [D4-E1]."""
    x, t = _data("x", [[0.5, -1.0]]), _data("t", [[1.0]])
    w, b = _leaf("w", [[0.8], [0.3]]), _leaf("b", [0.1])
    y = ops.linear(x, w, b, activation="sigmoid")
    return _named(ops.half_squared_error(_named(y, "y"), t), "L")


def two_layers() -> Tensor:
    """Three inputs, two hidden sigmoid units, one sigmoid output [D3-E1]."""
    x, t = _data("x", [[0.5, -1.0, 2.0], [1.0, 0.5, -0.5]]), _data("t", [[1.0], [0.0]])
    hidden = ops.linear(
        x, _leaf("W1", [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]), _leaf("b1", [0.1, -0.1]),
        activation="sigmoid",
    )  # fmt: skip
    y = ops.linear(
        _named(hidden, "h"), _leaf("W2", [[0.7], [-0.8]]), _leaf("b2", [0.2]), activation="sigmoid"
    )
    return _named(ops.half_squared_error(_named(y, "y"), t), "L")


def classifier() -> Tensor:
    """One ReLU layer and softmax with cross-entropy over three classes [D4-L2, D4-S1]."""
    x, labels = _data("x", [[1.0, -0.5], [0.5, 2.0], [-1.5, 0.3]]), _data("labels", [0, 2, 1])
    hidden = ops.linear(
        x, _leaf("W1", [[0.2, -0.3], [0.5, 0.4]]), _leaf("b1", [0.1, 0.2]), activation="relu"
    )
    z = ops.linear(
        hidden, _leaf("W2", [[0.3, -0.2, 0.1], [-0.4, 0.6, 0.5]]), _leaf("b2", [0.0] * 3)
    )
    return _named(ops.cross_entropy(z, labels), "L")


def logistic() -> Tensor:
    """Logistic regression with binary cross-entropy on logits [D2-F2]."""
    x, t = _data("x", [[0.5, 1.0], [-1.0, 0.5], [1.5, -0.5]]), _data("t", [[1.0], [0.0], [1.0]])
    z = ops.linear(x, _leaf("w", [[0.3], [-0.2]]), _leaf("b", [0.1]))
    return _named(ops.bce_with_logits(z, t), "L")


def regression() -> Tensor:
    """Linear regression with the mean squared error [D2-F1, D4-L1]."""
    x, t = (
        _data("x", [[5.0], [10.0], [15.0], [20.0]]),
        _data("t", [[100.0], [150.0], [200.0], [250.0]]),
    )
    y = ops.linear(x, _leaf("w", [[8.0]]), _leaf("b", [60.0]))
    return _named(ops.mse(_named(y, "y"), t), "L")


def shared() -> Tensor:
    """A weight that is used twice: two paths meet in it, and their contributions add up."""
    x, w = _data("x", [0.5, -1.0]), _leaf("w", [0.4, 0.3])
    h = _named(ops.tanh(_named(x * w, "z")), "h")
    return _named(ops.sum(_named(h * w, "u")), "L")


def _named(result: Tensor, name: str) -> Tensor:
    result.name = name
    return result


EXAMPLES = {
    "neuron": Example("one neuron, two inputs, half the squared error", "D4-E1", neuron),
    "two-layers": Example("two sigmoid layers, every delta by hand", "D3-E1", two_layers),
    "classifier": Example("ReLU, softmax and cross-entropy", "D4-L2", classifier),
    "logistic": Example("logistic regression on logits", "D2-F2", logistic),
    "regression": Example("linear regression, mean squared error", "D2-E2", regression),
    "shared": Example("a weight used twice: contributions add up", "", shared),
}
"""What can be explained by name."""
