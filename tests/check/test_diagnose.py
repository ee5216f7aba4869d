"""`diagnose` alone: two Jacobians or gradients in, the likely mistake out."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.check import diagnose

rng = np.random.default_rng(2)


def test_equal_gradients_give_no_guess() -> None:
    g = rng.normal(size=(2, 3))
    assert diagnose(g, g + 1e-12) == []


@pytest.mark.parametrize("n", [3, 5, 12])
def test_a_factor_n_is_read_as_mean_versus_sum(n: int) -> None:
    g = rng.normal(size=n)
    assert f"off by N = {n}" in diagnose(n * g, g)[0]
    assert f"off by N = {n}" in diagnose(g / n, g)[0]
    assert "N times too large" in diagnose(n * g, g)[0]
    assert "N times too small" in diagnose(g / n, g)[0]


def test_sign_and_factor_are_found_together() -> None:
    g = rng.normal(size=5)
    assert diagnose(-5 * g, g)[0].startswith("the sign is wrong, and off by N = 5")


def test_a_forgotten_zero_grad_is_recognised_from_the_accumulated_gradient() -> None:
    w = tg.tensor(rng.normal(size=3), requires_grad=True)
    for _ in range(2):  # two steps without zero_grad
        (w * w).sum().backward()
    assert w.grad is not None
    guesses = diagnose(w.grad.numpy(), 2 * w.numpy())
    assert "accumulated twice (zero_grad forgotten)" in guesses[0]


def test_a_transposed_square_gradient_is_recognised() -> None:
    g = rng.normal(size=(3, 3))
    assert "transposed" in diagnose(g.T, g)[0]


def test_a_missing_factor_is_named_from_the_values() -> None:
    y = rng.uniform(0.1, 0.9, size=4)
    slope = np.diag(y * (1 - y))
    assert diagnose(np.diag(y), slope, values={"y": y})[0].endswith("is missing: (1 - y)")
    assert diagnose(slope * y, slope, values={"y": y})[0].endswith("is too many: y")


def test_the_most_specific_guess_comes_first() -> None:
    g = rng.normal(size=(2, 2))
    assert "not finite" in diagnose(np.where(g == g[0, 0], np.nan, g), g)[0]
    assert "is zero" in diagnose(0 * g, g)[0]
    assert "sign is wrong at some entries" in diagnose(g * [[1, -1], [1, 1]], g)[0]
    assert "a term of the derivative is missing" in diagnose(g + rng.normal(size=(2, 2)), g)[-1]
