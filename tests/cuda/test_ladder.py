"""Every rung of the product, simulated: right in every layout, shape and order of threads."""

import mmap
import sys
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import (
    DTYPES,
    LIBRARY,
    activated,
    activations,
    drawn,
    layouts,
    multiply,
    needs_compiler,
    orders,
    product_and_bound,
    product_kernel,
    seeds,
    sizes,
    slope,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import RUNGS, TOP
from tinygrad_ed.kernels.cuda.ladder import ENOUGH, Shape, fitting

pytestmark = needs_compiler
ROUNDING = {"tf32", "tf32x3", "bf16"}
"""Rungs with operands that are rounded; test_ladder_tensor.py has their bounds."""
EXACT = [rung for rung in RUNGS if rung not in ROUNDING]
SHAPES = {
    (rung, dtype, k): shape
    for rung in RUNGS
    for dtype in DTYPES
    for k, shape in enumerate((RUNGS[rung].shapes or {})[dtype])
    if rung in EXACT or dtype == "float32"  # float64 in the others is TOP's
}
"""(rung, number type, which) -> shape."""
RINGS = [case for case, shape in SHAPES.items() if shape.shared]
each_rung = pytest.mark.parametrize("rung", RUNGS)
each_shape = pytest.mark.parametrize(("rung", "dtype", "which"), SHAPES)
each_ring = pytest.mark.parametrize(("rung", "dtype", "which"), RINGS)
each_exact_shape = pytest.mark.parametrize(
    ("rung", "dtype", "which"), [case for case in SHAPES if case[0] in EXACT]
)


@each_exact_shape
@settings(max_examples=20, deadline=None)
@given(data=st.data(), M=sizes, K=sizes, N=sizes, order=orders, seed=seeds)
def test_within_the_bound_and_alike_in_any_order(
    rung: str, dtype: str, which: int, data: Any, M: int, K: int, N: int, order: str, seed: int
) -> None:
    A = drawn((M, K), dtype, seed, data.draw(layouts))
    B = drawn((K, N), dtype, seed + 1, data.draw(layouts))
    bias = drawn((N,), dtype, seed + 2) if data.draw(st.booleans()) else None
    activation, gate_kind = data.draw(activations), data.draw(activations)
    gate = np.tanh(drawn((M, N), dtype, seed + 3, data.draw(layouts))) if seed % 2 else None
    kernel = product_kernel(rung, dtype, which)
    finish = (bias, activation, gate, gate_kind)
    with sim.simulation(order, seed=seed):
        found = multiply(kernel, A, B, *finish)
    Z, bound = product_and_bound(A, B, bias)
    dY = activated(Z, activation)  # no slope is above 1: errors of Z and dY do not grow
    Y = None if gate is None else gate.astype(np.longdouble)
    expected = slope(dY, Y, gate_kind)
    eps = float(np.finfo(dtype).eps)
    bound += 4 * eps * (bool(activation) + bool(gate_kind) * np.abs(dY))  # of 1 - y^2: of its 1
    assert np.all(np.abs(found - expected) <= bound)
    assert multiply(kernel, A, B, *finish).tobytes() == found.tobytes()
    naive = multiply(product_kernel("naive", dtype), A, B, *finish)
    assert naive.tobytes() == found.tobytes()  # each entry is one chain of fma along k


@each_shape
def test_no_access_leaves_the_arrays_and_no_two_threads_race(
    rung: str, dtype: str, which: int
) -> None:
    kernel = product_kernel(rung, dtype, which)
    turns = [(0, 0), (0, 1), (1, 0), (1, 1)]
    cases = [(size, turns[i % 4]) for i, size in enumerate([(1, 1, 1), (5, 0, 3), (0, 2, 2)])]
    cases += [((33, 9, 70), turn) for turn in turns[:2]] + [((64, 40, 36), t) for t in turns[1:]]
    for i, ((M, K, N), (turned_A, turned_B)) in enumerate(cases):
        A, B = drawn((M, K), dtype, 0, "F" * turned_A), drawn((K, N), dtype, 1, "F" * turned_B)
        C, bias, gate = np.empty((M, N), dtype), drawn((N,), dtype, 2), np.ones((M, N), dtype)
        with sim.simulation(sim.ORDERS[i % 3], watched=True):
            assert kernel.launch(A, B, C, bias, 0, gate, 1)
        if rung in EXACT:
            Z, bound = product_and_bound(A, B, bias)
            assert np.all(np.abs(C - Z) <= bound)


@each_ring
def test_blocks_go_on_to_further_tiles(rung: str, dtype: str, which: int) -> None:
    """A grid that is too small for C; a ring of tiles is used again by the next tile of C."""
    BM, BN = SHAPES[rung, dtype, which].tile or (0, 0)
    M, N = 2 * BM + 3, BN + 1
    kernel = product_kernel(rung, dtype, which)
    A, B, C = drawn((M, 40), dtype, 0), drawn((40, N), dtype, 1), np.empty((M, N), dtype)
    launch = kernel.prepared((A, B, C, None, 0, None, 0))
    assert launch is not None and launch.grid.blocks == 6
    launch.run()
    for blocks in (1, 4):
        again = np.full_like(C, np.nan)
        with sim.simulation(watched=True):
            few = kernel.prepared((A, B, again, None, 0, None, 0))
            assert few is not None
            few.kernel(few.grid._replace(blocks=blocks), few.words, few.arrays)
        assert again.tobytes() == C.tobytes()


@each_rung
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_stay_in_their_rows_and_columns(rung: str, dtype: str) -> None:
    A, B = drawn((17, 5), dtype, 0), drawn((5, 19), dtype, 1)
    A[3, 2], A[11, 0], B[4, 6], B[2, 7] = np.nan, np.inf, -np.inf, np.inf
    A[5, 4], B[1, 3] = 0, np.finfo(dtype).max
    with np.errstate(invalid="ignore", over="ignore"):
        expected = (A.astype(np.longdouble)[:, :, None] * B[None]).sum(1).astype(dtype)
    C = multiply(product_kernel(rung, dtype), A, B)
    for kind in (np.isnan, np.isposinf, np.isneginf):
        assert np.array_equal(kind(C), kind(expected))
    assert np.isnan(multiply(product_kernel(rung, dtype), A, B, None, "relu")[3]).all()


@each_rung
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reserves memory it never uses")
def test_offsets_have_64_bits(rung: str) -> None:
    """Rows that lie 2^30 numbers apart: the third begins where 32 bits end."""
    apart, size = 1 << 30, 4 * ((1 << 31) + 64)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
    memory = mmap.mmap(-1, size, flags=flags)
    numbers = np.frombuffer(memory, np.float32)
    far = np.lib.stride_tricks.as_strided(numbers, (3, 3), (4 * apart, 4))
    far[...] = np.round(4 * drawn((3, 3), "float32", 0))  # a product of these is exact
    near = far.copy()
    kernel = product_kernel(rung, "float32")
    for A, B in ((far, near), (near, far), (far.T, near)):
        assert np.array_equal(multiply(kernel, A, B), A @ B)
    expected = near @ near
    assert kernel.launch(near, near, far, None, 0, None, 0)
    assert np.array_equal(far, expected)


def test_operands_that_do_not_fit_are_left_alone() -> None:
    kernel = LIBRARY.get("product", "float64")
    A, B, C = np.ones((2, 3)), np.ones((3, 4)), np.full((2, 4), 7.0)
    record = np.zeros(3, [("x", "f8"), ("y", "i4")])["x"].reshape(3, 1)
    for a, b, c, bias, gate in (
        (A, B, C.T, None, None),
        (A, B[:-1], C, None, None),
        (A, B, C, np.ones(3), None),
        (A, B, C, np.ones((1, 4)), None),
        (A, B, C, np.ones(8)[::2], None),
        (A, B, C, None, np.ones((4, 2))),
        (A.astype("float16"), B, C, None, None),
        (A, B.astype("float32"), C, None, None),
        (A, B.astype(">f8"), C, None, None),
        (A, record, np.ones((2, 1)), None, None),
    ):
        assert not kernel.launch(a, b, c, bias, 0, gate, 1)
    assert np.all(C == 7.0)
    assert kernel.launch(A, B, C, np.ones(4), 0, None, 0) and np.all(C == 4.0)


def test_the_engine_uses_the_rung_that_is_float32_throughout() -> None:
    assert TOP in EXACT and list(RUNGS).index(TOP) == len(EXACT) - 1


def test_a_small_product_is_cut_into_small_tiles_and_a_large_one_into_large() -> None:
    large, middle, small = (Shape((n,), 256, (n, n)) for n in (128, 64, 32))
    shapes = (large, middle, small)
    assert fitting(shapes, 4096, 4096) is large
    assert fitting(shapes, 32, 64) is small and fitting(shapes, 0, 0) is small
    assert fitting(shapes, 128 * ENOUGH, 128) is large
    assert fitting(shapes, 128 * ENOUGH - 128, 128) is middle
    assert fitting((large,), 1, 1) is large
    for rung in RUNGS.values():
        for own in (rung.shapes or {}).values():
            tiles = [a * b for a, b in (shape.tile or (1, 1) for shape in own)]
            assert tiles == sorted(tiles, reverse=True)
