"""Values and gradients of our ops against PyTorch's, in float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg

torch = pytest.importorskip("torch")
F = torch.nn.functional

rng = np.random.default_rng(0)
x, other = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
probability = rng.uniform(0.05, 0.95, (5, 4))
labels = np.array([0, 3, 1, 1, 2])
soft = probability / probability.sum(1, keepdims=True)
weight = np.array([0.5, 2.0, 1.0, 3.0])
T = torch.tensor

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]

PAIRS: dict[str, Pair] = {
    "sigmoid": (tg.sigmoid, torch.sigmoid),
    "tanh": (tg.tanh, torch.tanh),
    "relu": (tg.relu, torch.relu),
    "leaky relu": (lambda z: tg.leaky_relu(z, slope=0.2), lambda z: F.leaky_relu(z, 0.2)),
    "softplus": (tg.softplus, F.softplus),
    "gelu": (tg.gelu, lambda z: F.gelu(z, approximate="tanh")),
    "silu": (tg.silu, F.silu),
    "softmax": (lambda z: tg.softmax(z, axis=0), lambda z: torch.softmax(z, 0)),
    "log softmax": (tg.log_softmax, lambda z: torch.log_softmax(z, -1)),
    "logsumexp": (lambda z: tg.logsumexp(z, axis=1), lambda z: torch.logsumexp(z, 1)),
    "var": (lambda z: tg.var(z, axis=0, ddof=1), lambda z: torch.var(z, 0)),
    "std": (lambda z: tg.std(z, axis=1), lambda z: torch.std(z, 1, correction=0)),
    "prod": (lambda z: tg.prod(z, axis=1), lambda z: torch.prod(z, 1)),
    "max": (lambda z: tg.max(z, axis=1), lambda z: torch.amax(z, 1)),
    "maximum": (lambda z: tg.maximum(z, 0.1), lambda z: torch.maximum(z, T(0.1, dtype=z.dtype))),
    "abs, sqrt, log": (
        lambda z: tg.log(tg.sqrt(abs(z)) + 1),
        lambda z: torch.log(torch.sqrt(abs(z)) + 1),
    ),
    "clip": (lambda z: tg.clip(z, low=-0.5, high=0.5), lambda z: torch.clip(z, -0.5, 0.5)),
    "mse": (lambda z: tg.mse(z, other), lambda z: F.mse_loss(z, T(other))),
    "mse, sum": (
        lambda z: tg.mse(z, other, reduction="sum"),
        lambda z: F.mse_loss(z, T(other), reduction="sum"),
    ),
    "l1": (lambda z: tg.l1(z, other), lambda z: F.l1_loss(z, T(other))),
    "huber": (
        lambda z: tg.huber(z, other, delta=0.7),
        lambda z: F.huber_loss(z, T(other), delta=0.7),
    ),
    "bce": (
        lambda z: tg.bce(tg.sigmoid(z), probability),
        lambda z: F.binary_cross_entropy(torch.sigmoid(z), T(probability)),
    ),
    "bce with logits": (
        lambda z: tg.bce_with_logits(z, probability),
        lambda z: F.binary_cross_entropy_with_logits(z, T(probability)),
    ),
    "bce with logits, pos_weight, none": (
        lambda z: tg.bce_with_logits(z, probability, pos_weight=3.0, reduction="none"),
        lambda z: F.binary_cross_entropy_with_logits(
            z, T(probability), pos_weight=T(3.0), reduction="none"
        ),
    ),
    "cross-entropy": (
        lambda z: tg.cross_entropy(z, labels),
        lambda z: F.cross_entropy(z, T(labels)),
    ),
    "cross-entropy, weights": (
        lambda z: tg.cross_entropy(z, labels, weight=weight),
        lambda z: F.cross_entropy(z, T(labels), weight=T(weight)),
    ),
    "cross-entropy, smoothing": (
        lambda z: tg.cross_entropy(z, labels, label_smoothing=0.2),
        lambda z: F.cross_entropy(z, T(labels), label_smoothing=0.2),
    ),
    "cross-entropy, weights, smoothing": (
        lambda z: tg.cross_entropy(z, labels, weight=weight, label_smoothing=0.1),
        lambda z: F.cross_entropy(z, T(labels), weight=T(weight), label_smoothing=0.1),
    ),
    "cross-entropy, weights, smoothing, none": (
        lambda z: tg.cross_entropy(z, labels, weight=weight, label_smoothing=0.1, reduction="none"),
        lambda z: F.cross_entropy(
            z, T(labels), weight=T(weight), label_smoothing=0.1, reduction="none"
        ),
    ),
    "cross-entropy, soft": (
        lambda z: tg.cross_entropy(z, soft),
        lambda z: F.cross_entropy(z, T(soft)),
    ),
    "cross-entropy, soft, weights, smoothing": (
        lambda z: tg.cross_entropy(z, soft, weight=weight, label_smoothing=0.3),
        lambda z: F.cross_entropy(z, T(soft), weight=T(weight), label_smoothing=0.3),
    ),
    "nll": (
        lambda z: tg.nll(tg.log_softmax(z), labels),
        lambda z: F.nll_loss(torch.log_softmax(z, 1), T(labels)),
    ),
    "nll, weights": (
        lambda z: tg.nll(tg.log_softmax(z), labels, weight=weight),
        lambda z: F.nll_loss(torch.log_softmax(z, 1), T(labels), weight=T(weight)),
    ),
    "kl": (
        lambda z: tg.kl_div(tg.log_softmax(z), soft),
        lambda z: F.kl_div(torch.log_softmax(z, 1), T(soft), reduction="batchmean"),
    ),
    "gather": (
        lambda z: tg.take_along_axis(z, labels[:, None], axis=1),
        lambda z: torch.gather(z, 1, T(labels)[:, None]),
    ),
    "repeated rows": (lambda z: z[np.array([0, 2, 0])], lambda z: z[[0, 2, 0]]),
    "pad": (
        lambda z: tg.pad(z, width=((0, 0), (1, 2)), value=0.5),
        lambda z: F.pad(z, (1, 2), value=0.5),
    ),
    "matmul, batched": (
        lambda z: z.reshape(5, 2, 2) @ other.reshape(5, 2, 2),
        lambda z: z.reshape(5, 2, 2) @ T(other.reshape(5, 2, 2)),
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_value_and_gradients_of_both_orders_equal_pytorchs(pair: Pair) -> None:
    ours, theirs = pair
    a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ya, yb = ours(a), theirs(b)
    np.testing.assert_allclose(ya.numpy(), yb.detach().numpy(), rtol=1e-12, atol=1e-14)
    da = tg.grad((ya * ya).sum(), a, create_graph=True)
    (db,) = torch.autograd.grad((yb * yb).sum(), b, create_graph=True)
    np.testing.assert_allclose(da.numpy(), db.detach().numpy(), rtol=1e-11, atol=1e-13)
    dda = tg.grad((da * da).sum(), a)
    (ddb,) = torch.autograd.grad((db * db).sum(), b)
    np.testing.assert_allclose(dda.numpy(), ddb.numpy(), rtol=1e-10, atol=1e-12)
