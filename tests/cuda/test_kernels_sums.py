"""Sums on the simulator: within their bounds, in an order that the shape alone decides."""

import numpy as np
import pytest
from backends.kernel_rounding import WIDE, assert_within, dtypes, empty, unit
from cuda.kernel_runs import LIBRARY, launch, lengths, of_sum
from cuda.on_sim import Array, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = needs_compiler
means = st.sampled_from([0, 1])


def normal(shape: tuple[int, ...], dtype: str) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def assert_sums(found: Array, x: Array, axis: int | None, mean: int, depth: float) -> None:
    """Every entry goes through `depth` additions in float64, then comes one rounding."""
    over, u = np.mean if mean else np.sum, unit(x.dtype)
    exact = np.asarray(over(x.astype(WIDE), axis=axis))
    size = np.asarray(over(np.abs(x.astype(WIDE)), axis=axis))
    # a mean is divided in float64 before it is rounded
    assert_within(found, exact, u * (of_sum(depth, x.dtype) * size + np.abs(exact)) + 2e-16 * size)


@settings(max_examples=25)
@given(st.integers(1, 3000) | st.sampled_from([4096, 4097, 8192, 9001, 20000]), dtypes, means)
def test_everything(n: int, dtype: str, mean: int) -> None:
    x, y = normal((n,), dtype), empty(1, dtype)
    assert launch("sum_all", dtype, x, y, mean)
    assert_sums(y[0:1], x, None, mean, n / 1024 + 24)  # in a seat, over seats, over parts


def test_so_many_parts_that_they_are_made_longer() -> None:
    n = 1024 * 4096 + 5
    x, y = np.ones(n, "f4"), empty(1, "f4")
    x[:: 1 << 18] = 2.0
    assert LIBRARY.get("sum_all", "float32").launch(x, y, 0)
    assert y[0] == np.float32(n + 17)


@settings(max_examples=25)
@given(st.integers(1, 40), lengths, dtypes, means)
def test_along_rows(N: int, K: int, dtype: str, mean: int) -> None:
    x, y = normal((N, K), dtype), empty(N, dtype)
    assert launch("sum_columns", dtype, x, y, K, mean)
    assert_sums(y, x, 1, mean, K / 32 + 12)


@settings(max_examples=25)
@given(
    st.integers(1, 70) | st.sampled_from([127, 128, 129, 300, 700]),
    st.integers(1, 40) | st.sampled_from([64, 65, 100]),
    dtypes,
    means,
)
def test_down_columns(N: int, H: int, dtype: str, mean: int) -> None:
    x, y = normal((N, H), dtype), empty(H, dtype)
    assert launch("sum_rows", dtype, x, y, mean)
    assert_sums(y, x, 0, mean, N / 32 + 33 + N / 128)


@pytest.mark.parametrize("mean", [0, 1])
def test_wide_matrices_are_not_cut_into_parts(mean: int) -> None:
    x, y = normal((300, 4097), "float32"), empty(4097, "f4")
    assert launch("sum_rows", "f4", x, y, mean)
    assert_sums(y, x, 0, mean, 300 / 32 + 33)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mean", [0, 1])
def test_the_sum_of_nothing_is_0_and_its_mean_nan(dtype: str, mean: int) -> None:
    nothing = np.empty(0, dtype)
    for n, name, extra in ((1, "sum_all", ()), (3, "sum_columns", (0,)), (40, "sum_rows", ())):
        y = empty(n, dtype)
        assert launch(name, dtype, nothing, y, *extra, mean)
        assert np.all(np.isnan(y)) if mean else np.all(y == 0)
    for name, extra in (("sum_columns", (4,)), ("sum_rows", ())):
        assert launch(name, dtype, nothing, np.empty(0, dtype), *extra, mean)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_sums_pass_nan_and_infinity_on(special: float) -> None:
    x = np.ones((130, 70), np.float32)
    x[2, 17] = special
    everything, rows, columns = empty(1, "f4"), empty(70, "f4"), empty(130, "f4")
    assert launch("sum_all", "f4", x, everything, 0)
    assert launch("sum_rows", "f4", x, rows, 0)
    assert launch("sum_columns", "f4", x, columns, 70, 0)
    np.testing.assert_array_equal(everything[0], np.sum(x))
    np.testing.assert_array_equal(rows, np.sum(x, axis=0))
    np.testing.assert_array_equal(columns, np.sum(x, axis=1))


@settings(max_examples=25)
@given(st.integers(0, 5), st.integers(0, 20), st.integers(0, 20), dtypes, st.booleans())
def test_the_gradient_of_a_sum_is_spread_over_its_entries(
    before: int, among: int, after: int, dtype: str, mean: bool
) -> None:
    dy = normal((before, after), dtype)
    found = np.full((before, among, after), 77, dtype)
    assert launch("spread", dtype, found, dy, after, among if mean else 0)
    wanted = np.broadcast_to(dy[:, None, :], found.shape)
    np.testing.assert_array_equal(found, wanted / among if mean and among else wanted)
