"""Sum kernels stay within their bounds, in one order however the work is divided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends.kernel_rounding import (
    WIDE,
    assert_within,
    dtypes,
    empty,
    enter,
    heights,
    launch,
    unit,
    widths,
)


def gamma_of_sum(n: int) -> float:
    """Relative to Σ|x|: additions of float64 in lanes, then one rounding to the type."""
    return (n / 16 + 6) * unit(np.float64)


@settings(max_examples=60)
@given(heights | st.integers(100, 2000), widths, dtypes, st.sampled_from([0, 1]))
def test_sums_stay_within_their_bounds(N: int, K: int, dtype: str, mean: int) -> None:
    x = np.random.default_rng(N + K).standard_normal((N, K)).astype(dtype)
    wide, u = x.astype(WIDE), unit(dtype)
    over = np.mean if mean else np.sum
    everything, rows, columns = empty(1, dtype), empty(K, dtype), empty(N, dtype)
    assert launch("sum_all", dtype, x, everything, mean)
    assert launch("sum_rows", dtype, x, rows, mean)
    assert launch("sum_columns", dtype, x, columns, K, mean)
    if N == 0:
        assert np.all(np.isnan(rows)) if mean else np.all(rows == 0)
        assert np.isnan(everything[0]) if mean else everything[0] == 0
        return
    size = np.abs(wide)
    exact = over(wide)
    bound = gamma_of_sum(N * K) * over(size) + (u + 2e-16) * abs(exact)
    assert_within(everything, exact, bound)
    exact = over(wide, axis=0)
    bound = gamma_of_sum(16 * N) * over(size, axis=0) + (u + 2e-16) * np.abs(exact)
    assert_within(rows, exact, bound)
    exact = over(wide, axis=1)
    bound = gamma_of_sum(K) * over(size, axis=1) + (u + 2e-16) * np.abs(exact)
    assert_within(columns, exact, bound)


@given(st.integers(0, 50), st.integers(1, 200), st.integers(1, 7), dtypes)
def test_rows_are_summed_alike_however_the_columns_are_shared_out(
    N: int, H: int, parts: int, dtype: str
) -> None:
    x = (np.random.default_rng(N + H).standard_normal(N * H) * 1e3).astype(dtype)
    whole, shared, written = empty(H, dtype), empty(H, dtype), np.zeros(H, int)
    assert launch("sum_rows", dtype, x, whole, 0)
    for part in range(parts):
        alone = empty(H, dtype)
        enter("sum_rows", dtype, x, alone, 0, part=part, parts=parts)
        enter("sum_rows", dtype, x, shared, 0, part=part, parts=parts)
        written += alone != 77
    np.testing.assert_array_equal(shared, whole)
    np.testing.assert_array_equal(written, 1)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_sums_pass_nan_and_inf_on(special: float) -> None:
    x = np.ones((5, 20), np.float32)
    x[2, 17] = special
    everything, rows, columns = empty(1, "f4"), empty(20, "f4"), empty(5, "f4")
    assert launch("sum_all", "f4", x, everything, 0)
    assert launch("sum_rows", "f4", x, rows, 0)
    assert launch("sum_columns", "f4", x, columns, 20, 0)
    np.testing.assert_array_equal(everything[0], np.sum(x))
    np.testing.assert_array_equal(rows, np.sum(x, axis=0))
    np.testing.assert_array_equal(columns, np.sum(x, axis=1))


@settings(max_examples=60)
@given(st.integers(0, 5), st.integers(0, 20), st.integers(0, 20), dtypes, st.booleans())
def test_the_gradient_of_a_sum_is_spread_over_its_entries(
    before: int, among: int, after: int, dtype: str, mean: bool
) -> None:
    dy = np.random.default_rng(among).standard_normal((before, after)).astype(dtype)
    found = np.full((before, among, after), 77, dtype)
    assert launch("spread", dtype, found, dy, after, among if mean else 0)
    wanted = np.broadcast_to(dy[:, None, :], found.shape)
    np.testing.assert_array_equal(found, wanted / among if mean and among else wanted)
