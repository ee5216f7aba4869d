"""Losses per entry against the ops' formulas, within derived bounds.

u is half of the type's spacing at 1. A kernel's exp and log are off by at most 2 u of their value.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends.kernel_rounding import (
    WIDE,
    additions,
    assert_within,
    dtypes,
    empty,
    heights,
    launch,
    reductions,
    unit,
)

from tinygrad_ed.ops import losses as ops


@settings(max_examples=60)
@given(heights | st.integers(100, 300), dtypes, reductions, st.sampled_from([1.0, 2.5]))
def test_bce_with_logits_stays_within_its_rounding_bound(
    n: int, dtype: str, reduction: str, weight: float
) -> None:
    rng, u, mean = np.random.default_rng(n), unit(dtype), reduction == "mean"
    z, t = rng.normal(0, 6, n).astype(dtype), rng.uniform(0, 1, n).astype(dtype)
    t[::3], t[1::3] = 0, 1
    loss, dz, dy = empty(1, dtype), empty(n, dtype), np.array([0.7], dtype)
    assert launch("bce_with_logits", dtype, z, t, loss, None, None, weight, int(mean))
    assert launch("bce_with_logits", dtype, z, t, None, dz, dy, weight, int(mean))
    if n == 0:
        assert np.isnan(loss[0]) if mean else loss[0] == 0
        return
    how: dict[str, Any] = {"pos_weight": weight, "reduction": reduction}
    wide_z, wide_t = z.astype(WIDE), t.astype(WIDE)
    exact, count = ops.bce_with_logits(wide_z, wide_t, **how), n if mean else 1
    # tail 5 u (exp, log1p), max + tail 1, the product 1, its factor 1, the sum 1: 9 u of each term,
    # all of them positive; then the sum over the entries and the last rounding.
    each = ops.bce_with_logits(wide_z, wide_t, pos_weight=weight, reduction="none")
    in_total = additions(n / 16 + 6, dtype)
    assert_within(loss, exact, u * ((9 + in_total) * np.sum(each) / count + exact))

    exact_dz = ops.bce_with_logits.backward(dy.astype(WIDE)[0], None, wide_z, wide_t, **how)[0]
    y, share = ops.sigmoid(wide_z), WIDE(dy[0]) / count
    if weight == 1:
        bound = share * (4 * y + 3 * np.abs(y - wide_t))
    else:
        bound = share * ((1 - wide_t) * y * 7 + weight * wide_t * (4 * y + 4 * (1 - y)))
        bound = bound + 3 * np.abs(exact_dz)
    assert_within(dz, exact_dz, u * bound)


@settings(max_examples=40)
@given(heights | st.integers(100, 300), dtypes, reductions)
def test_mse_stays_within_its_rounding_bound(n: int, dtype: str, reduction: str) -> None:
    rng, u, mean = np.random.default_rng(n), unit(dtype), reduction == "mean"
    y, t = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    loss, dx, dy = empty(1, dtype), empty(n, dtype), np.array([0.7], dtype)
    assert launch("mse", dtype, y, t, loss, None, None, int(mean))
    assert launch("mse", dtype, y, t, None, dx, dy, int(mean))
    if n == 0:
        assert np.isnan(loss[0]) if mean else loss[0] == 0
        return
    exact = ops.mse(y.astype(WIDE), t.astype(WIDE), reduction=reduction)
    in_total = additions(n / 16 + 6, dtype)
    assert_within(loss, exact, u * (3 + in_total + 1) * exact)
    # The gradient takes the formula's own steps, none of which the compiler may change.
    expected = ops.mse.backward(dy[0], loss[0], y, t, reduction=reduction)[0]
    np.testing.assert_array_equal(dx, expected)


@settings(max_examples=40)
@given(
    heights | st.integers(100, 300), dtypes, st.sampled_from([0, 1]), st.sampled_from([1.0, 3.0])
)
def test_losses_per_entry_in_one_pass_have_the_same_bits(
    n: int, dtype: str, mean: int, weight: float
) -> None:
    rng, dy = np.random.default_rng(n), np.array([1.3], dtype)
    z, t = rng.normal(0, 3, n).astype(dtype), rng.integers(0, 2, n).astype(dtype)
    for name, extra in (("bce_with_logits", (weight, mean)), ("mse", (mean,))):
        apart, together = [(empty(1, dtype), empty(n, dtype)) for _ in range(2)]
        assert launch(name, dtype, z, t, apart[0], None, None, *extra)
        assert launch(name, dtype, z, t, None, apart[1], dy, *extra)
        assert launch(name, dtype, z, t, *together, dy, *extra)
        np.testing.assert_array_equal(together[0], apart[0])
        np.testing.assert_array_equal(together[1], apart[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.inf, -np.inf])
def test_targets_that_are_no_probabilities_are_refused_and_nothing_is_written(
    dtype: str, wrong: float
) -> None:
    z, t, dy = np.zeros(100, dtype), np.full(100, 0.5, dtype), np.ones(1, dtype)
    loss, dz = empty(1, dtype), empty(100, dtype)
    t[93] = wrong
    assert not launch("bce_with_logits", dtype, z, t, loss, dz, dy, 1.0, 1)
    assert loss[0] == 77 and np.all(dz == 77)
    t[93] = np.nan
    assert launch("bce_with_logits", dtype, z, t, loss, dz, dy, 1.0, 1)
    assert np.isnan(loss[0]) and np.isnan(dz[93])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_bce_of_nan_and_inf_is_the_formulas(dtype: str, weight: float) -> None:
    z = np.array([np.nan, np.inf, np.inf, -np.inf, -np.inf, 500, -500], dtype)
    t = np.array([1, 1, 0.5, 0, 0.5, 0, 1], dtype)
    dy = np.ones(1, dtype)
    for i in range(z.size):
        loss, dz, one = empty(1, dtype), empty(1, dtype), slice(i, i + 1)
        assert launch("bce_with_logits", dtype, z[one], t[one], loss, dz, dy, weight, 1)
        with np.errstate(all="ignore"):
            expected = ops.bce_with_logits(z[one], t[one], pos_weight=weight)
            how: dict[str, Any] = {"pos_weight": weight, "reduction": "mean"}
            gradient = ops.bce_with_logits.backward(dy[0], expected, z[one], t[one], **how)[0]
        np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
        np.testing.assert_allclose(dz, gradient, rtol=1e-6, atol=1e-30)
