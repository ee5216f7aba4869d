"""The rungs on tensor cores: their errors are what the rounding of operands accounts for."""

from typing import Any

import numpy as np
import pytest
from cuda.gpu_machine import IS_GPU
from cuda.on_sim import (
    Array,
    activated,
    activations,
    drawn,
    gamma,
    layouts,
    multiply,
    needs_compiler,
    orders,
    product_kernel,
    seeds,
    sizes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import TOP

pytestmark = needs_compiler
UNIT = {"tf32": 2.0**-11, "tf32x3": 2.0**-11, "bf16": 2.0**-8}
"""How far an operand is rounded, relative to itself: half a step of its last bit."""
each_rung = pytest.mark.parametrize("rung", UNIT)


def bound(rung: str, K: int) -> float:
    """The error of an entry, relative to |A| |B|.

    A product of rounded operands, a (1 + d)(1 + e), is off by 2 u + u^2; sums are as in float32.
    3xTF32 leaves out the product of what was rounded off, u^2, and cuts one bit, 2^-23 = u^2 / 2,
    off each operand. Its sums of 16 of k take 32 roundings of full size, then there is one for each
    such sum: never more than twice float32's K.
    """
    u = UNIT[rung]
    cut = 2 if IS_GPU else 1  # a tensor core may cut a sum off instead of rounding it
    if rung == "tf32x3":
        return 2 * u**2 * (1 + 2 * u) + 2 * cut * gamma(K + 2, "float32")
    return 2 * u + u**2 + (1 + 3 * u) * cut * gamma(K, "float32")


@each_rung
@pytest.mark.parametrize("which", [0, 1])
@settings(max_examples=20, deadline=None)
@given(data=st.data(), M=sizes, K=sizes, N=sizes, order=orders, seed=seeds)
def test_within_the_bound_and_alike_in_any_order_and_shape(
    rung: str, which: int, data: Any, M: int, K: int, N: int, order: str, seed: int
) -> None:
    A = drawn((M, K), "float32", seed, data.draw(layouts))
    B = drawn((K, N), "float32", seed + 1, data.draw(layouts))
    bias = drawn((N,), "float32", seed + 2) if seed % 2 else None
    activation = data.draw(activations)
    with sim.simulation(order, seed=seed):
        found = multiply(product_kernel(rung, "float32", which), A, B, bias, activation)
    wide_A, wide_B = A.astype(np.longdouble), B.astype(np.longdouble)
    added = np.longdouble(0) if bias is None else bias
    allowed = bound(rung, K) * (np.abs(wide_A) @ np.abs(wide_B))
    Z = wide_A @ wide_B + added
    allowed += 2.0**-24 * (np.abs(Z) + allowed)  # of adding the bias
    expected = activated(Z, activation)
    assert np.all(np.abs(found - expected) <= allowed + (4 * 2.0**-23 if activation else 0))
    other = multiply(product_kernel(rung, "float32", 1 - which), A, B, bias, activation)
    assert other.tobytes() == found.tobytes()


def test_what_was_rounded_off_comes_back() -> None:
    """Three products have float32's error; one has not."""
    A, B = drawn((40, 600), "float32", 0), drawn((600, 40), "float32", 1)
    exact = A.astype(np.longdouble) @ B
    error = {
        rung: np.sqrt(np.mean((multiply(product_kernel(rung, "float32"), A, B) - exact) ** 2))
        for rung in (TOP, *UNIT)
    }
    assert error["tf32x3"] < error[TOP]
    assert 100 * error[TOP] < error["tf32"] < error["bf16"] / 4


def rounded(X: Array, rung: str) -> Array:
    """To the nearest number with as few bits as the rung's; none of these lies half way."""
    return np.round(X / UNIT[rung] / 2) * (UNIT[rung] * 2)


@pytest.mark.parametrize("rung", ["tf32", "bf16"])
def test_operands_are_rounded_to_the_nearest(rung: str) -> None:
    X = 1 + np.random.default_rng(0).random((9, 1)).astype("float32")  # from 1 to 2
    ones = np.ones((1, 7), "float32")
    left = multiply(product_kernel(rung, "float32"), X, ones)
    right = multiply(product_kernel(rung, "float32"), ones.T, X.T)
    assert np.array_equal(left, np.broadcast_to(rounded(X, rung), (9, 7)))
    assert np.array_equal(right, left.T[:7])


@each_rung
def test_whole_numbers_are_exact(rung: str) -> None:
    rng = np.random.default_rng(0)
    A, B = (rng.integers(-99, 99, s).astype("float32") for s in ((33, 47), (47, 35)))
    assert np.array_equal(multiply(product_kernel(rung, "float32"), A, B), A @ B)


@each_rung
def test_numbers_near_the_largest_are_what_float32_makes_of_them(rung: str) -> None:
    largest = np.finfo("float32").max
    A = np.array([[largest, 1.0], [-largest, 0.0], [1e38, 1e38], [np.inf, -largest]], "float32")
    B = np.array([[1e-3, 0.5, 2.0, 0.0], [1.0, 0.0, -1.0, largest]], "float32")
    found, expected = (multiply(product_kernel(r, "float32"), A, B) for r in (rung, TOP))
    same = np.isfinite(found) == np.isfinite(expected)
    assert same.all()
    assert np.array_equal(found[~np.isfinite(found)], expected[~np.isfinite(found)], equal_nan=True)
    finite = np.isfinite(found)
    assert np.allclose(found[finite], expected[finite], rtol=2 * UNIT[rung], atol=0)


@each_rung
def test_float64_is_multiplied_as_by_the_top(rung: str) -> None:
    A, B, bias = drawn((70, 9), "float64", 0, "F"), drawn((9, 33), "float64", 1), np.ones(33)
    for which in (0, 1):
        found = multiply(product_kernel(rung, "float64", which), A, B, bias, "relu")
        expected = multiply(product_kernel(TOP, "float64"), A, B, bias, "relu")
        assert found.tobytes() == expected.tobytes()
