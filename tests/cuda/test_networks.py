"""Networks c and d of the benchmarks on cuda-sim: their gradients against device cpu, and training.

How far two devices may part is worked out, not chosen: every number of the step carries a bound on
its error, which grows by γ_k where k numbers are added up and by what the operands bring along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import Array, gamma, needs_compiler

import tinygrad_ed as tg
from tinygrad_ed import nn, optim

pytestmark = [needs_compiler]
pytest.importorskip("numba")

SIZES = {"c": (30, 64, 64, 1), "d": (784, 256, 128, 10)}
BATCH = {"c": 32, "d": 64}
U = float(np.finfo(np.float32).eps) / 2


def network(name: str, device: str) -> nn.Sequential:
    """Network c, or d with dropout after each hidden layer; the same weights on every device."""
    layers: list[Any] = []
    rng = np.random.default_rng(1)
    *hidden, last = pairwise(SIZES[name])
    for k, (fan_in, fan_out) in enumerate(hidden):
        layers.append(nn.Linear(fan_in, fan_out, activation="relu", seed=rng, device=device))
        if name == "d":
            layers.append(nn.Dropout(0.5, seed=k))
    return nn.Sequential(*layers, nn.Linear(*last, seed=rng, device=device))


def batch(name: str, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((BATCH[name], SIZES[name][0])).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.float32)[:, None] if name == "c" else rng.integers(0, 10, 64)


def loss_of(name: str, model: nn.Sequential, X: Any, t: Any) -> Any:
    return (tg.bce_with_logits if name == "c" else tg.cross_entropy)(model(X), t)


@dataclass
class Bounded:
    """Numbers in float64, and how far a float32 computation of them may be off."""

    value: Array
    error: Array

    @property
    def size(self) -> Array:
        return np.abs(self.value) + self.error

    @property
    def T(self) -> "Bounded":
        return Bounded(self.value.T, self.error.T)

    def __matmul__(self, other: "Bounded") -> "Bounded":
        """A product: what the operands bring along, and γ_k of the sum itself."""
        error = self.error @ other.size + np.abs(self.value) @ other.error
        error += gamma(self.value.shape[1] + 2, np.float32) * (self.size @ other.size)
        return Bounded(self.value @ other.value, error)

    def where(self, kept: Array, factor: float) -> "Bounded":
        """Entries that are kept, scaled; the others are 0."""
        value = np.where(kept, factor * self.value, 0)
        error = np.where(kept, factor * (self.error + 2 * U * self.size), 0)
        return Bounded(value, error)


def kept_by(model: nn.Sequential, X: Any) -> list[Array]:
    """What each hidden layer lets through: ReLU, and dropout behind it, in its first call."""
    found, A = [], X
    for layer in list(model)[:-1]:
        A = layer(A)
        if isinstance(layer, nn.Dropout):
            found.pop()
        found.append(A.numpy() > 0)
    return found


def expected(
    name: str, weights: Sequence[Array], X: Array, t: Array, kept: Sequence[Array]
) -> list[Bounded]:
    """The gradients of all weights and biases, with their bounds, given what layers let through.

    A score within its error of 0 may pass a ReLU on one device and not on another: that is for the
    device to decide, and no error of its numbers.
    """
    exact = [Bounded(w.astype(float), np.zeros(w.shape)) for w in weights]
    factor, layers = (2.0 if name == "d" else 1.0), []
    A = Bounded(X.astype(float), np.zeros(X.shape))
    for W, b, through in zip(exact[:-2:2], exact[1:-2:2], kept, strict=True):
        Z = A @ W
        Z = Bounded(Z.value + b.value, Z.error + U * (Z.size + b.size))
        assert not np.any(through & (Z.value < -Z.error))
        layers.append(A)
        A = Z.where(through, factor)
    Z = A @ exact[-2]
    Z = Bounded(Z.value + exact[-1].value, Z.error + U * (Z.size + exact[-1].size))
    dZ, found = loss_slope(name, Z, t), []
    layers.append(A)
    for k in range(len(layers) - 1, -1, -1):
        ones = Bounded(np.ones((1, len(X))), np.zeros((1, len(X))))
        found += [Bounded(*(x[0] for x in vars(ones @ dZ).values())), layers[k].T @ dZ]
        if k:
            dZ = (dZ @ exact[2 * k].T).where(kept[k - 1], factor)
    return found[::-1]


def loss_slope(name: str, Z: Bounded, t: Array) -> Bounded:
    """dL/dZ of the mean loss: a score that is off by δ changes σ and softmax by e^(±2δ) at most."""
    N, target = len(t), np.zeros(Z.value.shape)
    if name == "c":
        p, target = 1 / (1 + np.exp(-Z.value)), t.astype(float)
    else:
        e = np.exp(Z.value - Z.value.max(1, keepdims=True))
        p = e / e.sum(1, keepdims=True)
        target[np.arange(N), t] = 1
    off = np.expm1(2 * Z.error.max(1, keepdims=True))
    rounded = 8 * U + U * np.abs(Z.value - Z.value.max(1, keepdims=True))  # of e^z, and quotients
    return Bounded((p - target) / N, (p * (off + 2 * rounded) + 4 * U * (p + target)) / N)


@pytest.mark.parametrize("name", ["c", "d"])
def test_gradients_from_the_same_weights_agree_within_the_bounds(name: str) -> None:
    X, t = batch(name, 3)
    found = {}
    for device in ("cpu", "cuda-sim"):
        model = network(name, device)
        given = tg.tensor(X, device=device), tg.tensor(t, device=device)
        kept = kept_by(network(name, device), given[0])
        loss_of(name, model, *given).backward()
        weights = [p.numpy() for p in model.parameters()]
        bounds = expected(name, weights, X, t, kept)
        found[device] = [p.grad.numpy() for p in model.parameters()]
        for gradient, bound in zip(found[device], bounds, strict=True):
            assert np.all(np.abs(gradient - bound.value) <= bound.error)
    for on_cpu, on_sim in zip(*found.values(), strict=True):  # and not only in the worst case
        assert np.abs(on_cpu - on_sim).max() <= 1e-5 * np.abs(on_cpu).max()


@pytest.mark.parametrize("captured", [False, True], ids=["eager", "captured"])
@pytest.mark.parametrize("name", ["c", "d"])
def test_after_20_steps_the_weights_are_those_of_device_cpu(name: str, captured: bool) -> None:
    found = []
    for device in ("cpu", "cuda-sim"):
        model = network(name, device)
        optimizer = optim.Adam(model.parameters(), lr=1e-3)

        def step(X: Any, t: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            loss = loss_of(name, model, X, t)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        take = tg.capture(step, device=device) if captured else step
        for k in range(20):
            take(*(tg.tensor(a, device=device) for a in batch(name, k)))
        found.append([p.numpy().copy() for p in model.parameters()])
    for on_cpu, on_sim in zip(*found, strict=True):
        assert np.abs(on_cpu - on_sim).max() <= 1e-5
