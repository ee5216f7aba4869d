"""Losses on the simulator against the ops' formulas, within derived bounds; what they refuse.

u is half of the type's spacing at 1; exp, log and log1p are off by at most 2 u of their value.
"""

from typing import Any

import numpy as np
import pytest
from backends.kernel_rounding import (
    WIDE,
    assert_within,
    class_terms,
    dtypes,
    empty,
    reductions,
    scores,
    special_scores,
    unit,
)
from cuda.kernel_runs import LIBRARY, launch, lengths, of_sum
from cuda.on_sim import Array, needs_compiler
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.ops import class_losses, losses

pytestmark = needs_compiler
sizes = st.integers(0, 300) | st.sampled_from([4096, 4097, 9001])
heights = st.integers(0, 40) | st.sampled_from([128, 129, 300, 1030])
WEIGHTS = st.sampled_from([1.0, 2.5])


def one(value: float, dtype: str) -> Array:
    return np.array([value], dtype)


def assert_loss_of_nothing(loss: Array, mean: bool) -> None:
    assert np.isnan(loss[0]) if mean else loss[0] == 0


@settings(max_examples=25)
@given(sizes, dtypes, reductions, WEIGHTS)
def test_bce_with_logits(n: int, dtype: str, reduction: str, weight: float) -> None:
    rng, u, mean = np.random.default_rng(n), unit(dtype), reduction == "mean"
    z, t = rng.normal(0, 6, n).astype(dtype), rng.uniform(0, 1, n).astype(dtype)
    t[::3], t[1::3] = 0, 1
    loss, dz, dy = empty(1, dtype), empty(n, dtype), one(0.7, dtype)
    assert launch("bce_with_logits", dtype, z, t, loss, None, None, weight, int(mean))
    assert launch("bce_with_logits", dtype, z, t, None, dz, dy, weight, int(mean))
    if n == 0:
        return assert_loss_of_nothing(loss, mean)
    how: dict[str, Any] = {"pos_weight": weight, "reduction": reduction}
    wide_z, wide_t = z.astype(WIDE), t.astype(WIDE)
    exact, count = losses.bce_with_logits(wide_z, wide_t, **how), n if mean else 1
    # tail 5 u (exp, log1p), max + tail 1, the product 1, its factor 1, the sum 1: 9 u of each term,
    # all of them positive; then the sum over the entries and the last rounding.
    each = losses.bce_with_logits(wide_z, wide_t, pos_weight=weight, reduction="none")
    in_total = of_sum(n / 1024 + 24, dtype)
    assert_within(loss, exact, u * ((9 + in_total) * np.sum(each) / count + exact))

    exact_dz = losses.bce_with_logits.backward(dy.astype(WIDE)[0], None, wide_z, wide_t, **how)[0]
    y, share = losses.sigmoid(wide_z), WIDE(dy[0]) / count
    if weight == 1:
        bound = share * (4 * y + 3 * np.abs(y - wide_t))
    else:
        bound = share * ((1 - wide_t) * y * 7 + weight * wide_t * (4 * y + 4 * (1 - y)))
        bound = bound + 3 * np.abs(exact_dz)
    assert_within(dz, exact_dz, u * bound)


@settings(max_examples=25)
@given(sizes, dtypes, reductions)
def test_mse(n: int, dtype: str, reduction: str) -> None:
    rng, u, mean = np.random.default_rng(n), unit(dtype), reduction == "mean"
    y, t = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    loss, dx, dy = empty(1, dtype), empty(n, dtype), one(0.7, dtype)
    assert launch("mse", dtype, y, t, loss, None, None, int(mean))
    assert launch("mse", dtype, y, t, None, dx, dy, int(mean))
    if n == 0:
        return assert_loss_of_nothing(loss, mean)
    exact = losses.mse(y.astype(WIDE), t.astype(WIDE), reduction=reduction)
    in_total = of_sum(n / 1024 + 24, dtype)
    assert_within(loss, exact, u * (3 + in_total + 1) * exact)
    # The gradient takes the formula's own steps, none of which the compiler may change.
    expected = losses.mse.backward(dy[0], loss[0], y, t, reduction=reduction)[0]
    np.testing.assert_array_equal(dx, expected)


