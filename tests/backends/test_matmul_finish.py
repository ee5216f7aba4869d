"""What follows a product (bias, activation, slope): fused has the bits of a pass afterwards."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from backends.product_helpers import (
    DTYPES,
    VECTORS,
    Array,
    bits,
    booleans,
    drawn,
    guarded_product,
    laid_out,
    layouts,
    seeds,
    sizes,
)
from numba import njit, types
from tinygrad_ed.kernels.cpu.products.finish import ACTIVATIONS, finish


def finish_signature(number: Any) -> Any:
    read_only = (types.Array(number, 1, "A", True), types.intp, types.Array(number, 2, "A", True))
    return types.void(types.Array(number, 2, "A"), *read_only, types.intp)


@njit([finish_signature(types.float32), finish_signature(types.float64)])
def finish_alone(C, bias, activation, gate, gate_kind):  # type: ignore[no-untyped-def]
    finish(C, bias, activation, gate, gate_kind)


codes = st.sampled_from(list(ACTIVATIONS))


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=80, deadline=None)
@given(
    sizes, sizes, sizes, codes, codes, st.sampled_from(["none", "line", "strided"]),
    layouts, booleans, st.sampled_from(VECTORS), st.sampled_from(["tiled", "packed"]), seeds,
)  # fmt: skip
def test_fused_gives_the_bits_of_a_pass_afterwards(
    dtype: str,
    M: int,
    K: int,
    N: int,
    activation: str | None,
    gate_kind: str | None,
    bias_layout: str,
    gate_layout: str,
    copy: bool,
    vector: str,
    rung: str,
    seed: int,
) -> None:
    A, B = drawn(M, K, N, dtype, seed)
    gate = laid_out(drawn(M, N, 1, dtype, seed + 1)[0], gate_layout)
    numbers = np.random.default_rng(seed).standard_normal(3 * N).astype(dtype)
    bias = {"none": None, "line": numbers[:N], "strided": numbers[::3]}[bias_layout]
    fused = guarded_product(
        A, B, bias=bias, activation=activation, gate=gate, gate_kind=gate_kind, copy=copy,
        vector=vector, rung=rung,
    )  # fmt: skip
    apart = guarded_product(A, B, copy=copy, vector=vector, rung=rung)
    given_bias = numbers[:0] if bias is None else bias
    finish_alone(apart, given_bias, ACTIVATIONS[activation], gate, ACTIVATIONS[gate_kind])
    assert bits(fused) == bits(apart)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_finish_is_what_numpy_computes_step_by_step(dtype: str) -> None:
    A, B = drawn(37, 20, 45, dtype, 3)
    bias, gate = B[0].copy(), drawn(37, 45, 1, dtype, 4)[0]
    A[3, 3], gate[5, 5] = np.nan, np.nan
    z = guarded_product(A, B) + bias
    one = np.ones((), dtype)[()]

    def equal(C: Array, expected: Array) -> bool:
        return bool(np.array_equal(C, expected, equal_nan=True))

    assert equal(guarded_product(A, B, bias=bias), z)
    assert equal(guarded_product(A, B, bias=bias, activation="relu"), np.maximum(z, 0))
    slopes = {"tanh": one - gate * gate}
    dy = guarded_product(A, B)
    for kind, slope in slopes.items():
        assert equal(guarded_product(A, B, gate=gate, gate_kind=kind), dy * slope)
    gated = guarded_product(A, B, gate=gate, gate_kind="relu")
    assert equal(gated, np.where(gate > 0, dy, 0).astype(dtype))
    sloped = guarded_product(A, B, gate=gate, gate_kind="sigmoid")
    assert equal(sloped, dy * gate * (one - gate))
    for kind, f in {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}.items():
        C = guarded_product(A, B, bias=bias, activation=kind)
        np.testing.assert_allclose(C, f(z.astype(np.longdouble)), rtol=8 * np.finfo(dtype).eps)
