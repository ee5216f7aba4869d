"""Losses in both libraries against the ops' formulas, within derived bounds; what they refuse.

u is half of the type's spacing at 1; exp, log and log1p are off by at most 2 u of their value.
"""

from typing import Any

import numpy as np
import pytest
from backends.kernel_libraries import CPU, CUDA, KernelLibrary, each_library, holds
from backends.kernel_rounding import (
    WIDE,
    additions,
    assert_within,
    class_terms,
    dtypes,
    empty,
    heights,
    reductions,
    scores,
    special_scores,
    unit,
    widths,
)
from cuda.kernel_runs import lengths
from cuda.on_sim import DTYPES, Array, seeds
from hypothesis import strategies as st

from tinygrad_ed.ops import class_losses, losses

EVERY = {"dtype": dtypes, "reduction": reductions}
ENTRIES_ON_CPU = {"n": heights | st.integers(100, 300), **EVERY}
ENTRIES_IN_CUDA = {"n": st.integers(0, 300) | st.sampled_from([4096, 4097, 9001]), **EVERY}
TALL = st.integers(0, 40) | st.sampled_from([128, 129, 300, 1030])
ROWS_ON_CPU = {"N": heights, "K": widths, "seed": seeds, **EVERY}
ROWS_IN_CUDA = {"N": TALL, "K": lengths, "seed": seeds, **EVERY}
CE = "cross_entropy_labels"
WEIGHTS = st.sampled_from([1.0, 2.5])


def one(value: float, dtype: str) -> Array:
    return np.array([value], dtype)


def assert_loss_of_nothing(loss: Array, mean: bool) -> None:
    assert np.isnan(loss[0]) if mean else loss[0] == 0


def bce_with_logits(
    library: KernelLibrary, n: int, dtype: str, reduction: str, weight: float
) -> None:
    rng, u, mean = np.random.default_rng(n), unit(dtype), reduction == "mean"
    z, t = rng.normal(0, 6, n).astype(dtype), rng.uniform(0, 1, n).astype(dtype)
    t[::3], t[1::3] = 0, 1
    loss, dz, dy = empty(1, dtype), empty(n, dtype), one(0.7, dtype)
    assert library.launch("bce_with_logits", dtype, z, t, loss, None, None, weight, int(mean))
    assert library.launch("bce_with_logits", dtype, z, t, None, dz, dy, weight, int(mean))
    if n == 0:
        return assert_loss_of_nothing(loss, mean)
    how: dict[str, Any] = {"pos_weight": weight, "reduction": reduction}
    wide_z, wide_t = z.astype(WIDE), t.astype(WIDE)
    exact, count = losses.bce_with_logits(wide_z, wide_t, **how), n if mean else 1
    # tail 5 u (exp, log1p), max + tail 1, the product 1, its factor 1, the sum 1: 9 u of each term,
    # all of them positive; then the sum over the entries and the last rounding.
    each = losses.bce_with_logits(wide_z, wide_t, pos_weight=weight, reduction="none")
    in_total = additions(library.in_total(n), dtype)
    assert_within(loss, exact, u * ((9 + in_total) * np.sum(each) / count + exact))

    exact_dz = losses.bce_with_logits.backward(dy.astype(WIDE)[0], None, wide_z, wide_t, **how)[0]
    y, share = losses.sigmoid(wide_z), WIDE(dy[0]) / count
    if weight == 1:
        bound = share * (4 * y + 3 * np.abs(y - wide_t))
    else:
        bound = share * ((1 - wide_t) * y * 7 + weight * wide_t * (4 * y + 4 * (1 - y)))
        bound = bound + 3 * np.abs(exact_dz)
    assert_within(dz, exact_dz, u * bound)


test_bce_with_logits_on_cpu = holds(CPU, bce_with_logits, **ENTRIES_ON_CPU, weight=WEIGHTS)
test_bce_with_logits_in_cuda = holds(CUDA, bce_with_logits, **ENTRIES_IN_CUDA, weight=WEIGHTS)


