"""Numbers of hundreds of digits: against another library, and against what must hold of them."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.numerics.exact import (
    Exact,
    as_exact,
    decimal_of,
    digits_for_exponentials,
    digits_of_context,
    in_exact_numbers,
)

numbers = st.floats(-50, 50)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "log1p", "expm1", "tanh", "sin", "cos"])
@settings(max_examples=25, deadline=None)
@given(x=st.floats(1e-30, 50), negative=st.booleans())
def test_functions_are_those_of_another_library_to_80_digits(
    name: str, x: float, negative: bool
) -> None:
    mpmath = pytest.importorskip("mpmath")
    if negative and name not in ("log", "sqrt", "log1p"):
        x = -x
    got = in_exact_numbers(getattr(np, name), [np.array([x])], 120)[0]
    with mpmath.workdps(160):
        expected = getattr(mpmath, name)(mpmath.mpf(x))
        assert abs(mpmath.mpf(str(got)) - expected) <= abs(expected) * mpmath.mpf(10) ** -80


@settings(max_examples=50, deadline=None)
@given(numbers, numbers)
def test_arithmetic_is_that_of_fractions(a: float, b: float) -> None:
    with digits_of_context(2500):
        for operation in ("__add__", "__sub__", "__mul__"):
            exact = getattr(Exact(a), operation)(Exact(b)).value
            assert Fraction(exact) == getattr(Fraction(a), operation)(Fraction(b))
        assert Fraction((b - Exact(a)).value) == Fraction(b) - Fraction(a)
        assert Fraction((Exact(a) ** 2).value) == Fraction(a) ** 2
    assert (Exact(a) < b, Exact(a) >= b, Exact(a) == b) == (a < b, a >= b, a == b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_become_what_they_are_to_the_last_bit(dtype: str) -> None:
    x = np.array([0.1, -1e-45, np.finfo(dtype).max], dtype)
    for number, exact in zip(x, as_exact(x), strict=True):
        assert Fraction(decimal_of(exact)) == Fraction(float(number))


def test_labels_stay_labels() -> None:
    labels = np.array([0, 2, 1])
    assert as_exact(labels) is labels


def test_overflow_and_undefined_give_infinity_and_nan_as_in_floats() -> None:
    x = np.array([0.0, 1.0])
    logs = in_exact_numbers(lambda x: np.log(x) * (1 - x), [x], 50)
    assert logs[0].is_infinite() and logs[1] == 0
    assert in_exact_numbers(lambda x: np.log(x) * x, [x], 50)[0].is_nan()


def test_digits_suffice_for_one_plus_a_tiny_exponential() -> None:
    z = np.array([-700.0])
    digits = digits_for_exponentials(z, times=1)
    got = in_exact_numbers(lambda z: np.log(1 + np.exp(z)), [z], digits)[0]
    assert float(got) == math.exp(-700)  # log(1 + e) = e (1 - e/2 ...), equal far beyond float64


@pytest.mark.parametrize("z", [5e-324, 1e-45, 1e-9])
def test_digits_suffice_for_a_tiny_difference_of_exponentials(z: float) -> None:
    operand = np.array([z])
    digits = digits_for_exponentials(operand)
    got = in_exact_numbers(lambda z: (np.exp(z) - np.exp(-z)) / 2, [operand], digits)[0]
    assert float(got) == math.sinh(z)


@pytest.mark.parametrize("operand", [1e4, np.inf, np.nan])
def test_a_reference_out_of_reach_says_how_far_one_can_go(operand: float) -> None:
    with pytest.raises(ValueError, match="within ±5710"):
        digits_for_exponentials(np.array([operand]))


@pytest.mark.parametrize("x", [101.0, np.nan, np.inf])
def test_series_refuse_what_they_would_get_wrong(x: float) -> None:
    with pytest.raises(ValueError, match="from -100 to 100"):
        Exact(x).sin()


def test_numbers_of_a_row_sum_and_mean_as_arrays_do() -> None:
    rows: Any = as_exact(np.array([[0.5, 0.25], [1.0, 2.0]]))
    assert [float(v) for v in np.mean(rows, axis=-1)] == [0.375, 1.5]
    assert float(np.sum(rows)) == 3.75
