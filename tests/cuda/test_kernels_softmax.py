"""Softmax and log_softmax of rows in both libraries, within derived bounds of the formulas.

u is half of the type's spacing at 1; exp and log are off by at most 2 u of their value.
"""

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
    scores,
    special_scores,
    unit,
    widths,
)
from cuda.kernel_runs import launch, lengths
from cuda.on_sim import DTYPES, LIBRARY, needs_compiler, seeds
from hypothesis import strategies as st

from tinygrad_ed.ops import reduce

EVERY = {"dtype": dtypes, "seed": seeds}
ON_CPU = {"N": heights, "K": widths, **EVERY}
IN_CUDA = {"N": st.integers(0, 40), "K": lengths, **EVERY}


def in_row(library: KernelLibrary, K: int, dtype: str) -> float:
    """What adding up a row adds to the error, in units u: one after the other, or in a lane or a
    seat, then over these."""
    return additions(K if library is CPU else K / 32 + 12, dtype)


def softmax_and_its_gradient(library: KernelLibrary, N: int, K: int, dtype: str, seed: int) -> None:
    z, _ = scores(N, K, dtype, seed)
    rng, u = np.random.default_rng(seed), unit(dtype)
    p, dz = empty(N * K, dtype), empty(N * K, dtype)
    assert library.launch("softmax_rows", dtype, z, p, K)
    if N == 0:
        return
    exact, d, in_sum = class_terms(z)
    assert_within(p.reshape(N, K), exact, exact * (d + 3 + in_sum) * u)

    dy, p = rng.standard_normal((N, K)).astype(dtype), p.reshape(N, K)
    assert library.launch("softmax_rows_vjp", dtype, dz, dy, p, K)
    wide_p, wide_dy = p.astype(WIDE), dy.astype(WIDE)
    exact_dz = reduce.softmax.backward(wide_dy, wide_p, z.astype(WIDE), axis=-1)
    inner = np.abs(np.sum(wide_p * wide_dy, axis=-1, keepdims=True))
    terms = np.sum(np.abs(wide_p * wide_dy), axis=-1, keepdims=True)
    weighted = terms * (1 + in_row(library, K, dtype)) + inner
    assert_within(dz.reshape(N, K), exact_dz, u * (wide_p * weighted + 2 * np.abs(exact_dz)))


test_softmax_and_its_gradient_on_cpu = holds(CPU, softmax_and_its_gradient, **ON_CPU)
test_softmax_and_its_gradient_in_cuda = holds(CUDA, softmax_and_its_gradient, **IN_CUDA)


def log_softmax_and_its_gradient(
    library: KernelLibrary, N: int, K: int, dtype: str, seed: int
) -> None:
    z, _ = scores(N, K, dtype, seed)
    rng, u = np.random.default_rng(seed), unit(dtype)
    y, dz = empty(N * K, dtype), empty(N * K, dtype)
    assert library.launch("log_softmax_rows", dtype, z, y, K)
    if N == 0:
        return
    exact = reduce.log_softmax(z.astype(WIDE))
    _, d, in_sum = class_terms(z)
    bound = u * (d + in_sum + 2 * np.abs(exact + d) + np.abs(exact))
    assert_within(y.reshape(N, K), exact, bound)

    dy, y = rng.standard_normal((N, K)).astype(dtype), y.reshape(N, K)
    assert library.launch("log_softmax_rows_vjp", dtype, dz, dy, y, K)
    wide_y, wide_dy = y.astype(WIDE), dy.astype(WIDE)
    exact_dz = reduce.log_softmax.backward(wide_dy, wide_y, z.astype(WIDE), axis=-1)
    p, summed = np.exp(wide_y), np.abs(np.sum(wide_dy, axis=-1, keepdims=True))
    in_total = np.sum(np.abs(wide_dy), axis=-1, keepdims=True) * in_row(library, K, dtype)
    assert_within(dz.reshape(N, K), exact_dz, u * (p * (4 * summed + in_total) + np.abs(exact_dz)))


test_log_softmax_and_its_gradient_on_cpu = holds(CPU, log_softmax_and_its_gradient, **ON_CPU)
test_log_softmax_and_its_gradient_in_cuda = holds(CUDA, log_softmax_and_its_gradient, **IN_CUDA)


@each_library
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("K", [3, 40, 1100])
def test_rows_with_nan_and_infinity_leave_their_neighbours_alone(
    library: KernelLibrary, dtype: str, K: int
) -> None:
    short, _ = special_scores(dtype)
    z = np.full((len(short), K), -2.0, dtype)
    z[:, -3:] = short
    z[4] = -np.inf
    p, logs, alone = empty(z.size, dtype), empty(z.size, dtype), empty(z.size, dtype)
    assert library.launch("softmax_rows", dtype, z, p, K)
    assert library.launch("log_softmax_rows", dtype, z, logs, K)
    for r in range(len(z)):
        assert library.launch("softmax_rows", dtype, z[r], alone[K * r : K * r + K], K)
    np.testing.assert_array_equal(p, alone)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(p.reshape(z.shape), reduce.softmax(z), rtol=1e-6)
        np.testing.assert_allclose(logs.reshape(z.shape), reduce.log_softmax(z), rtol=1e-6)


@needs_compiler
@pytest.mark.parametrize("K", [5, 64, 1030])
@pytest.mark.parametrize("name", ["softmax_rows", "log_softmax_rows"])
def test_a_result_may_lie_where_an_operand_did(name: str, K: int) -> None:
    z, _ = scores(7, K, "float32", 0)
    apart, here = empty(z.size, "float32"), z.copy().reshape(-1)
    assert launch(name, "float32", z, apart, K)
    assert LIBRARY.get(name, "float32").launch(here, here, K)
    np.testing.assert_array_equal(here, apart)
