"""Every rung of the product, simulated: right in every layout and every order of threads."""

import mmap
import re
import sys
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import (
    DTYPES,
    Array,
    activated,
    activations,
    drawn,
    layouts,
    needs_compiler,
    product_and_bound,
    seeds,
    sizes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import RUNGS, Products, SimulatedMachine
from tinygrad_ed.kernels.cuda.sources import text_of

pytestmark = needs_compiler
MACHINE = SimulatedMachine()
PRODUCTS = {rung: Products(MACHINE, rung) for rung in RUNGS}
each_rung = pytest.mark.parametrize("rung", RUNGS)
BARRIER = "__syncthreads();"


def guarded(rung: str, A: Array, B: Array, *finish: Any) -> Array:
    """F(A B + b), written into a part of a larger array whose other entries stay as they are."""
    M, N = A.shape[0], B.shape[1]
    whole = np.full((M + 2, N + 9), 7.0, A.dtype)
    PRODUCTS[rung](A, B, whole[1:-1, 5 : 5 + N], *finish)
    C = whole[1:-1, 5 : 5 + N].copy()
    whole[1:-1, 5 : 5 + N] = 7.0
    assert np.all(whole == 7.0), "written outside"
    return C


@each_rung
@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=30, deadline=None)
@given(sizes, sizes, sizes, layouts, layouts, st.booleans(), activations, seeds)
def test_within_the_bound_and_alike_in_every_order(
    rung: str,
    dtype: str,
    M: int,
    K: int,
    N: int,
    layout_A: str,
    layout_B: str,
    biased: bool,
    activation: str | None,
    seed: int,
) -> None:
    A, B = drawn((M, K), dtype, seed, layout_A), drawn((K, N), dtype, seed + 1, layout_B)
    bias = drawn((N, 2), dtype, seed + 2)[::-1, 0] if biased else None
    found = {}
    for order in sim.ORDERS:
        with sim.simulation(order, seed=seed):
            found[order] = guarded(rung, A, B, bias, activation)
    Z, bound = product_and_bound(A, B, bias)
    error = np.abs(found["forward"] - activated(Z, activation))
    assert np.all(error <= bound + (4 * np.finfo(dtype).eps if activation else 0))
    assert len({C.tobytes() for C in found.values()}) == 1


@each_rung
@pytest.mark.parametrize("dtype", DTYPES)
def test_no_access_leaves_the_arrays_and_no_two_threads_race(rung: str, dtype: str) -> None:
    for M, K, N in ((1, 1, 1), (5, 0, 3), (33, 9, 70), (65, 20, 31), (64, 8, 64)):
        for turned_A, turned_B in ((0, 0), (0, 1), (1, 0), (1, 1)):
            A, B = drawn((M, K), dtype, 0, "F" * turned_A), drawn((K, N), dtype, 1, "F" * turned_B)
            C, bias = np.empty((M, N), dtype), drawn((N,), dtype, 2)
            for order in sim.ORDERS:
                with sim.simulation(order, watched=True):
                    PRODUCTS[rung](A, B, C, bias)
            Z, bound = product_and_bound(A, B, bias)
            assert np.all(np.abs(C - Z) <= bound)


@each_rung
def test_nan_and_infinity_stay_in_their_rows_and_columns(rung: str) -> None:
    A, B = drawn((17, 5), "float32", 0), drawn((5, 19), "float32", 1)
    A[3, 2], A[11, 0], B[4, 6] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = (A.astype(np.float64)[:, :, None] * B[None]).sum(1)
    C = guarded(rung, A, B)
    for kind in (np.isnan, np.isposinf, np.isneginf):
        assert np.array_equal(kind(C), kind(expected))
    assert np.isnan(guarded(rung, A, B, None, "relu")[3]).all()


@each_rung
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reserves memory it never uses")
def test_offsets_have_64_bits(rung: str) -> None:
    """Rows that lie 2^30 numbers apart: the third begins where 32 bits end."""
    apart, size = 1 << 30, 4 * ((1 << 31) + 64)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
    memory = mmap.mmap(-1, size, flags=flags)
    numbers = np.frombuffer(memory, np.float32)
    far = np.lib.stride_tricks.as_strided(numbers, (3, 3), (4 * apart, 4))
    far[...] = drawn((3, 3), "float32", 0)
    near = far.copy()
    for A, B in ((far, near), (near, far), (far.T, near)):
        C = np.empty((3, 3), np.float32)
        PRODUCTS[rung](A, B, C)
        Z, bound = product_and_bound(A, B)
        assert np.all(np.abs(C - Z) <= bound)
    PRODUCTS[rung](near, near, far)
    assert np.all(np.abs(far - product_and_bound(near, near)[0]) < 1e-5)


def barriers() -> list[tuple[str, int]]:
    return [(rung, k) for rung in RUNGS for k in range(text_of(f"{rung}.cu").count(BARRIER))]


@pytest.mark.parametrize(("rung", "which"), barriers())
def test_each_barrier_is_needed_and_missed(rung: str, which: int) -> None:
    text = text_of(f"{rung}.cu")
    start = [found.start() for found in re.finditer(re.escape(BARRIER), text)][which]
    broken = Products(MACHINE, rung, text[:start] + ";" + text[start + len(BARRIER) :])
    A, B = drawn((20, 40), "float32", 0), drawn((40, 20), "float32", 1)
    with (
        pytest.raises(sim.SimulationError, match=rf"matmul_{rung}<float.*block \(0,0,0\): race"),
        sim.simulation(watched=True),
    ):
        broken(A, B, np.empty((20, 20), np.float32))


def test_there_are_barriers_to_delete() -> None:
    assert len(barriers()) == 2 * (len(RUNGS) - 2)  # all rungs but the first two share memory


def test_a_missing_barrier_shows_without_watching_too() -> None:
    broken = Products(MACHINE, "shared_tile", text_of("shared_tile.cu").replace(BARRIER, ";"))
    A, B = drawn((20, 40), "float32", 0), drawn((40, 20), "float32", 1)
    C = np.empty((20, 20), np.float32)
    broken(A, B, C)
    assert np.isnan(C).any()  # shared memory that nobody had written


def test_an_access_out_of_bounds_is_reported_with_its_place() -> None:
    text = text_of("naive.cu").replace("k < p.K;", "k <= p.K;")
    broken = Products(MACHINE, "naive", text)
    A, B, C = (np.ones((2, 2), np.float32) for _ in range(3))
    message = (
        r"matmul_naive<float>, block \(0,0,0\): out of bounds: thread \(\d+,0,0\) reads 4 bytes"
    )
    with pytest.raises(sim.SimulationError, match=message), sim.simulation(watched=True):
        broken(A, B, C)


def test_operands_that_do_not_fit_are_refused() -> None:
    product = PRODUCTS["naive"]
    A, B, C = np.ones((2, 3)), np.ones((3, 4)), np.ones((2, 4))
    with pytest.raises(ValueError, match=r"\(2, 3\) @ \(3, 4\) -> \(4, 2\)"):
        product(A, B, C.T)
    with pytest.raises(ValueError, match="float16"):
        product(*(x.astype("float16") for x in (A, B, C)))
    with pytest.raises(ValueError, match="float32"):
        product(A, B, C.astype("float32"))
    record = np.zeros(3, [("x", "f8"), ("y", "i4")])["x"].reshape(3, 1)
    with pytest.raises(ValueError, match="strides"):
        product(np.ones((2, 3)), record, np.ones((2, 1)))
