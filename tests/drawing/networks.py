"""Networks that the tests of the drawings draw."""

from typing import Any

import numpy as np

import tinygrad_ed as tg

rng = np.random.default_rng(11)


def leaf(name: str, *shape: int) -> tg.Tensor:
    return tg.tensor(rng.standard_normal(shape), requires_grad=True, name=name)


def data(name: str, *shape: int) -> tg.Tensor:
    return tg.tensor(rng.standard_normal(shape), name=name)


def neuron() -> tg.Tensor:
    Z = data("x", 1, 2) @ leaf("w", 2, 1) + leaf("b", 1)
    return tg.mse(tg.sigmoid(Z), data("t", 1, 1))


def perceptron(layers: int) -> tg.Tensor:
    A = data("X", 8, 3)
    for k in range(1, layers):
        A = tg.relu(tg.linear(A, leaf(f"W{k}", 3, 3), leaf(f"b{k}", 3)))
    Z = tg.linear(A, leaf(f"W{layers}", 3, 1), leaf(f"b{layers}", 1))
    return tg.bce_with_logits(Z, tg.tensor((np.arange(8) % 2.0)[:, None], name="t"))


def residual() -> tg.Tensor:
    A = data("X", 8, 3)
    for k in range(1, 4):
        A = A + tg.relu(tg.linear(A, leaf(f"W{k}", 3, 3), leaf(f"b{k}", 3))) * 0.5
    return tg.mean(A * A)


def shared_weight() -> tg.Tensor:
    A, W = data("X", 8, 3), leaf("W", 3, 3)
    for _ in range(5):
        A = tg.tanh(A @ W)
    return tg.mse(A, data("t", 8, 3))


def attention() -> tg.Tensor:
    X = data("X", 6, 4)
    Q, K, V = (X @ leaf(f"W_{name}", 4, 4) for name in "QKV")
    P = tg.softmax(Q @ K.T * 0.5)
    return tg.mse(X + (P @ V) @ leaf("W_O", 4, 4), data("t", 6, 4))


def tangled(results: int, seed: int, spread: float = 4) -> tg.Tensor:
    """A graph at random, in which most results are used more than once."""
    draws = np.random.default_rng(seed)
    pool: list[Any] = [leaf(f"x{k}", 2) for k in range(4)]
    for _ in range(results):
        a, b = (pool[max(0, len(pool) - 1 - int(draws.exponential(spread)))] for _ in range(2))
        pool.append([a + b, a * b, tg.sin(a), a - 2.0][draws.integers(4)])
    total = pool[-1]
    for extra in pool[-7:-1]:
        total = total + extra
    return total.sum()


NETWORKS = {
    "neuron": neuron,
    "perceptron 2": lambda: perceptron(2),
    "perceptron 12": lambda: perceptron(12),
    "residual": residual,
    "shared weight": shared_weight,
    "attention": attention,
    "tangled 60": lambda: tangled(40, 1),
    "tangled 200": lambda: tangled(185, 2),
}
