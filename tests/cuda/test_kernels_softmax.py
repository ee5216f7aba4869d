"""Softmax and log_softmax of rows on the simulator, within derived bounds of the formulas.

u is half of the type's spacing at 1; exp and log are off by at most 2 u of their value.
"""

import numpy as np
import pytest
from backends.kernel_rounding import (
    WIDE,
    assert_within,
    class_terms,
    dtypes,
    empty,
    scores,
    special_scores,
    unit,
)
from cuda.kernel_runs import LIBRARY, launch, lengths, of_sum
from cuda.on_sim import needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.ops import reduce

pytestmark = needs_compiler
heights = st.integers(0, 40)
seeds = st.integers(0, 99)


def additions(K: int, dtype: str) -> float:
    """In a lane or a seat, then over these."""
    return of_sum(K / 32 + 12, dtype)


@settings(max_examples=25)
@given(heights, lengths, dtypes, seeds)
def test_softmax_and_its_gradient(N: int, K: int, dtype: str, seed: int) -> None:
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


@settings(max_examples=25)
@given(heights, lengths, dtypes, seeds)
def test_log_softmax_and_its_gradient(N: int, K: int, dtype: str, seed: int) -> None:
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
@pytest.mark.parametrize("K", [3, 40, 1100])
def test_rows_with_nan_and_infinity_leave_their_neighbours_alone(dtype: str, K: int) -> None:
    short, _ = special_scores(dtype)
    z = np.full((len(short), K), -2.0, dtype)
    z[:, -3:] = short
    z[4] = -np.inf
    p, logs, alone = empty(z.size, dtype), empty(z.size, dtype), empty(z.size, dtype)
    assert launch("softmax_rows", dtype, z, p, K)
    assert launch("log_softmax_rows", dtype, z, logs, K)
    for r in range(len(z)):
        assert launch("softmax_rows", dtype, z[r], alone[K * r : K * r + K], K)
    np.testing.assert_array_equal(p, alone)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(p.reshape(z.shape), reduce.softmax(z), rtol=1e-6)
        np.testing.assert_allclose(logs.reshape(z.shape), reduce.log_softmax(z), rtol=1e-6)


@pytest.mark.parametrize("K", [5, 64, 1030])
@pytest.mark.parametrize("name", ["softmax_rows", "log_softmax_rows"])
def test_a_result_may_lie_where_an_operand_did(name: str, K: int) -> None:
    z, _ = scores(7, K, "float32", 0)
    apart, here = empty(z.size, "float32"), z.copy().reshape(-1)
    assert launch(name, "float32", z, apart, K)
    assert LIBRARY.get(name, "float32").launch(here, here, K)
    np.testing.assert_array_equal(here, apart)
