"""Four orders of adding the same numbers, and what each may lose."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.errors import DTypeError
from tinygrad_ed.numerics import compare_sums, kahan, naive, pairwise

Array = np.ndarray[Any, Any]
DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 600), seed=st.integers(0, 99))
def test_errors_stay_within_the_bounds_of_theory(dtype: str, n: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(0, 1, n).astype(dtype)
    u = Fraction(float(np.finfo(dtype).eps) / 2)
    exact = sum((Fraction(float(v)) for v in x), Fraction(0))
    size = sum((abs(Fraction(float(v))) for v in x), Fraction(0))
    depth = int(np.ceil(np.log2(n)))
    limits = ((naive, n - 1), (pairwise, depth), (kahan, 2 + 2 * n * u))
    for add, steps in limits:
        total = add(x)
        assert total.dtype == dtype
        error = abs(Fraction(float(total)) - exact)
        assert error <= Fraction(1001, 1000) * Fraction(steps) * u * size, add.__name__


def test_a_float32_sum_of_ones_stops_growing() -> None:
    ones = np.ones(2**24 + 5, np.float32)
    assert naive(ones) == 2**24
    assert pairwise(ones) == 2**24 + 4  # the nearest number there is


def test_kahan_keeps_what_the_large_number_swallows() -> None:
    x = np.array([1e8] + [1.0] * 64, np.float32)
    assert naive(x) == 1e8 and kahan(x) == 1e8 + 64


def test_naive_goes_from_left_to_right() -> None:
    x = np.array([1e8, 1.0, -1e8], np.float32)
    assert naive(x) == 0 and naive(x[[0, 2, 1]]) == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_table_has_the_sums_and_their_errors(dtype: str) -> None:
    pytest.importorskip("numba")
    x = np.random.default_rng(3).uniform(0, 1, 5000).astype(dtype)
    c = compare_sums(x)
    exact = sum((Fraction(float(v)) for v in x), Fraction(0))
    assert c.exact == float(exact) and (c.count, c.dtype) == (5000, dtype)
    assert c.sums["one by one"] == naive(x) and c.sums["np.sum"] == np.sum(x)
    unit = Fraction(float(np.spacing(np.array(float(exact), dtype))))
    for name, total in c.sums.items():
        off = abs(Fraction(total) - Fraction(c.exact)) / unit
        assert c.ulp[name] == pytest.approx(float(off), rel=1e-12)
        assert f"{name:<22} {total:<18.12g}" in str(c)
    assert c.ulp["one by one"] > c.ulp["with Kahan's carry"]


def test_our_kernel_rounds_once() -> None:
    pytest.importorskip("numba")
    x = np.random.default_rng(4).uniform(0, 1, 10**6).astype("float32")
    c = compare_sums(x)
    assert c.ulp['tg.sum on "cpu"'] <= 0.51 and c.ulp["one by one"] > 5


def test_no_numbers_sum_to_zero() -> None:
    nothing = np.zeros(0, np.float32)
    assert [add(nothing) for add in (naive, pairwise, kahan)] == [0, 0, 0]


def test_what_cannot_be_added_is_refused() -> None:
    with pytest.raises(DTypeError, match="int64"):
        compare_sums([1, 2, 3])
    with pytest.raises(ValueError, match="entry 1 is not finite"):
        compare_sums(np.array([1.0, np.nan, 2.0]))
