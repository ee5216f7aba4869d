"""What the x-ray of a kernel counts, against counts worked out by hand; and its words."""

from typing import Any

import numpy as np
import pytest
from cuda.on_sim import DTYPES, drawn, needs_compiler
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import RUNGS
from tinygrad_ed.kernels.cuda.declared import KERNELS
from tinygrad_ed.kernels.cuda.sources import text_of
from tinygrad_ed.kernels.cuda.xray import Xray, header, kernel_code, numbers_for_each, told, xray

M, K, N = 32, 8, 32
WARPS = M * N // 32
"""A thread for each entry of C."""


def product(rung: str, sizes: tuple[int, int, int] = (M, K, N), dtype: str = "float32") -> Xray:
    A, B = drawn(sizes[:2], dtype, 0), drawn(sizes[1:], dtype, 1)
    C = np.empty((sizes[0], sizes[2]), dtype)
    found = xray(f"product_{rung}", dtype, (A, B, C, None, 0, None, 0))
    np.testing.assert_allclose(C, A @ B, rtol=0.02 if "f" in rung[-3:] else 1e-4, atol=1e-4)
    return found


def memory(found: Xray, kind: str) -> tuple[int, int, int]:
    return found.total(kind), found.total(kind, "sectors"), found.total(kind, "ideal_sectors")


@needs_compiler
class TestCounts:
    def test_a_warp_of_naive_is_in_32_rows_of_a(self) -> None:
        """For each k: 32 rows of A, which lie 8 numbers, so a sector, apart; one number of B."""
        found = product("naive")
        assert memory(found, "global load") == (2 * K * WARPS, K * WARPS * 33, K * WARPS * 5)
        assert memory(found, "global store") == (WARPS, 32 * WARPS, 4 * WARPS)
        assert found.shared == found.total("shared load") == found.total("barrier") == 0

    def test_a_warp_of_coalesced_is_in_one(self) -> None:
        """For each k: one number of A; 32 neighbours of B, which are 4 sectors."""
        found = product("coalesced")
        assert memory(found, "global load") == (2 * K * WARPS, K * WARPS * 5, K * WARPS * 5)
        assert memory(found, "global store") == (WARPS, 4 * WARPS, 4 * WARPS)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_number_of_a_tile_serves_16_times(self, dtype: str) -> None:
        found = product("shared_tile", (32, 32, 32), dtype)
        size, operations = int(dtype[5:]) // 8, 32**3
        assert numbers_for_each(found, operations, size) == (2 / 16, 2)
        assert found.shared == 2 * 16 * 16 * size
        blocks, steps = 4, 2
        assert found.total("barrier") == 2 * blocks * steps

    def test_a_thread_tile_needs_what_its_header_says(self) -> None:
        """1/8 + 1/8 numbers from shared memory; those of A lie in columns, which conflict."""
        found = product("thread_tile_2d", (64, 16, 64))
        assert numbers_for_each(found, 64 * 16 * 64, 4)[1] == 2 / 8
        (conflicts,) = [line for line in found.lines() if "a[r] = A[row + r][k]" in line.text]
        # lanes of a warp are in 4 rows of threads, whose rows of A are 8 x 8 numbers apart
        assert [row.worst for row in conflicts.rows] == [4]

    def test_dynamic_shared_memory_counts_too(self) -> None:
        found = product("pipelined", (8, 8, 8))
        assert found.shared == found.grid.shared > 0

    def test_what_a_header_does_for_a_kernel_stands_at_the_kernels_line(self) -> None:
        found = product("shared_tile", (16, 16, 16))
        (line,) = [line for line in found.lines() if line.text.startswith("fetch_a<")]
        assert {(row.file, row.kind) for row in line.rows} == {
            ("product.cuh", "global load"),
            ("product.cuh", "shared store"),
        }
        assert sum(len(line.rows) for line in found.lines()) == len(found.rows)

    def test_a_deleted_barrier_is_a_race(self) -> None:
        ones, C = np.ones((16, 32), np.float32), np.empty((16, 16), np.float32)
        broken = text_of("shared_tile.cu").replace("__syncthreads();", ";", 1)
        with pytest.raises(sim.SimulationError, match=r"race: .* shared_tile.cu:28"):
            operands = (ones, ones.T, C, None, 0, None, 0)
            xray("product_shared_tile", "float32", operands, text=broken)


def test_operands_that_do_not_fit_are_named() -> None:
    x = np.ones(6, np.float32)
    with pytest.raises(ValueError, match=r"softmax_rows \(float32\) .*: \(6,\), \(5,\), 3"):
        xray("softmax_rows", "float32", (x, x[:5], 3))


def row(kind: str, **columns: Any) -> sim.Row:
    return sim.Row("k", "k.cu", 1, "", kind, 1, 32, 128, **columns)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (row("global load", sectors=4, ideal_sectors=4), "coalesced: "),
        (row("global load", sectors=5, ideal_sectors=4), "nearly coalesced"),
        (row("global store", sectors=32, ideal_sectors=4), "8.0 times as many"),
        (row("shared load", passes=1, ideal_passes=1, worst=1), "no conflicts"),
        (row("shared load", passes=4, ideal_passes=1, worst=4), "up to 4 different words"),
        (sim.Row("k", "k.cu", 1, "", "barrier", 6), "each block waits 3 times"),
        (sim.Row("k", "k.cu", 1, "", "barrier", 2), "each block waits once"),
    ],
)
def test_a_row_in_words(found: sim.Row, words: str) -> None:
    assert words in told(found, 2)


@pytest.mark.parametrize("file", sorted({kernel.file for kernel in KERNELS.values()}))
def test_every_file_says_what_it_is_for(file: str) -> None:
    words = header(file)
    assert words[""]
    for part in ("Idea", "Prediction", "Next bottleneck"):
        assert words[part].endswith((".", ")", ":")), part
    assert "//" not in "".join(words.values())


@pytest.mark.parametrize("rung", RUNGS)
def test_the_code_of_a_rung_is_its_file_without_the_header(rung: str) -> None:
    code = kernel_code(f"{rung}.cu")
    assert code in text_of(f"{rung}.cu")
    assert "#include" not in code
    assert f"matmul_{rung}" in code
