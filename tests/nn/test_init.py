"""What weights start from: bounds and variances by their formulas, equal for equal seeds."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed import ShapeError, nn
from tinygrad_ed.nn import init

SHAPE = (300, 200)
VARIANCES = {
    "normal": 0.01**2,
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
    "torch": 1 / (3 * 300),
    "keras": 2 / 500,
}
BOUNDS = {
    "glorot_uniform": math.sqrt(6 / 500),
    "he_uniform": math.sqrt(6 / 300),
    "torch": 1 / math.sqrt(300),
    "keras": math.sqrt(6 / 500),
}


def weights(name: str, shape: tuple[int, int] = SHAPE, seed: int = 0) -> tuple[Any, Any]:
    return init.layer(name, shape, np.random.default_rng(seed))


@pytest.mark.parametrize("name", VARIANCES)
def test_weights_have_mean_zero_and_the_variance_of_the_formula(name: str) -> None:
    W, _ = weights(name)
    deviation = math.sqrt(VARIANCES[name])
    n = W.size
    # Five standard errors of a mean and of a variance; a normal's fourth moment bounds both kinds.
    assert abs(W.mean()) < 5 * deviation / math.sqrt(n)
    assert abs(W.var() / VARIANCES[name] - 1) < 5 * math.sqrt(2 / n)


@pytest.mark.parametrize("name", BOUNDS)
def test_uniform_weights_fill_their_interval_and_never_leave_it(name: str) -> None:
    W, _ = weights(name)
    assert np.abs(W).max() <= BOUNDS[name]
    assert np.abs(W).max() > 0.999 * BOUNDS[name]


def test_a_standard_deviation_can_be_chosen() -> None:
    W = init.normal(SHAPE, np.random.default_rng(0), std=3.0)
    assert W.std() == pytest.approx(3.0, rel=0.02)


def test_keras_starts_the_bias_at_zero_and_torch_draws_it_from_the_weights_interval() -> None:
    assert not weights("keras")[1].any()
    _, b = weights("torch")
    assert np.abs(b).max() <= BOUNDS["torch"]
    assert b.std() == pytest.approx(BOUNDS["torch"] / math.sqrt(3), rel=0.15)


def test_torch_is_he_uniform_with_slope_root_five() -> None:
    a = math.sqrt(5)
    assert BOUNDS["torch"] == pytest.approx(math.sqrt(6 / ((1 + a * a) * 300)))


def test_fan_in_is_the_first_axis_of_w() -> None:
    assert init.fans((30, 64)) == (30, 64)
    tall, wide = (np.abs(weights("he_uniform", shape)[0]).max() for shape in ((600, 6), (6, 600)))
    assert tall == pytest.approx(math.sqrt(6 / 600), rel=0.01)
    assert wide == pytest.approx(math.sqrt(6 / 6), rel=0.01)


@given(st.sampled_from(sorted(init.BY_NAME)), st.integers(0, 2**63), st.integers(1, 9))
def test_equal_seeds_give_equal_weights(name: str, seed: int, width: int) -> None:
    first, second = (weights(name, (4, width), seed) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_layers_that_share_a_generator_start_differently() -> None:
    rng = np.random.default_rng(0)
    first, second = (nn.Linear(3, 3, seed=rng).W.numpy() for _ in range(2))
    assert not np.array_equal(first, second)


def test_zeros_keep_the_units_of_a_layer_equal_and_random_weights_do_not() -> None:
    # [M-2]: with equal units, equal gradients: the hidden layer stays one unit wide.
    import tinygrad_ed as tg

    X = np.random.default_rng(0).normal(size=(8, 3))
    for start, equal in (("zeros", True), ("glorot_normal", False)):
        net = nn.Sequential(
            nn.Linear(3, 4, activation="sigmoid", init=start, dtype="float64", seed=0),
            nn.Linear(4, 1, init="zeros", dtype="float64"),
        )
        net[1].W.data = np.ones((4, 1))
        tg.mse(net(X), tg.tensor(X[:, :1])).backward()
        gradient = net[0].W.grad.numpy()
        assert np.allclose(gradient, gradient[:, :1]) == equal


def test_an_own_function_serves_and_gets_shape_and_generator() -> None:
    def ramp(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        return np.arange(math.prod(shape)).reshape(shape)

    layer = nn.Linear(2, 3, init=ramp)
    np.testing.assert_array_equal(layer.W.numpy(), [[0, 1, 2], [3, 4, 5]])
    assert not layer.b.numpy().any()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="unknown initialiser 'xavier'; one of keras, torch, zeros"
    ):
        nn.Linear(2, 3, init="xavier")


def test_an_own_function_of_the_wrong_shape_names_both_shapes() -> None:
    wrong: Callable[..., Any] = lambda shape, rng: np.zeros(shape[::-1])  # noqa: E731
    with pytest.raises(ShapeError, match=r"gave W \(3, 2\) .* needs W \(2, 3\), in then out"):
        nn.Linear(2, 3, init=wrong)


def test_fans_of_something_that_is_no_matrix_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"belong to a matrix \(in, out\), got the shape \(3,\)"):
        init.he_normal((3,), np.random.default_rng(0))
