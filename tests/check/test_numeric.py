"""Numeric derivatives against closed forms: how exact they are, and what they do at kinks."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.check.numeric import complex_slope, extrapolated, slopes

Function = Callable[[float], float]
SMOOTH: dict[str, tuple[Function, Function, tuple[float, float]]] = {
    "sin": (math.sin, math.cos, (-10, 10)),
    "exp": (math.exp, math.exp, (-20, 5)),
    "log": (math.log, lambda x: 1 / x, (1e-6, 100)),
    "sqrt": (math.sqrt, lambda x: 0.5 / math.sqrt(x), (1e-6, 100)),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2, (1e-3, 10)),
    "x^5": (lambda x: x**5, lambda x: 5 * x**4, (-10, 10)),
    "sin 9x": (lambda x: math.sin(9 * x), lambda x: 9 * math.cos(9 * x), (-3, 3)),
}


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_extrapolated_differences_reach_1e_minus_9(name: str, data: st.DataObject) -> None:
    f, slope, (low, high) = SMOOTH[name]
    x = data.draw(st.floats(low, high))
    found = slopes([lambda t: np.array([f(x + t)])], [max(1.0, abs(x))])
    exact = slope(x)
    assert abs(found.value[0, 0] - exact) <= 1e-9 * max(1.0, abs(exact))
    assert not found.kink[0, 0]


def test_steps_that_a_period_divides_do_not_fool_the_table() -> None:
    x = 0.25 / 0.24  # the first two steps are whole periods: both differences are 0
    found = slopes([lambda t: np.array([math.sin(32 * math.pi * (x + t))])], [x])
    exact = 32 * math.pi * math.cos(32 * math.pi * x)
    assert found.value[0, 0] == pytest.approx(exact, rel=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.floats(-5, 5))
def test_complex_step_is_exact_to_rounding(x: float) -> None:
    slope = complex_slope(lambda t: np.array([np.exp(np.sin(x + t))]))
    assert slope[0] == pytest.approx(math.cos(x) * math.exp(math.sin(x)), rel=1e-15, abs=1e-15)


def test_complex_step_refuses_a_result_that_lost_its_imaginary_part() -> None:
    with pytest.raises(TypeError, match="float64"):
        complex_slope(lambda t: np.abs(np.array([1.0 + t])))


def test_a_kink_gives_the_interval_of_one_sided_slopes() -> None:
    found = slopes([lambda t: np.array([abs(t), max(t, 0.0), max(-3 * t, 2 * t)])], [1.0])
    assert found.kink.all()
    np.testing.assert_allclose(found.low[0], [-1, 0, -3], atol=1e-9)
    np.testing.assert_allclose(found.high[0], [1, 1, 2], atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-9, 1.0), st.sampled_from([-1, 1]))
def test_a_kink_beside_the_point_is_no_kink_at_the_point(distance: float, side: int) -> None:
    x = side * distance
    found = slopes([lambda t: np.array([max(x + t, 0.0)])], [1.0])
    assert not found.kink[0, 0]
    assert found.value[0, 0] == pytest.approx(1.0 if side > 0 else 0.0, abs=1e-6)


def test_at_the_border_of_the_domain_the_slope_from_inside_counts() -> None:
    def path(t: float) -> np.ndarray:
        if t < 0:
            raise ValueError("outside the domain")
        return np.array([math.exp(t)])

    found = slopes([path], [1.0])
    assert found.value[0, 0] == pytest.approx(1.0, abs=1e-8)
    assert found.low[0, 0] == found.high[0, 0] == found.value[0, 0]


def test_a_vertical_slope_does_not_settle() -> None:
    found = slopes([lambda t: np.array([math.sqrt(abs(t))])], [1.0])
    assert found.uncertainty[0, 0] > 1


def test_an_error_at_the_point_itself_is_not_swallowed() -> None:
    def path(t: float) -> np.ndarray:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        slopes([path], [1.0])


def test_nevilles_table_removes_one_power_of_the_step_after_the_other() -> None:
    h = 0.5 * 4.0 ** -np.arange(6)
    rough = 7.0 + 3 * h**2 - 2 * h**4 + h**6
    value, doubt = extrapolated(rough[:, None], np.zeros((6, 1)), 16.0)
    assert abs(value[0] - 7.0) < 1e-12
    assert doubt[0] < 1e-9
