"""What a kernel asks of memory, counted: sectors, banks, barriers, by line."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import PRELUDE, Array, kernel, needs_compiler, run
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda.sources import text_of
from tinygrad_ed.kernels.sim import places
from tinygrad_ed.kernels.sim.profile import ACCESS
from tinygrad_ed.kernels.sim.warps import bank_passes, sectors, warp_accesses

pytestmark = needs_compiler


def numbers(count: int, dtype: Any = np.float32) -> Array:
    """Zeros from a multiple of 16 bytes on."""
    size = np.dtype(dtype).itemsize
    memory = np.zeros(count * size + 16, np.uint8)
    return memory[-memory.ctypes.data % 16 :][: count * size].view(dtype)


def rows_of(simulated: sim.SimulatedKernel, *values: Any) -> dict[tuple[int, str], sim.Row]:
    """A launch of one warp: its rows by line and kind."""
    with sim.profiled() as found:
        run(simulated, 1, 32, *values)
    return {(row.line, row.kind): row for row in found.rows}


LANE = np.arange(32, dtype=np.int32)
ONE_LOAD = kernel(
    "int i = index[threadIdx.x];\nfloat y = x[i];\nif (y == 1)\nx[299] = y;",
    "const int* index, float* x",
)


@pytest.mark.parametrize(
    ("index", "touched", "needed"),
    [
        (LANE, 4, 4),
        (LANE + 1, 5, 4),  # not from a sector on
        (2 * LANE, 8, 4),
        (8 * LANE, 32, 4),
        (31 - LANE, 4, 4),  # in any order
        (0 * LANE, 1, 1),  # all the same word
        (LANE // 4, 1, 1),
    ],
)
def test_sectors_of_a_warp(index: Array, touched: int, needed: int) -> None:
    row = rows_of(ONE_LOAD, index, np.zeros(300, np.float32))[2, "global load"]
    assert (row.file, row.count, row.threads, row.bytes) == ("test.cu", 1, 32, 128)
    assert (row.sectors, row.ideal_sectors) == (touched, needed)
    assert row.coalescing == touched / needed


def test_a_view_lies_where_it_lies_in_its_array() -> None:
    memory = np.zeros(320, np.float32)
    simulated = kernel("x[threadIdx.x] = 1;", "float* x")
    for start in (0, 1, 8):
        (row,) = rows_of(simulated, memory[start:]).values()
        assert (row.kind, row.sectors) == ("global store", 5 if start % 8 else 4)


FROM_BANKS = kernel(
    "__shared__ float s[1100];\nint t = threadIdx.x, i = index[t];\n"
    "for (int j = t; j < 1100; j += 32) s[j] = 1;\n__syncthreads();\nx[t] = s[i];",
    "const int* index, float* x",
)


@pytest.mark.parametrize(
    ("index", "passes", "worst"),
    [
        (LANE, 1, 1),
        (2 * LANE, 2, 2),
        (32 * LANE, 32, 32),
        (33 * LANE, 1, 1),
        (0 * LANE + 7, 1, 1),  # all the same word
        (LANE % 2 * 32, 2, 2),
    ],
)
def test_banks_of_a_warp(index: Array, passes: int, worst: int) -> None:
    found = rows_of(FROM_BANKS, index, np.zeros(32, np.float32))
    row = found[5, "shared load"]
    assert (row.count, row.passes, row.worst) == (1, passes, worst)
    assert row.conflicts == passes - 1
    stores = found[3, "shared store"]
    assert (stores.count, stores.threads, stores.conflicts) == (35, 1100, 0)
    assert found[4, "barrier"].count == 1


VECTORS = kernel(
    "__shared__ float4 s[256];\nint t = threadIdx.x, i = index[t];\n"
    "for (int j = t; j < 256; j += 32) s[j] = make_float4(0, 1, 2, 3);\n__syncthreads();\n"
    "reinterpret_cast<float4*>(x)[t] = s[i];",
    "const int* index, float* x",
)


@pytest.mark.parametrize(
    ("index", "passes", "worst"),
    [(LANE, 4, 1), (2 * LANE, 8, 2), (0 * LANE, 4, 1), (8 * LANE, 32, 8)],
)
def test_vectors_go_in_parts_of_a_warp(index: Array, passes: int, worst: int) -> None:
    found = rows_of(VECTORS, index, numbers(128))
    row = found[5, "shared load"]
    assert (row.bytes, row.passes, row.ideal_passes, row.worst) == (512, passes, 4, worst)
    assert found[5, "global store"].sectors == 16


def test_turns_of_a_loop_are_accesses_of_their_own_whatever_the_order() -> None:
    simulated = kernel(
        "for (int k = 0; k < 3 + (threadIdx.x < 16); k++) x[32 * k + threadIdx.x] += 1;",
        "float* x",
    )
    for order in sim.ORDERS:
        x = np.zeros(128, np.float32)
        with sim.simulation(order, seed=1):
            found = rows_of(simulated, x)
        for kind in ("global load", "global store"):
            row = found[1, kind]
            assert (row.count, row.threads, row.sectors) == (4, 112, 14)


def test_blocks_and_launches_add_up() -> None:
    simulated = kernel("atomicAdd(x + threadIdx.x / 8, 1.f);", "float* x")
    with sim.profiled() as found:
        for _ in range(2):
            run(simulated, 3, 64, np.zeros(8, np.float32))
    (row,) = found.rows
    assert (row.kind, row.count, row.threads) == ("global atomic", 12, 384)
    assert (row.sectors, row.ideal_sectors) == (12, 12)
    assert found.total("global atomic", "bytes") == 4 * 384
    assert found.total("global load") == 0


def test_a_copy_in_the_background_is_a_load_and_a_store_of_the_calling_line() -> None:
    text = (
        f"{text_of('ptx.cuh')}\n{PRELUDE}__global__ void test(const float* v, float* x) {{\n"
        "__shared__ __align__(16) float s[128];\ncp_async_16(s + 4 * threadIdx.x, v + 4 *\n"
        "threadIdx.x);\ncp_async_commit();\ncp_async_wait<0>();\n__syncthreads();\n"
        "x[threadIdx.x] = s[threadIdx.x];\n}"
    )
    with sim.profiled() as found:
        run(sim.SimulatedKernel(text, ["test"], "test"), 1, 32, numbers(128), numbers(32))
    rows = {(row.line, row.kind): row for row in found.rows}
    assert rows[3, "global load"].sectors == 16
    assert rows[3, "shared store"].conflicts == 0
    assert {row.file for row in found.rows} == {"test.cu"}


@pytest.mark.parametrize(("row", "passes", "worst"), [(32, 16, 4), (40, 4, 1)])
def test_rows_of_matrices_want_a_padded_tile(row: int, passes: int, worst: int) -> None:
    """The first words of 8 rows of 64 bytes lie in two banks, of rows of 80 bytes in eight."""
    text = (
        f"{text_of('ptx.cuh')}\n{PRELUDE}__global__ void test(unsigned* x) {{\n"
        f"__shared__ __align__(16) unsigned short s[32 * {row}];\nunsigned a[4];\n"
        f"load_matrices(a, s + threadIdx.x * {row});\nx[threadIdx.x] = a[3];\n}}"
    )
    found = rows_of(sim.SimulatedKernel(text, ["test"], "test"), np.zeros(32, np.uint32))
    loads = found[4, "shared load"]
    assert (loads.count, loads.bytes, loads.passes, loads.worst) == (1, 512, passes, worst)


def test_a_line_that_was_inlined_names_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        '#line 1 "one.cuh"\n__device__ __forceinline__ void set(float* at) { *at = 1; }\n'
        f"{PRELUDE}__global__ void test(float* x) {{\nset(x);\nset(x + 1); }}"
    )
    simulated = sim.SimulatedKernel(text, ["test"], "test")
    with sim.profiled() as found:
        run(simulated, 1, 1, np.zeros(2, np.float32))
    assert [(row.file, row.line, row.caller) for row in found.rows] == [
        ("one.cuh", 1, "test.cu:2"),
        ("one.cuh", 1, "test.cu:3"),
    ]
    monkeypatch.setattr(places, "_tool", lambda: None)
    monkeypatch.setattr(places, "_known", {})
    with sim.profiled() as found:
        run(simulated, 1, 1, np.zeros(2, np.float32))
    assert [(row.file, row.line, row.threads) for row in found.rows] == [("?", 0, 2)]


# --- the counting, against loops ---------------------------------------------------------------


def passes_by_loops(addresses: Iterable[int], size: int) -> tuple[int, int, int]:
    """One warp: bank by bank."""
    total = ideal = worst = 0
    lanes = list(addresses)
    width = min(32, 128 // max(size, 4))
    for part in (lanes[i : i + width] for i in range(0, 32, width)):
        words = {(a + b) // 4 for a in part for b in range(size)}
        if words:
            most = max(sum(w % 32 == bank for w in words) for bank in range(32))
            total, ideal, worst = total + most, ideal + 1, max(worst, most)
    return total, ideal, worst


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([1, 2, 4, 8, 16]), st.data())
def test_counting_agrees_with_loops(size: int, data: st.DataObject) -> None:
    """Several warps, each with some of its lanes, in a mixed order of threads."""
    active = st.lists(st.integers(0, 31), min_size=1, max_size=32, unique=True)
    warps = data.draw(st.lists(active, min_size=1, max_size=3))
    seed = data.draw(st.integers(0, 99))
    random = np.random.default_rng(seed)
    threads = np.concatenate([32 * w + np.array(lanes) for w, lanes in enumerate(warps)])
    threads = random.permutation(threads)
    accesses = np.zeros(2 * threads.size, ACCESS)
    accesses["thread"] = np.concatenate([threads, random.permutation(threads)])  # twice each
    accesses["bytes"] = size
    accesses["address"] = 4096 + size * random.integers(0, 200, accesses.size)
    group, first = warp_accesses(accesses)
    assert first.size == 2 * len(warps)
    bytes_of = accesses["bytes"].astype(np.int64)
    address = accesses["address"].astype(np.int64)
    lane = accesses["thread"] % 32
    found = np.hstack(
        [
            bank_passes(group, address, bytes_of, lane, first.size),
            sectors(group, address, bytes_of, first.size),
        ]
    )
    half = threads.size
    for g in range(first.size):
        chosen = np.flatnonzero(group == g)
        assert len({k // half for k in chosen}) == 1  # a thread's first access, or its second
        assert len({t // 32 for t in accesses["thread"][chosen].tolist()}) == 1
        of_lane = dict(zip(lane[chosen].tolist(), address[chosen].tolist(), strict=True))
        width = min(32, 128 // max(size, 4))
        expected = [0, 0, 0]
        for part in range(0, 32, width):
            here = [of_lane[k] for k in range(part, part + width) if k in of_lane]
            if here:
                most, one, worst = passes_by_loops(here, size)
                expected = [expected[0] + most, expected[1] + one, max(expected[2], worst)]
        touched = {(a + b) // 32 for a in of_lane.values() for b in range(size)}
        filled = len({a + b for a in of_lane.values() for b in range(size)})
        assert found[g].tolist() == [*expected, len(touched), -(-filled // 32)]
