"""Blocks that wait for each other, and races between blocks."""

import re
import threading

import numpy as np
import pytest
from cuda.on_sim import needs_compiler, run, seeds
from cuda.small_kernels import kernels
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim

pytestmark = needs_compiler
each_order = pytest.mark.parametrize("order", sim.ORDERS)


def kernel(body: str, parameters: str) -> sim.SimulatedKernel:
    """A kernel of a few lines behind grid.cuh."""
    return kernels([body], parameters, ["grid.cuh"])[0]


NORMALISE = """
__shared__ float mine[8];
DYNAMIC_SHARED(float, more);
const int i = blockIdx.x * blockDim.x + threadIdx.x;
mine[threadIdx.x] = x[i];
more[threadIdx.x] = 2 * x[i];
__syncthreads();
float left = mine[(threadIdx.x + 1) % blockDim.x] + more[threadIdx.x];  // over the barrier
if (threadIdx.x == 0) for (int t = 0; t < blockDim.x; t++) atomicAdd(total, mine[t]);
for (int again = 0; again < n; again++) grid_barrier(counter);
x[i] = (left + mine[threadIdx.x] + more[threadIdx.x]) / *total;
"""
NORMALISED = kernel(NORMALISE, "float* x, float* total, unsigned* counter, int n")


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 8), st.sampled_from(sim.ORDERS), seeds, st.booleans())
def test_all_blocks_see_what_all_have_written(
    blocks: int, threads: int, order: str, seed: int, watched: bool
) -> None:
    """Shared memory and local variables outlive the barrier; the counter needs no reset."""
    counter = np.zeros(1, np.uint32)
    for n in (1, 2, 5):
        x = np.random.default_rng(seed).integers(1, 9, (blocks, threads)).astype(np.float32)
        before, total = x.copy(), np.zeros(1, np.float32)
        with sim.simulation(order, seed=seed, watched=watched):
            run(
                NORMALISED, blocks, threads, x, total, counter, np.int32(n),
                shared=4 * threads, cooperative=True,
            )  # fmt: skip
        assert total[0] == before.sum()
        expected = (np.roll(before, -1, 1) + 5 * before) / before.sum()
        assert np.array_equal(x, expected.astype(np.float32))
        assert counter[0] & 0x7FFFFFFF == 0


LOST = [
    (
        "if (blockIdx.x % 2) return;\ngrid_barrier(counter);",
        "divergent grid barrier: this block and 1 more wait at test.cu:2, but block (1,0,0) "
        "and 1 more have ended",
    ),
    (
        "if (threadIdx.x) return;\ngrid_barrier(counter);",
        "divergent barrier: thread (0,0,0) and 0 more wait at test.cu:2, but thread (1,0,0) "
        "and 6 more have ended; every thread of a block must reach each grid barrier",
    ),
    (
        "if (threadIdx.x < 3)\ngrid_barrier(counter);\nelse\n__syncthreads();",
        "divergent barrier: thread (3,0,0) waits at test.cu:4 and thread (0,0,0) at the grid "
        "barrier at test.cu:2",
    ),
    (
        "if (threadIdx.x < 3)\ngrid_barrier(counter);\nelse\ngrid_barrier(counter);",
        "divergent barrier: thread (0,0,0) waits at test.cu:2 and thread (3,0,0) at test.cu:4",
    ),
    (
        "grid_barrier(counter + blockIdx.x);",
        "the grid barrier at test.cu:1 has another counter in block (1,0,0)",
    ),
    (
        "counter[0] = 7;\ngrid_barrier(counter);",
        "the counter of the grid barrier at test.cu:2 holds 7",
    ),
]
LOST_KERNELS = kernels([body for body, _ in LOST], "unsigned* counter", ["grid.cuh"])


@pytest.mark.parametrize("which", range(len(LOST)))
def test_blocks_that_do_not_meet_are_reported(which: int) -> None:
    for order in sim.ORDERS:
        with sim.simulation(order), pytest.raises(sim.SimulationError) as caught:
            run(LOST_KERNELS[which], 4, 8, np.zeros(4, np.uint32), cooperative=True)
        if order == "forward":
            assert caught.match(re.escape(LOST[which][1]))


def test_a_grid_barrier_needs_a_cooperative_launch() -> None:
    simulated = kernel("grid_barrier(counter);", "unsigned* counter")
    words = r"meets the grid barrier at test.cu:1 in a launch that is not cooperative"
    with pytest.raises(sim.SimulationError, match=words):
        run(simulated, 2, 4, np.zeros(1, np.uint32))
    with pytest.raises(sim.SimulationError, match="at most 1024 blocks"):
        run(simulated, 1025, 4, np.zeros(1, np.uint32), cooperative=True)


@each_order
def test_a_cooperative_launch_without_a_barrier_is_a_launch(order: str) -> None:
    simulated = kernel("x[blockIdx.x * 8 + threadIdx.x] = blockIdx.x;", "int* x")
    x = np.zeros((7, 8), np.int32)
    with sim.simulation(order):
        run(simulated, 7, 8, x, cooperative=True)
        run(simulated, 7, 8, x)
    assert np.array_equal(x, np.repeat(np.arange(7), 8).reshape(7, 8))


