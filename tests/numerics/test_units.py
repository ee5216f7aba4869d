"""Units in the last place are NumPy's spacing; errors in them are what fractions say."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed.numerics import ulp_errors, unit_in_last_place

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_the_unit_is_the_distance_to_the_next_number(dtype: str, data: st.DataObject) -> None:
    width = 32 if dtype == "float32" else 64
    top = float(np.finfo(dtype).max) / 2  # NumPy's spacing of the largest number warns
    x = data.draw(st.floats(-top, top, width=width))  # type: ignore[arg-type]
    assert unit_in_last_place(x, dtype) == np.spacing(np.abs(np.array(x, dtype)))


def test_the_unit_of_zero_is_the_smallest_number_and_of_infinity_the_largest_ones() -> None:
    assert unit_in_last_place(0.0, "float32") == np.finfo("float32").smallest_subnormal
    assert unit_in_last_place(np.inf, "float32") == 2.0**104
    assert unit_in_last_place(1.0, "float32") == 2.0**-23


@pytest.mark.parametrize("dtype", DTYPES)
@given(exact=st.floats(1e-30, 1e30), off=st.floats(-1e-3, 1e-3))
def test_errors_are_those_of_fractions(dtype: str, exact: float, off: float) -> None:
    got = np.array([exact * (1 + off)], dtype)
    unit = Fraction(float(np.spacing(np.abs(np.array(exact, dtype)))))
    expected = abs(Fraction(float(got[0])) - Fraction(exact)) / unit
    error = ulp_errors(got, np.array([Decimal(exact)]))[0]
    # A value that rounds up to a power of two has there a unit twice as large.
    assert error == pytest.approx(float(expected), rel=1e-9) or (
        math.frexp(float(np.array(exact, dtype)))[0] == 0.5
        and error == pytest.approx(2 * float(expected), rel=1e-9)
    )


def test_nan_and_a_wrong_infinity_are_infinitely_wrong_and_a_right_one_is_not() -> None:
    got = np.array([np.nan, np.inf, np.inf, -np.inf, 1.0], "float32")
    exact = np.array([Decimal(v) for v in ("1", "1", "1e50", "1e50", "Infinity")])
    np.testing.assert_array_equal(ulp_errors(got, exact), [np.inf, np.inf, 0, np.inf, np.inf])
