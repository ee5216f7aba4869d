"""One ordinary call of every op, in float64: for tests that must go through the whole rule book."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ed.ops import registry

Call = tuple[list[Any], dict[str, Any]]

UNARY = """negative exp expm1 square absolute sin cos sigmoid tanh relu leaky_relu softplus gelu
silu prod logsumexp softmax log_softmax transpose flip""".split()  # noqa: SIM905

LABELS = np.array([0, 2, 1, 2])


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray[Any, Any]:
    """Numbers without ties or zeros, the same on every run."""
    return np.random.default_rng(sum(shape) + 1).uniform(low, high, shape)


def probabilities(*shape: int) -> np.ndarray[Any, Any]:
    p = draw(*shape, low=0.1, high=0.9)
    return p / p.sum(axis=-1, keepdims=True)


_x, _positive, _wide = draw(4, 3), draw(4, 3, low=0.3), draw(3)

SAMPLES: dict[str, Callable[[], Call]] = {
    **{
        name: lambda: ([_x, _wide], {})
        for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
    },
    **{name: lambda: ([_x], {}) for name in UNARY},
    **{name: lambda: ([_positive], {}) for name in ("log", "log1p", "sqrt")},
    **{name: lambda: ([_x], {"axis": 1}) for name in ("sum", "mean", "var", "max", "min")},
    **{
        name: lambda: ([_x, draw(4, 3) + 0.5], {})
        for name in ("mse", "half_squared_error", "l1", "huber")
    },
    "constant_power": lambda: ([_x], {"n": 3}),
    "power": lambda: ([_positive, _wide], {}),
    "clip": lambda: ([_x], {"low": -0.5, "high": 1.0}),
    "where": lambda: ([_x > 0, _x, _wide], {}),
    "astype": lambda: ([_x], {"dtype": "float32"}),
    "matrix_product": lambda: ([_x, draw(3, 2)], {}),
    "linear": lambda: ([_x, draw(3, 2), draw(2)], {"activation": "tanh"}),
    "reshape": lambda: ([_x], {"shape": (2, 6)}),
    "swapaxes": lambda: ([_x], {"axis1": 0, "axis2": 1}),
    "broadcast_to": lambda: ([_wide], {"shape": (4, 3)}),
    "expand_dims": lambda: ([_x], {"axis": 1}),
    "squeeze": lambda: ([draw(4, 1, 3)], {"axis": 1}),
    "concat": lambda: ([_x, draw(2, 3)], {"axis": 0}),
    "getitem": lambda: ([_x], {"index": (slice(1, None), 0)}),
    "scatter": lambda: ([draw(2)], {"index": slice(1, 3), "shape": (4,)}),
    "take_along_axis": lambda: ([_x, LABELS[:, None]], {"axis": 1}),
    "scatter_along_axis": lambda: ([draw(4, 1), LABELS[:, None]], {"axis": 1, "size": 3}),
    "pad": lambda: ([_x], {"width": ((1, 0), (0, 2)), "value": 0.5}),
    "dropout": lambda: ([_x], {"p": 0.5, "seed": 7, "call": 1}),
    "bce": lambda: ([draw(4, low=0.1, high=0.9), draw(4, low=0.2, high=0.7)], {}),
    "bce_with_logits": lambda: ([draw(4), draw(4, low=0.1, high=0.9)], {"pos_weight": 2.0}),
    "cross_entropy_labels": lambda: ([_x, LABELS], {}),
    "cross_entropy_soft": lambda: ([_x, probabilities(4, 3)], {}),
    "nll_labels": lambda: ([_x, LABELS], {"reduction": "sum"}),
    "kl_div": lambda: ([np.log(probabilities(4, 3)), probabilities(4, 3)], {}),
}


def test_every_op_has_a_sample() -> None:
    assert set(SAMPLES) == set(registry)
