"""Generated points lie on their curves, in balanced classes, and the seed fixes every bit."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import Dataset, circles, moons, spirals, xor

GENERATORS = [xor, moons, circles, spirals]
Generator = Callable[..., Dataset]
every_generator = pytest.mark.parametrize("generate", GENERATORS)


def test_xor_without_noise_is_the_truth_table() -> None:
    data = xor(4, noise=0)
    table = {(*map(int, bits), int(y)) for bits, y in zip(data.X, data.y, strict=True)}
    assert table == {(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)}


def test_no_linear_function_fits_xor_better_than_the_constant_one_half() -> None:
    data = xor(4, noise=0)
    A = np.column_stack([data.X, np.ones(4)])
    beta, *_ = np.linalg.lstsq(A, data.y.astype(float))
    np.testing.assert_allclose(A @ beta, 0.5)


def test_moons_lie_on_two_half_circles_of_radius_one() -> None:
    data = moons(101, noise=0, seed=3)
    upper, lower = data.X[data.y == 0], data.X[data.y == 1] - [1.0, 0.5]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0)
    np.testing.assert_allclose(np.hypot(*lower.T), 1.0)
    assert (upper[:, 1] >= 0).all()
    assert (lower[:, 1] <= 0).all()


def test_circles_have_radius_one_and_factor() -> None:
    data = circles(50, noise=0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*data.X.T), np.where(data.y == 0, 1.0, 0.3))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_a_spiral_arm_is_where_the_angle_grows_with_the_radius(n_classes: int) -> None:
    data = spirals(90, n_classes=n_classes, noise=0, turns=1.25)
    radius, angle = np.hypot(*data.X.T), np.arctan2(data.X[:, 1], data.X[:, 0])
    share = angle / (2 * np.pi) - 1.25 * radius - data.y / n_classes
    np.testing.assert_allclose(share, np.rint(share), atol=1e-12)  # whole turns
    assert set(data.y.tolist()) == set(range(n_classes))


@every_generator
@settings(deadline=None, max_examples=30)
@given(n=st.integers(2, 60), seed=st.integers(0, 2**40))
def test_the_same_seed_gives_the_same_bits(generate: Generator, n: int, seed: int) -> None:
    first, second = generate(n, seed=seed), generate(n, seed=seed)
    assert first.X.tobytes() == second.X.tobytes()
    assert first.y.tobytes() == second.y.tobytes()
    assert not np.array_equal(first.X, generate(n, seed=seed + 1).X)
    assert first.X.shape == (n, 2)
    assert first.feature_names == ("x1", "x2")


@every_generator
def test_every_prefix_is_balanced(generate: Generator) -> None:
    y = generate(41).y
    for n in range(1, 42):
        counts = np.bincount(y[:n], minlength=2)
        assert counts.max() - counts.min() <= 1


@every_generator
def test_noise_is_the_standard_deviation_of_the_shift(generate: Generator) -> None:
    shift = generate(20_000, noise=0.25, seed=5).X - generate(20_000, noise=0, seed=5).X
    assert shift.std() == pytest.approx(0.25, rel=0.02)
    assert abs(shift.mean()) < 0.01


@every_generator
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n": 1}, ValueError, "n=1: give a whole number >= 2"),
        ({"n": 10.0}, TypeError, "n=10.0 is a float"),
        ({"n": True}, TypeError, "n=True is a bool"),
        ({"noise": -0.1}, ValueError, "noise=-0.1"),
        ({"noise": float("nan")}, ValueError, "noise=nan"),
        ({"noise": float("inf")}, ValueError, "noise=inf"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"seed": None}, TypeError, "seed=None is a NoneType"),
    ],
)
def test_arguments_out_of_range_are_named(
    generate: Generator, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        generate(**changes)


def test_arguments_of_one_generator_are_checked_too() -> None:
    for factor in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match=f"factor={factor}"):
            circles(factor=factor)
    for turns in (0.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"turns={turns}"):
            spirals(turns=turns)
    with pytest.raises(ValueError, match="n_classes=1"):
        spirals(n_classes=1)
    with pytest.raises(ValueError, match="n=4: give a whole number >= 5"):
        spirals(4, n_classes=5)
