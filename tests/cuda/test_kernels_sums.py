"""Sums in both libraries: within their bounds, in an order that the shape alone decides."""

import numpy as np
import pytest
from backends.kernel_libraries import CPU, CUDA, KernelLibrary, each_library, holds
from backends.kernel_rounding import (
    WIDE,
    additions,
    assert_within,
    dtypes,
    empty,
    heights,
    unit,
    widths,
)
from cuda.kernel_runs import launch, lengths
from cuda.on_sim import DTYPES, LIBRARY, Array, needs_compiler
from hypothesis import strategies as st

EVERY = {"dtype": dtypes, "mean": st.sampled_from([0, 1])}
ON_CPU = {"N": heights.filter(bool) | st.integers(100, 2000), "K": widths, **EVERY}
IN_CUDA = {"N": st.integers(1, 40), "K": lengths, **EVERY}


def normal(shape: tuple[int, ...], dtype: str) -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def assert_sums(found: Array, x: Array, axis: int | None, mean: int, depth: float) -> None:
    """Every entry goes through `depth` additions in float64, then comes one rounding."""
    over, u = np.mean if mean else np.sum, unit(x.dtype)
    exact = np.asarray(over(x.astype(WIDE), axis=axis))
    size = np.asarray(over(np.abs(x.astype(WIDE)), axis=axis))
    # a mean is divided in float64 before it is rounded
    bound = u * additions(depth, x.dtype) * size + (u + 2e-16) * np.abs(exact)
    assert_within(found, exact, bound)


def everything(library: KernelLibrary, N: int, K: int, dtype: str, mean: int) -> None:
    x, y = normal((N, K), dtype), empty(1, dtype)
    assert library.launch("sum_all", dtype, x, y, mean)
    assert_sums(y, x, None, mean, library.in_total(N * K))


SIZES = st.integers(1, 3000) | st.sampled_from([4096, 4097, 8192, 9001, 20000])
test_everything_on_cpu = holds(CPU, everything, **ON_CPU)
test_everything_in_cuda = holds(CUDA, everything, N=SIZES, K=st.just(1), **EVERY)


@needs_compiler
def test_so_many_parts_that_they_are_made_longer() -> None:
    n = 1024 * 4096 + 5
    x, y = np.ones(n, "f4"), empty(1, "f4")
    x[:: 1 << 18] = 2.0
    assert LIBRARY.get("sum_all", "float32").launch(x, y, 0)
    assert y[0] == np.float32(n + 17)


def along_rows(library: KernelLibrary, N: int, K: int, dtype: str, mean: int) -> None:
    x, y = normal((N, K), dtype), empty(N, dtype)
    assert library.launch("sum_columns", dtype, x, y, K, mean)
    assert_sums(y, x, 1, mean, K / 16 + 6 if library is CPU else K / 32 + 12)


test_along_rows_on_cpu = holds(CPU, along_rows, **ON_CPU)
test_along_rows_in_cuda = holds(CUDA, along_rows, **IN_CUDA)


def down_columns(library: KernelLibrary, N: int, K: int, dtype: str, mean: int) -> None:
    x, y = normal((N, K), dtype), empty(K, dtype)
    assert library.launch("sum_rows", dtype, x, y, mean)
    assert_sums(y, x, 0, mean, N + 6 if library is CPU else N / 32 + 33 + N / 128)


TALL = st.integers(1, 70) | st.sampled_from([127, 128, 129, 300, 700])
WIDE_ENOUGH = st.integers(1, 40) | st.sampled_from([64, 65, 100])
test_down_columns_on_cpu = holds(CPU, down_columns, **ON_CPU)
test_down_columns_in_cuda = holds(CUDA, down_columns, N=TALL, K=WIDE_ENOUGH, **EVERY)


@needs_compiler
@pytest.mark.parametrize("mean", [0, 1])
def test_wide_matrices_are_not_cut_into_parts(mean: int) -> None:
    x, y = normal((300, 4097), "float32"), empty(4097, "f4")
    assert launch("sum_rows", "f4", x, y, mean)
    assert_sums(y, x, 0, mean, 300 / 32 + 33)


@each_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mean", [0, 1])
def test_the_sum_of_nothing_is_0_and_its_mean_nan(
    library: KernelLibrary, dtype: str, mean: int
) -> None:
    nothing = np.empty(0, dtype)
    for n, name, extra in ((1, "sum_all", ()), (3, "sum_columns", (0,)), (40, "sum_rows", ())):
        y = empty(n, dtype)
        assert library.launch(name, dtype, nothing, y, *extra, mean)
        assert np.all(np.isnan(y)) if mean else np.all(y == 0)
    for name, extra in (("sum_columns", (4,)), ("sum_rows", ())):
        assert library.launch(name, dtype, nothing, np.empty(0, dtype), *extra, mean)


@each_library
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("N", "K"), [(5, 20), (130, 70)])
def test_sums_pass_nan_and_infinity_on(
    library: KernelLibrary, special: float, N: int, K: int
) -> None:
    x = np.ones((N, K), np.float32)
    x[2, 17] = special
    everything, rows, columns = empty(1, "f4"), empty(K, "f4"), empty(N, "f4")
    assert library.launch("sum_all", "f4", x, everything, 0)
    assert library.launch("sum_rows", "f4", x, rows, 0)
    assert library.launch("sum_columns", "f4", x, columns, K, 0)
    np.testing.assert_array_equal(everything[0], np.sum(x))
    np.testing.assert_array_equal(rows, np.sum(x, axis=0))
    np.testing.assert_array_equal(columns, np.sum(x, axis=1))


def spread_over_entries(
    library: KernelLibrary, before: int, among: int, after: int, dtype: str, mean: int
) -> None:
    dy = normal((before, after), dtype)
    found = np.full((before, among, after), 77, dtype)
    assert library.launch("spread", dtype, found, dy, after, among if mean else 0)
    wanted = np.broadcast_to(dy[:, None, :], found.shape)
    np.testing.assert_array_equal(found, wanted / among if mean and among else wanted)


BOX = {"before": st.integers(0, 5), "among": st.integers(0, 20), "after": st.integers(0, 20)}
test_the_gradient_of_a_sum_on_cpu = holds(CPU, spread_over_entries, **BOX, **EVERY)
test_the_gradient_of_a_sum_in_cuda = holds(CUDA, spread_over_entries, **BOX, **EVERY)