def test_a_launch_after_an_error_is_right_and_threads_of_python_do_not_meet() -> None:
    counters, wrong = np.zeros(3, np.uint32), []

    def many(k: int) -> None:
        counter, x = counters[k : k + 1], np.full((3, 8), 1 + k, np.float32)
        for again in range(9):
            total = np.zeros(1, np.float32)
            x[:] = 1 + k
            with sim.simulation(sim.ORDERS[again % 3], seed=again):
                try:
                    run(
                        NORMALISED, 3, 8, x, total, counter, np.int32(again % 2),
                        shared=32, cooperative=again % 3 < 2,
                    )  # fmt: skip
                except sim.SimulationError:
                    wrong.append((k, again))
                else:  # without a barrier a block divides by what has come so far
                    if again % 2 and not np.all(x == np.float32(6 / 24)):
                        wrong.append((k, -again))

    threads = [threading.Thread(target=many, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wrong) == [(k, 5) for k in range(3)]  # a barrier, and no cooperative launch


# --- races in global memory --------------------------------------------------------------------

ACROSS = """
x[blockIdx.x] = 1;
grid_barrier(counter);
y[blockIdx.x] = x[(blockIdx.x + 1) % gridDim.x];
"""
LAST_ONE = """
__shared__ bool last;
if (threadIdx.x == 0) {
  x[blockIdx.x] = 1 + blockIdx.x;
  __threadfence();
  last = atomicAdd(counter, 1u) == gridDim.x - 1;
}
__syncthreads();
if (last && threadIdx.x < gridDim.x) y[threadIdx.x] = x[threadIdx.x];
"""
TURNED = """
x[threadIdx.x] = 1;
__syncthreads();
y[threadIdx.x] = x[3 - threadIdx.x];
"""
OPERANDS = "unsigned* counter, float* x, float* y"


RACES = [
    (
        ACROSS,
        "grid_barrier(counter);",
        r"thread \(0,0,0\) (writes|reads) a word of global memory that thread \(0,0,0\) of "
        r"block \(\d,0,0\) (read|wrote), with no grid barrier between them, at test.cu:\d and",
    ),
    (
        LAST_ONE,
        "__threadfence();",
        r"reads a word of global memory that thread \(0,0,0\) of block \(\d,0,0\) wrote, with "
        r"no grid barrier between them, at test.cu:9 and test.cu:4",
    ),
    (
        TURNED,
        "__syncthreads();",
        r"thread \(\d,0,0\) (writes|reads) a word of global memory that thread \(\d,0,0\) "
        r"(read|wrote), with no barrier between them",
    ),
]
RIGHT = kernels([body for body, _, _ in RACES], OPERANDS, ["grid.cuh"])
WRONG = kernels([body.replace(needed, "") for body, needed, _ in RACES], OPERANDS, ["grid.cuh"])


@pytest.mark.parametrize("which", range(len(RACES)))
def test_races_in_global_memory_are_reported(which: int) -> None:
    body, _, words = RACES[which]
    threads, blocks = (4, 1) if body is TURNED else (1, 4) if body is ACROSS else (8, 4)
    for order in sim.ORDERS:
        counter, x, y = np.zeros(1, np.uint32), np.zeros(4, np.float32), np.zeros(4, np.float32)
        how = {"cooperative": "grid" in body}
        with sim.simulation(order, seed=3, watched=True):
            run(RIGHT[which], blocks, threads, counter, x, y, **how)
            assert np.all(y == (np.arange(1, 5) if body is LAST_ONE else 1))
            with pytest.raises(sim.SimulationError, match=words):
                run(WRONG[which], blocks, threads, counter * 0, x, y)


def test_neighbouring_bytes_and_atomics_do_not_race() -> None:
    simulated = kernel(
        "mask[blockIdx.x * 4 + threadIdx.x] = threadIdx.x % 2;\n"
        "atomicAdd(total, 1);\n*static_cast<volatile int*>(flag) = 1;",
        "bool* mask, int* total, int* flag",
    )
    mask, total, flag = np.zeros((3, 4), bool), np.zeros(1, np.int32), np.zeros(1, np.int32)
    with sim.simulation("shuffled", watched=True):
        run(simulated, 3, 4, mask, total, flag)
    assert np.array_equal(mask, np.tile([False, True], (3, 2)))
    assert (total[0], flag[0]) == (12, 1)


def test_an_atomic_in_shared_memory_races_with_a_plain_access() -> None:
    body = "__shared__ int n; if (threadIdx.x == 0) n = 0;\nif (threadIdx.x) atomicAdd(&n, 1);"
    simulated = kernel(body, "int* x")
    words = "race: .* shared memory .* no barrier between them, at test.cu:2 and test.cu:1"
    with pytest.raises(sim.SimulationError, match=words), sim.simulation(watched=True):
        run(simulated, 1, 4, np.zeros(1, np.int32))


def test_an_atomic_out_of_bounds_is_reported() -> None:
    simulated = kernel("atomicAdd(x + threadIdx.x, 1);", "int* x")
    words = r"out of bounds: thread \(2,0,0\) writes 4 bytes at byte 8 of array 0.*at test.cu:1"
    with pytest.raises(sim.SimulationError, match=words), sim.simulation(watched=True):
        run(simulated, 1, 4, np.zeros(2, np.int32))
