"""softmax and log_softmax kernels with their gradients, within derived bounds of the formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends.kernel_rounding import (
    WIDE,
    additions,
    assert_within,
    class_terms,
    dtypes,
    empty,
    heights,
    launch,
    scores,
    special_scores,
    unit,
    widths,
)

from tinygrad_ed.ops import reduce


@settings(max_examples=60)
@given(heights, widths, dtypes, st.integers(0, 99))
def test_softmax_and_its_gradient_stay_within_their_bounds(
    N: int, K: int, dtype: str, seed: int
) -> None:
    z, _ = scores(N, K, dtype, seed)
    rng, u = np.random.default_rng(seed), unit(dtype)
    p, dz = empty(N * K, dtype), empty(N * K, dtype)
    assert launch("softmax_rows", dtype, z, p, K)
    if N == 0:
        return
    exact, d, in_sum = class_terms(z)
    assert_within(p.reshape(N, K), exact, exact * (d + 3 + in_sum) * u)

    dy, p = rng.standard_normal((N, K)).astype(dtype), p.reshape(N, K)
    assert launch("softmax_rows_vjp", dtype, dz, dy, p, K)
    wide_p, wide_dy = p.astype(WIDE), dy.astype(WIDE)
    exact_dz = reduce.softmax.backward(wide_dy, wide_p, z.astype(WIDE), axis=-1)
    inner = np.abs(np.sum(wide_p * wide_dy, axis=-1, keepdims=True))
    terms = np.sum(np.abs(wide_p * wide_dy), axis=-1, keepdims=True)
    weighted = terms * (1 + additions(K, dtype)) + inner
    assert_within(dz.reshape(N, K), exact_dz, u * (wide_p * weighted + 2 * np.abs(exact_dz)))


@settings(max_examples=60)
@given(heights, widths, dtypes, st.integers(0, 99))
def test_log_softmax_and_its_gradient_stay_within_their_bounds(
    N: int, K: int, dtype: str, seed: int
) -> None:
    z, _ = scores(N, K, dtype, seed)
    rng, u = np.random.default_rng(seed), unit(dtype)
    y, dz = empty(N * K, dtype), empty(N * K, dtype)
    assert launch("log_softmax_rows", dtype, z, y, K)
    if N == 0:
        return
    exact = reduce.log_softmax(z.astype(WIDE))
    _, d, in_sum = class_terms(z)
    bound = u * (d + in_sum + 2 * np.abs(exact + d) + np.abs(exact))
    assert_within(y.reshape(N, K), exact, bound)

    dy, y = rng.standard_normal((N, K)).astype(dtype), y.reshape(N, K)
    assert launch("log_softmax_rows_vjp", dtype, dz, dy, y, K)
    wide_y, wide_dy = y.astype(WIDE), dy.astype(WIDE)
    exact_dz = reduce.log_softmax.backward(wide_dy, wide_y, z.astype(WIDE), axis=-1)
    p, summed = np.exp(wide_y), np.abs(np.sum(wide_dy, axis=-1, keepdims=True))
    in_total = np.sum(np.abs(wide_dy), axis=-1, keepdims=True) * additions(K, dtype)
    assert_within(dz.reshape(N, K), exact_dz, u * (p * (4 * summed + in_total) + np.abs(exact_dz)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_with_nan_and_inf_leave_their_neighbours_alone(dtype: str) -> None:
    z, _ = special_scores(dtype)
    mixed, alone = empty(z.size, dtype), empty(z.size, dtype)
    assert launch("softmax_rows", dtype, z, mixed, 3)
    for r in range(len(z)):
        assert launch("softmax_rows", dtype, z[r], alone[3 * r : 3 * r + 3], 3)
    np.testing.assert_array_equal(mixed, alone)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(mixed.reshape(-1, 3), reduce.softmax(z), rtol=1e-6)
        logs = empty(z.size, dtype)
        assert launch("log_softmax_rows", dtype, z, logs, 3)
        np.testing.assert_allclose(logs.reshape(-1, 3), reduce.log_softmax(z), rtol=1e-6)
