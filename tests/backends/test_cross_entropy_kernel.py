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
    dtypes,
    empty,
    enter,
    heights,
    launch,
    reductions,
    scores,
    special_scores,
    unit,
    widths,
)

from tinygrad_ed.ops import class_losses

CE = "cross_entropy_labels"


@settings(max_examples=60)
@given(heights, widths, dtypes, reductions, st.integers(0, 99))
def test_cross_entropy_stays_within_its_rounding_bound(
    N: int, K: int, dtype: str, reduction: str, seed: int
) -> None:
    z, labels = scores(N, K, dtype, seed)
    loss, dz, mean, u = empty(1, dtype), empty(N * K, dtype), reduction == "mean", unit(dtype)
    dy = np.array([0.7], dtype)
    assert launch(CE, dtype, z, labels, loss, None, None, K, int(mean))
    assert launch(CE, dtype, z, labels, None, dz, dy, K, int(mean))
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
    assert launch(CE, dtype, z, labels, loss, dz, dy, 3, 1)
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
    assert launch(CE, dtype, z, labels, apart[0], None, None, K, mean)
    assert launch(CE, dtype, z, labels, None, apart[1], dy, K, mean)
    assert launch(CE, dtype, z, labels, *together, dy, K, mean)
    np.testing.assert_array_equal(together[0], apart[0])
    np.testing.assert_array_equal(together[1], apart[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wrong", [-1, 5, 2**40])
def test_labels_that_are_no_class_are_refused_and_nothing_is_written(
    dtype: str, wrong: int
) -> None:
    z, labels = scores(40, 5, dtype, 0)
    loss, dz, dy = empty(1, dtype), empty(200, dtype), np.ones(1, dtype)
    labels[33] = wrong
    assert not launch(CE, dtype, z, labels, loss, dz, dy, 5, 1)
    assert loss[0] == 77 and np.all(dz == 77)


FAMILY = [CE, "softmax_rows", "softmax_rows_vjp", "log_softmax_rows", "log_softmax_rows_vjp"]


@pytest.mark.parametrize("name", FAMILY)
def test_nothing_beyond_sixteen_rows_of_scratch_is_touched(name: str) -> None:
    z, labels = scores(19, 5, "float32", 0)
    work, loss, dz, dy = np.full(100, 77, "f4"), empty(1, "f4"), empty(95, "f4"), np.ones(1, "f4")
    operands: dict[str, tuple[object, ...]] = {CE: (z, labels, loss, dz, dy, 5, 1)}
    operands |= {"softmax_rows": (z, dz, 5), "log_softmax_rows": (z, dz, 5)}
    assert enter(name, "float32", *operands.get(name, (dz, z, z, 5)), work=work.ctypes.data) == 0
    assert np.all(dz != 77)
    assert np.all(work[80:] == 77) and np.any(work[:80] != 77)