@settings(max_examples=25)
@given(heights, lengths, dtypes, reductions, st.integers(0, 99))
def test_cross_entropy(N: int, K: int, dtype: str, reduction: str, seed: int) -> None:
    N = min(N, 40_000 // K)
    z, labels = scores(N, K, dtype, seed)
    loss, dz, mean, u = empty(1, dtype), empty(N * K, dtype), reduction == "mean", unit(dtype)
    dy = one(0.7, dtype)
    assert launch("cross_entropy_labels", dtype, z, labels, loss, None, None, K, int(mean))
    assert launch("cross_entropy_labels", dtype, z, labels, None, dz, dy, K, int(mean))
    if N == 0:
        return assert_loss_of_nothing(loss, mean)
    op = class_losses.cross_entropy_labels
    exact = op(z.astype(WIDE), labels, reduction=reduction)
    p, d, in_sum = class_terms(z)
    count = N if mean else 1
    each = op(z.astype(WIDE), labels, reduction="none")
    down = np.take_along_axis(d, labels[:, None], -1)[:, 0]
    per_row = in_sum[:, 0] + 2 * np.abs(each - down) + down + np.abs(each)
    in_total = of_sum(N, dtype) * np.sum(np.abs(each))
    assert_within(loss, exact, u * ((np.sum(per_row) + in_total) / count + np.abs(exact)))

    exact_dz = op.backward(dy.astype(WIDE)[0], None, z.astype(WIDE), labels, reduction=reduction)[0]
    from_label = np.abs(exact_dz) * count / WIDE(dy[0])
    bound = np.abs(dy[0]) / count * (p * (d + 3 + in_sum) + 3 * from_label) * u
    assert_within(dz.reshape(N, K), exact_dz, bound)


@settings(max_examples=20)
@given(sizes, dtypes, st.sampled_from([0, 1]), WEIGHTS)
def test_losses_per_entry_in_one_launch_have_the_bits_of_two(
    n: int, dtype: str, mean: int, weight: float
) -> None:
    rng, dy = np.random.default_rng(n), one(1.3, dtype)
    z, t = rng.normal(0, 3, n).astype(dtype), rng.integers(0, 2, n).astype(dtype)
    for name, extra in (("bce_with_logits", (weight, mean)), ("mse", (mean,))):
        apart, together = [(empty(1, dtype), empty(n, dtype)) for _ in range(2)]
        assert launch(name, dtype, z, t, apart[0], None, None, *extra)
        assert launch(name, dtype, z, t, None, apart[1], dy, *extra)
        assert launch(name, dtype, z, t, *together, dy, *extra)
        np.testing.assert_array_equal(together[0], apart[0])
        np.testing.assert_array_equal(together[1], apart[1])


@settings(max_examples=20)
@given(heights, lengths, dtypes, st.sampled_from([0, 1]))
def test_cross_entropy_in_one_launch_has_the_bits_of_two(
    N: int, K: int, dtype: str, mean: int
) -> None:
    N = min(N, 40_000 // K)
    z, labels = scores(N, K, dtype, N)
    name, dy = "cross_entropy_labels", one(1.3, dtype)
    apart, together = [(empty(1, dtype), empty(N * K, dtype)) for _ in range(2)]
    assert launch(name, dtype, z, labels, apart[0], None, None, K, mean)
    assert launch(name, dtype, z, labels, None, apart[1], dy, K, mean)
    assert launch(name, dtype, z, labels, *together, dy, K, mean)
    np.testing.assert_array_equal(together[0], apart[0])
    np.testing.assert_array_equal(together[1], apart[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [100, 5000])
@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.inf, -np.inf])
def test_targets_that_are_no_probabilities_are_refused_and_nothing_is_written(
    n: int, dtype: str, wrong: float
) -> None:
    z, t, dy = np.zeros(n, dtype), np.full(n, 0.5, dtype), np.ones(1, dtype)
    loss, dz = empty(1, dtype), empty(n, dtype)
    t[n - 7] = wrong
    for gradient in (dz, None):
        assert not launch("bce_with_logits", dtype, z, t, loss, gradient, dy, 1.0, 1)
    assert loss[0] == 77 and np.all(dz == 77)
    t[n - 7] = np.nan
    assert launch("bce_with_logits", dtype, z, t, loss, dz, dy, 1.0, 1)
    assert np.isnan(loss[0]) and np.isnan(dz[n - 7])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("N", "K"), [(40, 5), (600, 3), (4, 1100)])
def test_labels_that_are_no_class_are_refused_and_nothing_is_written(
    N: int, K: int, dtype: str
) -> None:
    z, labels = scores(N, K, dtype, 0)
    loss, dz, dy = empty(1, dtype), empty(N * K, dtype), np.ones(1, dtype)
    for wrong in (-1, K, 2**40):
        labels[N - 3] = wrong
        for gradient in (dz, None):
            assert not launch("cross_entropy_labels", dtype, z, labels, loss, gradient, dy, K, 1)
    assert loss[0] == 77 and np.all(dz == 77)
    labels[N - 3] = K - 1
    assert launch("cross_entropy_labels", dtype, z, labels, loss, dz, dy, K, 1)
    assert np.all(LIBRARY.scratch()[:2] == 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_bce_of_nan_and_infinity_is_the_formulas(dtype: str, weight: float) -> None:
    z = np.array([np.nan, np.inf, np.inf, -np.inf, -np.inf, 500, -500], dtype)
    t = np.array([1, 1, 0.5, 0, 0.5, 0, 1], dtype)
    dy = np.ones(1, dtype)
    for i in range(z.size):
        loss, dz, here = empty(1, dtype), empty(1, dtype), slice(i, i + 1)
        assert launch("bce_with_logits", dtype, z[here], t[here], loss, dz, dy, weight, 1)
        with np.errstate(all="ignore"):
            expected = losses.bce_with_logits(z[here], t[here], pos_weight=weight)
            how: dict[str, Any] = {"pos_weight": weight, "reduction": "mean"}
            gradient = losses.bce_with_logits.backward(dy[0], expected, z[here], t[here], **how)[0]
        np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
        np.testing.assert_allclose(dz, gradient, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", range(7))
def test_cross_entropy_of_nan_and_infinity_is_the_formulas(dtype: str, row: int) -> None:
    z, labels = special_scores(dtype)
    z, labels = z[row : row + 1], labels[row : row + 1]
    loss, dz, dy = empty(1, dtype), empty(3, dtype), np.ones(1, dtype)
    assert launch("cross_entropy_labels", dtype, z, labels, loss, dz, dy, 3, 1)
    op = class_losses.cross_entropy_labels
    with np.errstate(all="ignore"):
        expected = op(z, labels)
        gradient = op.backward(dy[0], expected, z, labels, reduction="mean")[0]
    np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
    np.testing.assert_allclose(dz.reshape(1, 3), gradient, rtol=1e-6, atol=1e-7)