def mse(library: KernelLibrary, n: int, dtype: str, reduction: str) -> None:
    rng, u, mean = np.random.default_rng(n), unit(dtype), reduction == "mean"
    y, t = rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)
    loss, dx, dy = empty(1, dtype), empty(n, dtype), one(0.7, dtype)
    assert library.launch("mse", dtype, y, t, loss, None, None, int(mean))
    assert library.launch("mse", dtype, y, t, None, dx, dy, int(mean))
    if n == 0:
        return assert_loss_of_nothing(loss, mean)
    exact = losses.mse(y.astype(WIDE), t.astype(WIDE), reduction=reduction)
    in_total = additions(library.in_total(n), dtype)
    assert_within(loss, exact, u * (3 + in_total + 1) * exact)
    # The gradient takes the formula's own steps, none of which the compiler may change.
    expected = losses.mse.backward(dy[0], loss[0], y, t, reduction=reduction)[0]
    np.testing.assert_array_equal(dx, expected)


test_mse_on_cpu = holds(CPU, mse, **ENTRIES_ON_CPU)
test_mse_in_cuda = holds(CUDA, mse, **ENTRIES_IN_CUDA)


def cross_entropy(
    library: KernelLibrary, N: int, K: int, dtype: str, reduction: str, seed: int
) -> None:
    N = min(N, 40_000 // K)
    z, labels = scores(N, K, dtype, seed)
    loss, dz, mean, u = empty(1, dtype), empty(N * K, dtype), reduction == "mean", unit(dtype)
    dy = one(0.7, dtype)
    assert library.launch(CE, dtype, z, labels, loss, None, None, K, int(mean))
    assert library.launch(CE, dtype, z, labels, None, dz, dy, K, int(mean))
    if N == 0:
        return assert_loss_of_nothing(loss, mean)
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


test_cross_entropy_on_cpu = holds(CPU, cross_entropy, **ROWS_ON_CPU)
test_cross_entropy_in_cuda = holds(CUDA, cross_entropy, **ROWS_IN_CUDA)


def one_launch_per_entry(
    library: KernelLibrary, n: int, dtype: str, reduction: str, weight: float
) -> None:
    rng, dy, mean = np.random.default_rng(n), one(1.3, dtype), int(reduction == "mean")
    z, t = rng.normal(0, 3, n).astype(dtype), rng.integers(0, 2, n).astype(dtype)
    for name, extra in (("bce_with_logits", (weight, mean)), ("mse", (mean,))):
        apart, together = [(empty(1, dtype), empty(n, dtype)) for _ in range(2)]
        assert library.launch(name, dtype, z, t, apart[0], None, None, *extra)
        assert library.launch(name, dtype, z, t, None, apart[1], dy, *extra)
        assert library.launch(name, dtype, z, t, *together, dy, *extra)
        np.testing.assert_array_equal(together[0], apart[0])
        np.testing.assert_array_equal(together[1], apart[1])


test_losses_per_entry_in_one_launch_have_the_bits_of_two_on_cpu = holds(
    CPU, one_launch_per_entry, **ENTRIES_ON_CPU, weight=WEIGHTS
)
test_losses_per_entry_in_one_launch_have_the_bits_of_two_in_cuda = holds(
    CUDA, one_launch_per_entry, **ENTRIES_IN_CUDA, weight=WEIGHTS
)


def one_launch_per_row(
    library: KernelLibrary, N: int, K: int, dtype: str, reduction: str, seed: int
) -> None:
    N = min(N, 40_000 // K)
    z, labels = scores(N, K, dtype, seed)
    dy, mean = one(1.3, dtype), int(reduction == "mean")
    apart, together = [(empty(1, dtype), empty(N * K, dtype)) for _ in range(2)]
    assert library.launch(CE, dtype, z, labels, apart[0], None, None, K, mean)
    assert library.launch(CE, dtype, z, labels, None, apart[1], dy, K, mean)
    assert library.launch(CE, dtype, z, labels, *together, dy, K, mean)
    np.testing.assert_array_equal(together[0], apart[0])
    np.testing.assert_array_equal(together[1], apart[1])


test_cross_entropy_in_one_launch_has_the_bits_of_two_on_cpu = holds(
    CPU, one_launch_per_row, **ROWS_ON_CPU
)
test_cross_entropy_in_one_launch_has_the_bits_of_two_in_cuda = holds(
    CUDA, one_launch_per_row, **ROWS_IN_CUDA
)


@each_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [100, 5000])
@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.inf, -np.inf])
def test_targets_that_are_no_probabilities_are_refused_and_nothing_is_written(
    library: KernelLibrary, n: int, dtype: str, wrong: float
) -> None:
    z, t, dy = np.zeros(n, dtype), np.full(n, 0.5, dtype), np.ones(1, dtype)
    loss, dz = empty(1, dtype), empty(n, dtype)
    t[n - 7] = wrong
    for gradient in (dz, None):
        assert not library.launch("bce_with_logits", dtype, z, t, loss, gradient, dy, 1.0, 1)
    assert loss[0] == 77 and np.all(dz == 77)
    t[n - 7] = np.nan
    assert library.launch("bce_with_logits", dtype, z, t, loss, dz, dy, 1.0, 1)
    assert np.isnan(loss[0]) and np.isnan(dz[n - 7])


