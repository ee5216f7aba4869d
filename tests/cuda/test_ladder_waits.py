"""Each barrier and each wait of the products is needed: without it, the tests would notice."""

import re

import numpy as np
import pytest
from cuda.gpu_machine import simulator_only
from cuda.on_sim import drawn, needs_compiler, product_kernel
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import RUNGS, CudaKernel
from tinygrad_ed.kernels.cuda.sources import text_of

pytestmark = [needs_compiler, simulator_only]
WAIT = re.compile(r"(__syncthreads\(\)|cp_async_commit\(\)|cp_async_wait<[^>]*>\(\));")


def waits(rung: str) -> list[re.Match[str]]:
    return list(WAIT.finditer(text_of(f"{rung}.cu")))


LIKE_BF16 = {"tf32", "tf32x3"}
"""The waits of these are the very lines of `bf16`: all stand in `pipeline.cuh`."""
EACH = [
    (rung, k, found[1])
    for rung in RUNGS
    if rung not in LIKE_BF16
    for k, found in enumerate(waits(rung))
]


def without(rung: str, which: int) -> CudaKernel:
    """The rung's kernel for small products, without one of its waits."""
    text, found = text_of(f"{rung}.cu"), waits(rung)[which]
    return product_kernel(rung, "float32", -1, text[: found.start()] + ";" + text[found.end() :])


def what_shows(kernel: CudaKernel, how: dict[str, object]) -> str:
    """The report of a run, or "wrong" if its result is; "" if nothing is to be seen.

    K takes more tiles than a ring has places for, and one block goes through several tiles of C.
    """
    A, B = drawn((70, 200), "float32", 0), drawn((200, 70), "float32", 1)
    C = np.empty((70, 70), "float32")
    launch = kernel.prepared((A, B, C, None, 0, None, 0))
    assert launch is not None
    blocks = 1 if launch.grid.shared else launch.grid.blocks
    try:
        with sim.simulation(**how):  # type: ignore[arg-type]
            launch.kernel(launch.grid._replace(blocks=blocks), launch.words, launch.arrays)
    except sim.SimulationError as error:
        return str(error)
    return "" if np.allclose(C, A @ B, rtol=0.1, atol=1) else "wrong"


@pytest.mark.parametrize(("rung", "which", "what"), EACH)
def test_each_wait_is_needed_and_missed(rung: str, which: int, what: str) -> None:
    found = what_shows(without(rung, which), {"watched": True})
    assert re.search(r"matmul_\w+<float.*race|copy|^wrong$", found), found


@pytest.mark.parametrize(("rung", "which"), [("shared_tile", 0), ("pipelined", 1)])
def test_a_missing_wait_shows_without_watching_too(rung: str, which: int) -> None:
    """As NaN. (Tensor cores compute an entry again that is NaN, which would hide it.)"""
    broken = without(rung, which)
    for order in sim.ORDERS:
        assert what_shows(broken, {"order": order}) == "wrong"


@pytest.mark.parametrize("rung", ["shared_tile", "pipelined", "bf16"])
def test_a_whole_rung_shows_nothing(rung: str) -> None:
    kernel = product_kernel(rung, "float32", -1, text_of(f"{rung}.cu"))
    assert what_shows(kernel, {"watched": True}) == ""


def test_there_are_waits_to_delete() -> None:
    rings = {"pipelined", "bf16"}
    for rung in RUNGS:
        count = sum(each[0] == rung for each in EACH)
        if rung in {"naive", "coalesced", *LIKE_BF16}:
            assert count == 0
        else:
            assert count == (5 if rung in rings else 2)
    places = [[text_of(f"{r}.cu")[: w.start()].count("#line") for w in waits(r)] for r in LIKE_BF16]
    assert all(len(found) == 5 and len(set(found)) == 1 for found in places)  # one file has them
