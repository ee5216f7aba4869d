"""Softmax with cross-entropy in one kernel, against the op's formula within a derived bound.

u is half of the type's spacing at 1. A kernel's exp and log are off by at most 2 u of their value.
"""

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
    compiled,
    dtypes,
    empty,
    heights,
    reductions,
    scores,
    scratch,
    special_scores,
    unit,
    widths,
)
from tinygrad_ed.kernels.cpu import cross_entropy, softmax

from tinygrad_ed.ops import class_losses

ce_forward = compiled(cross_entropy.cross_entropy_forward)
ce_backward = compiled(cross_entropy.cross_entropy_backward)
ce_both = compiled(cross_entropy.cross_entropy_with_gradient)
softmax_forward = compiled(softmax.softmax)
softmax_backward = compiled(softmax.softmax_backward)
log_softmax_forward = compiled(softmax.log_softmax)
log_softmax_backward = compiled(softmax.log_softmax_backward)


@settings(max_examples=60)
@given(heights, widths, dtypes, reductions, st.integers(0, 99))
def test_cross_entropy_stays_within_its_rounding_bound(
    N: int, K: int, dtype: str, reduction: str, seed: int
) -> None:
    z, labels = scores(N, K, dtype, seed)
    loss, dz, mean, u = empty(1, dtype), empty(N * K, dtype), reduction == "mean", unit(dtype)
    dy = np.array([0.7], dtype)
    ce_forward(z.ravel(), labels, loss, K, int(mean), scratch(K, dtype))
    ce_backward(z.ravel(), labels, dy, dz, K, int(mean), scratch(K, dtype))
    if N == 0:
        assert np.isnan(loss[0]) if mean else loss[0] == 0
        return
    op = class_losses.cross_entropy_labels
    exact = op(z.astype(WIDE), labels, reduction=reduction)
    p, d, in_sum = class_terms(z)
    count = N if mean else 1
    each = op(z.astype(WIDE), labels, reduction="none")
    down = np.take_along_axis(d, labels[:, None], -1)[:, 0]
    per_row = in_sum[:, 0] + 2 * np.abs(each - down) + down + np.abs(each)
    in_total = additions(N, dtype) * np.sum(np.abs(each))
    assert_within(loss, exact, u * ((np.sum(per_row) + in_total) / count + np.abs(exact)))

    exact_dz = op.backward(dy.astype(WIDE)[0], None, z.astype(WIDE), labels, reduction=reduction)[0]
    from_label = np.abs(exact_dz) * count / WIDE(dy[0])
    bound = np.abs(dy[0]) / count * (p * (d + 3 + in_sum) + 3 * from_label) * u
    assert_within(dz.reshape(N, K), exact_dz, bound)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", range(7))
def test_cross_entropy_passes_nan_and_inf_on_as_the_formula_does(dtype: str, row: int) -> None:
    z, labels = special_scores(dtype)
    z, labels = z[row : row + 1], labels[row : row + 1]
    loss, dz, dy = empty(1, dtype), empty(3, dtype), np.ones(1, dtype)
    ce_both(z.ravel(), labels, dy, loss, dz, 3, 1, scratch(3, dtype))
    op = class_losses.cross_entropy_labels
    with np.errstate(all="ignore"):
        expected = op(z, labels)
        gradient = op.backward(dy[0], expected, z, labels, reduction="mean")[0]
    np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
    np.testing.assert_allclose(dz.reshape(1, 3), gradient, rtol=1e-6, atol=1e-7)


@settings(max_examples=60)
@given(heights, widths, dtypes, st.sampled_from([0, 1]), st.integers(0, 99))
def test_cross_entropy_in_one_pass_has_the_same_bits(
    N: int, K: int, dtype: str, mean: int, seed: int
) -> None:
    z, labels = scores(N, K, dtype, seed)
    dy = np.array([1.3], dtype)
    apart, together = (empty(1, dtype), empty(N * K, dtype)), (empty(1, dtype), empty(N * K, dtype))
    ce_forward(z.ravel(), labels, apart[0], K, mean, scratch(K, dtype))
    ce_backward(z.ravel(), labels, dy, apart[1], K, mean, scratch(K, dtype))
    ce_both(z.ravel(), labels, dy, *together, K, mean, scratch(K, dtype))
    np.testing.assert_array_equal(together[0], apart[0])
    np.testing.assert_array_equal(together[1], apart[1])


@pytest.mark.parametrize("body", ["forward", "backward", "both", "softmax", "log_softmax"])
def test_nothing_beyond_sixteen_rows_of_scratch_is_touched(body: str) -> None:
    z, labels = scores(19, 5, "float32", 0)
    work, loss, dz, dy = np.full(100, 77, "f4"), empty(1, "f4"), empty(95, "f4"), np.ones(1, "f4")
    flat, inside = z.ravel(), work[:80]
    if body == "forward":
        ce_forward(flat, labels, loss, 5, 1, inside)
    elif body == "backward":
        ce_backward(flat, labels, dy, dz, 5, 1, inside)
    elif body == "both":
        ce_both(flat, labels, dy, loss, dz, 5, 1, inside)
    elif body == "softmax":
        softmax_forward(flat, dz, 5, inside)
        softmax_backward(flat, dz.copy(), dz, 5, inside)
    else:
        log_softmax_forward(flat, dz, 5, inside)
        log_softmax_backward(flat, dz.copy(), dz, 5, inside)
    assert np.all(work[80:] == 77) and np.any(inside != 77)