@each_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("N", "K"), [(40, 5), (600, 3), (4, 1100)])
def test_labels_that_are_no_class_are_refused_and_nothing_is_written(
    library: KernelLibrary, N: int, K: int, dtype: str
) -> None:
    z, labels = scores(N, K, dtype, 0)
    loss, dz, dy = empty(1, dtype), empty(N * K, dtype), np.ones(1, dtype)
    for wrong in (-1, K, 2**40):
        labels[N - 3] = wrong
        for gradient in (dz, None):
            assert not library.launch(CE, dtype, z, labels, loss, gradient, dy, K, 1)
    assert loss[0] == 77 and np.all(dz == 77)
    labels[N - 3] = K - 1
    assert library.launch(CE, dtype, z, labels, loss, dz, dy, K, 1)


@each_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [1.0, 2.0])
def test_bce_of_nan_and_infinity_is_the_formulas(
    library: KernelLibrary, dtype: str, weight: float
) -> None:
    z = np.array([np.nan, np.inf, np.inf, -np.inf, -np.inf, 500, -500], dtype)
    t = np.array([1, 1, 0.5, 0, 0.5, 0, 1], dtype)
    dy = np.ones(1, dtype)
    for i in range(z.size):
        loss, dz, here = empty(1, dtype), empty(1, dtype), slice(i, i + 1)
        assert library.launch("bce_with_logits", dtype, z[here], t[here], loss, dz, dy, weight, 1)
        with np.errstate(all="ignore"):
            expected = losses.bce_with_logits(z[here], t[here], pos_weight=weight)
            how: dict[str, Any] = {"pos_weight": weight, "reduction": "mean"}
            gradient = losses.bce_with_logits.backward(dy[0], expected, z[here], t[here], **how)[0]
        np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
        np.testing.assert_allclose(dz, gradient, rtol=1e-6, atol=1e-30)


@each_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", range(7))
def test_cross_entropy_of_nan_and_infinity_is_the_formulas(
    library: KernelLibrary, dtype: str, row: int
) -> None:
    z, labels = special_scores(dtype)
    z, labels = z[row : row + 1], labels[row : row + 1]
    loss, dz, dy = empty(1, dtype), empty(3, dtype), np.ones(1, dtype)
    assert library.launch(CE, dtype, z, labels, loss, dz, dy, 3, 1)
    op = class_losses.cross_entropy_labels
    with np.errstate(all="ignore"):
        expected = op(z, labels)
        gradient = op.backward(dy[0], expected, z, labels, reduction="mean")[0]
    np.testing.assert_allclose(loss[0], expected, rtol=1e-6)
    np.testing.assert_allclose(dz.reshape(1, 3), gradient, rtol=1e-6, atol=1e-7)
