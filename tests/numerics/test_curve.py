"""Difference quotients against their step: a V for differences, a floor for the complex step."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.errors import DTypeError
from tinygrad_ed.numerics import difference_curve

DTYPES = ["float32", "float64"]


def squire_trapp(x: Any) -> Any:
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


def power(x: Any) -> Any:
    return x**5


# f, and f', f'', f''' in closed form.
CLOSED: dict[str, tuple[Any, list[Callable[[float], float]], float]] = {
    "exp": (np.exp, [math.exp] * 3, 1.0),
    "sin": (np.sin, [math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x)], 0.8),
    "log": (np.log, [lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3], 3.0),
    "power": (power, [lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2], 0.75),
    "tanh": (
        "tanh",
        [
            lambda x: 1 - math.tanh(x) ** 2,
            lambda x: -2 * math.tanh(x) * (1 - math.tanh(x) ** 2),
            lambda x: (6 * math.tanh(x) ** 2 - 2) * (1 - math.tanh(x) ** 2),
        ],
        0.5,
    ),
}
each_function = pytest.mark.parametrize("name", CLOSED)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@each_function
def test_exact_derivatives_are_those_of_the_closed_form(name: str) -> None:
    f, closed, x = CLOSED[name]
    c = difference_curve(f, x)
    found = (c.exact, c.second, c.third)
    assert found == tuple(pytest.approx(slope(x), rel=1e-15) for slope in closed)
    assert c.value == pytest.approx(float((tg.tanh if f == "tanh" else f)(x)), rel=1e-15)


@each_dtype
@each_function
def test_the_complex_step_reaches_machine_precision_at_every_short_step(
    name: str, dtype: str
) -> None:
    c = difference_curve(CLOSED[name][0], CLOSED[name][2], dtype=dtype)
    epsilon = float(np.finfo(dtype).eps)
    short = c.steps < 1e-2 * np.sqrt(epsilon)
    assert np.count_nonzero(short) > 50
    assert np.max(c.complex[short]) <= 4 * epsilon


@each_dtype
@each_function
@pytest.mark.parametrize("method", ["forward", "central"])
def test_differences_lie_below_theory_and_their_best_step_near_it(
    name: str, dtype: str, method: str
) -> None:
    c = difference_curve(CLOSED[name][0], CLOSED[name][2], dtype=dtype)
    theory = c.rounding(method) + c.truncation(method)
    inside = c.steps < 0.05  # of longer steps, higher derivatives have their say
    assert np.all(getattr(c, method)[inside] <= 3 * theory[inside])
    best, expected = c.best(method), c.best_in_theory(method)
    assert expected.step / 30 <= best.step <= expected.step * 30
    assert best.error <= 2 * expected.error
    # On both arms of the V the error is far larger than at its foot.
    errors = getattr(c, method)
    assert np.max(errors[c.steps < best.step / 1e3]) > 30 * best.error
    assert np.max(errors[c.steps > 0.05]) > 30 * best.error


def test_more_digits_in_the_order_that_theory_gives() -> None:
    c = difference_curve(squire_trapp, 1.5)
    forward, central, sideways = (c.best(m).error for m in ("forward", "central", "complex"))
    assert 1e-10 < forward < 1e-6 and 1e-13 < central < 1e-8 and sideways < 4e-16
    assert c.extrapolated < c.best_in_theory("central").error


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3))
def test_the_best_step_in_theory_minimises_the_theory(x: float) -> None:
    c = difference_curve("sigmoid", x)
    for method in ("forward", "central"):
        if c.truncation(method)[0] > 0:
            best = c.best_in_theory(method)
            assert best.error <= np.min(c.rounding(method) + c.truncation(method)) * (1 + 1e-9)


def test_steps_are_those_asked_for_and_errors_those_of_the_quotients() -> None:
    steps = [0.5, 0.25]
    c = difference_curve(power, 1.0, steps=steps)
    np.testing.assert_array_equal(c.steps, steps)
    forward = [((1 + h) ** 5 - 1) / h for h in steps]
    central = [((1 + h) ** 5 - (1 - h) ** 5) / (2 * h) for h in steps]
    sideways = [((1 + 1j * h) ** 5).imag / h for h in steps]
    for got, slopes in ((c.forward, forward), (c.central, central), (c.complex, sideways)):
        np.testing.assert_allclose(got, np.abs(np.array(slopes) - 5) / 5, rtol=1e-12)


def test_a_given_derivative_serves_where_exact_numbers_cannot_go() -> None:
    with pytest.raises(TypeError, match=r"arctan cannot run on numbers of 240 digits.*exact="):
        difference_curve(np.arctan, 1.0)
    c = difference_curve(np.arctan, 1.0, exact=0.5)
    assert c.best("complex").error <= 4e-16 and np.isnan(c.second)
    assert "in theory" not in c.text()


def test_what_would_mislead_is_refused() -> None:
    with pytest.raises(TypeError, match="turns complex numbers into float64"):
        difference_curve(np.abs, 1.0)
    with pytest.raises(DTypeError, match="turns float32 into float64"):
        difference_curve(lambda x: x * np.float64(2), 1.0, dtype="float32")
    with pytest.raises(DTypeError, match="float16"):
        difference_curve(np.exp, 1.0, dtype="float16")
    with pytest.raises(ValueError, match="no op has this name"):
        difference_curve("sigmoide", 1.0)
    with pytest.raises(ValueError, match="softmax is no elementwise op"):
        difference_curve("softmax", 1.0)
    with pytest.raises(ValueError, match="no finite derivative"):
        difference_curve(np.log, 0.0)
    c = difference_curve(lambda x: 3 * x, 1.0)
    with pytest.raises(ValueError, match="none is the best in theory"):
        c.best_in_theory("forward")
    with pytest.raises(ValueError, match="forward, central, complex"):
        c.best("backward")


def test_the_text_shows_the_best_steps() -> None:
    c = difference_curve(np.exp, 1.0, dtype="float32")
    best = c.best("central")
    assert f"central  best error {best.error:.2g} at h = {best.step:.2g}" in str(c)
    assert repr(c).startswith("<differences of exp at 1 in float32")
