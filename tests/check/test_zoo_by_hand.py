"""The training step written out by hand is what tape and optimiser do."""

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.check.by_hand import training_step


def numbers(N: int, D: int, H: int, K: int) -> list[np.ndarray]:
    rng = np.random.default_rng(N)
    shapes = (N, D), (N, K), (D, H), (H,), (H, K), (K,)
    X, T, *weights = (rng.normal(size=s) for s in shapes)
    return [X, (T > 0).astype(float), *weights]


def test_a_step_by_hand_is_the_tapes_gradient_and_sgds_step() -> None:
    X, T, *weights = numbers(5, 3, 4, 2)
    parameters = [tg.tensor(w, requires_grad=True) for w in weights]
    W1, b1, W2, b2 = parameters
    optimiser = tg.optim.SGD(parameters, lr=0.7)
    for _ in range(3):
        weights = list(training_step(X, T, *weights, lr=0.7))
        Z2 = tg.sigmoid(tg.tensor(X) @ W1 + b1) @ W2 + b2
        loss = tg.bce_with_logits(Z2, tg.tensor(T), reduction="sum") / len(X)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for by_hand, by_tape in zip(weights, parameters, strict=True):
        np.testing.assert_allclose(by_hand, by_tape.numpy(), rtol=1e-12)


def test_a_step_by_hand_changes_none_of_its_inputs() -> None:
    given = numbers(2, 3, 4, 1)
    before = [a.copy() for a in given]
    training_step(*given, lr=0.1)
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b)
