"""What holds for every kernel but the products: heads, calls in a row, and no barrier too many.

A persistent kernel calls the device functions one after the other, so each is called twice in one
kernel, too. What the simulator watches for: races in shared memory, and between blocks.
"""

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from cuda.kernel_runs import LIBRARY, outputs
from cuda.on_sim import DTYPES, Array, drawn, needs_compiler
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import Library, SimulatedMachine
from tinygrad_ed.kernels.cuda.declared import KERNELS
from tinygrad_ed.kernels.cuda.sources import TYPES, text_of
from tinygrad_ed.kernels.operands import Signature, signature_of
from tinygrad_ed.kernels.sim import SimulatedKernel

pytestmark = needs_compiler
BARRIER = re.compile(r"__syncthreads\(\);|__threadfence\(\);(?=[^}]*atomicAdd)")
"""What is deleted. A fence after an atomic cannot be missed here: the simulator has no caches."""


def flat(n: int, dtype: str) -> Array:
    return drawn((n,), dtype, n)


def written(n: int, dtype: str) -> Array:
    return np.full(n, 77, dtype)


def one(dtype: str) -> Array:
    return np.ones(1, dtype)


def labels(n: int) -> Array:
    return np.arange(n) % 3


SAMPLES: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "slope": lambda d: (written(70, d), flat(70, d), flat(70, d), 3),
    "slope_of_dropped": lambda d: (written(70, d), flat(70, d), flat(70, d), 0.5),
    "advance": lambda d: (np.arange(5), 2),
    "dropout": lambda d: (flat(70, d), written(70, d), 0.3, 5, 6),
    "gather": lambda d: (written(24, d), np.arange(48, dtype=d), labels(9), 2, 3),
    "ordered": lambda d: (written(33 * 70, d), drawn((33, 70), d, 0, "F")),
    "sum_all": lambda d: (flat(4099, d), written(1, d), 0),
    "sum_columns": lambda d: (flat(4100, d), written(4, d), 1025, 1),
    "sum_rows": lambda d: (flat(130 * 64, d), written(64, d), 1),
    "spread": lambda d: (written(60, d), flat(15, d), 5, 4),
    "softmax_rows": lambda d: (flat(2100, d), written(2100, d), 1050),
    "softmax_rows_vjp": lambda d: (written(2100, d), flat(2100, d), flat(2100, d), 1050),
    "log_softmax_rows": lambda d: (flat(99, d), written(99, d), 33),
    "log_softmax_rows_vjp": lambda d: (written(99, d), flat(99, d), flat(99, d), 3),
    "bce_with_logits": lambda d: (
        *(flat(4099, d), np.zeros(4099, d), written(1, d), written(4099, d), one(d), 1.0, 1),
    ),
    "mse": lambda d: (flat(99, d), np.zeros(99, d), written(1, d), written(99, d), one(d), 0),
    "cross_entropy_labels": lambda d: (
        *(flat(1539, d), labels(513), written(1, d), written(1539, d), one(d), 3, 1),
    ),
}
"""Kernel -> operands for a number type; sums of more parts than one, rows of more than a block."""

ONCE = {name: kernel for name, kernel in KERNELS.items() if name in SAMPLES}


def test_there_is_a_sample_for_every_kernel_that_stands_in_the_list() -> None:
    from tinygrad_ed.kernels.cuda import launches

    named = {head for head in vars(launches) if head in KERNELS}
    assert named == SAMPLES.keys()


def test_a_head_is_that_of_the_kernel_of_the_cpu() -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import loaded

    def of_cpu(name: str, dtype: str) -> Signature:
        file = importlib.import_module(f"tinygrad_ed.kernels.cpu.{loaded.FILES[name]}")
        return signature_of(getattr(file, name), dtype)

    apart = {"count_from"}  # a launch reads a counter where it lies
    assert {n for n in loaded.FILES if not n.startswith("product")} - apart == ONCE.keys()
    for name, declared in ONCE.items():
        dtype = declared.dtypes[0]
        found, expected = declared.signature(dtype), of_cpu(name, dtype)
        for part in ("names", "kinds", "roles", "dtype", "equal"):
            assert getattr(found, part) == getattr(expected, part), (name, part)


def text_of_calls(file: str) -> str:
    """The text of a file, and for each of its kernels one that calls it twice."""
    text = text_of(file)
    for name, declared in ONCE.items():
        if declared.file == file:
            struct = name.title().replace("_", "")
            text += (
                f"\ntemplate <class T> __global__ void {name}_twice({struct}<T> o)"
                f" {{ {name}(o); {name}(o); }}"
            )
    return text


def watched(
    text: str, kind: str, name: str, dtype: str, blocks: int, dtypes: Sequence[str]
) -> list[Array]:
    """Runs a kernel on its sample, every access watched; what it has written.

    Args:
        text: What `text_of_calls` gives, or nearly.
        kind: "kernel", or "twice" for two calls of the device function.
        name: The kernel.
        dtype: Its number type.
        blocks: How many.
        dtypes: The types that all kernels of the text are compiled for.
    """
    library = Library(SimulatedMachine(), np)  # with scratch memory of its own
    operands = SAMPLES[name](dtype)
    found = library.get(name, dtype).prepared(operands)
    assert found is not None
    kernels = [
        f"{other}_{kind}<{TYPES[d]}>"
        for other, declared in ONCE.items()
        for kind in ("kernel", "twice")
        for d in declared.dtypes
        if declared.file == ONCE[name].file and (d in dtypes or d == "uint8")
    ]
    kernel = SimulatedKernel(text, kernels, f"{name}_{kind}<{TYPES[dtype]}>")
    with sim.simulation("shuffled", seed=3, watched=True):
        kernel((blocks,), (64,), (found.words,), found.arrays)
    return outputs(name, dtype, operands)


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_races_and_two_calls_in_a_row_have_the_bits_of_two_launches(name: str) -> None:
    text = text_of_calls(ONCE[name].file)
    for dtype in ONCE[name].dtypes:
        operands, kernel = SAMPLES[name](dtype), LIBRARY.get(name, dtype)
        for kind, blocks in (("kernel", 3), ("twice", 1)):
            assert kernel.launch(*operands)
            wanted = outputs(name, dtype, operands)
            for a, b in zip(watched(text, kind, name, dtype, blocks, DTYPES), wanted, strict=True):
                np.testing.assert_array_equal(a, b)


def barriers() -> Iterator[tuple[str, tuple[int, int], str]]:
    """Each barrier once: a `.cu` file, the place in its whole text, and the place as written."""
    seen = set()
    for cu in dict.fromkeys(kernel.file for kernel in ONCE.values()):
        text = text_of(cu)
        for found in BARRIER.finditer(text):
            start = text.rindex("#line ", 0, found.start())
            first, file = re.match(r'#line (\d+) "(.*)"', text[start:]).groups()  # type: ignore[union-attr]
            place = f"{file}:{int(first) + text.count(chr(10), start, found.start()) - 1}"
            if place not in seen:
                seen.add(place)
                yield cu, found.span(), place


@pytest.mark.parametrize(("cu", "at"), [pytest.param(*b[:2], id=b[2]) for b in barriers()])
def test_each_barrier_is_needed_and_missed(cu: str, at: tuple[int, int]) -> None:
    text = text_of_calls(cu)
    broken = text[: at[0]] + ";" + text[at[1] :]
    for name in [name for name, kernel in ONCE.items() if kernel.file == cu]:
        for kind, blocks in (("kernel", 3), ("twice", 1)):
            try:
                watched(broken, kind, name, ONCE[name].dtypes[0], blocks, ["float32"])
            except sim.SimulationError as error:
                assert "race" in str(error)
                return
    pytest.fail("nothing misses it")


def test_there_are_barriers_to_delete() -> None:
    assert [place.partition(":")[0] for *_, place in barriers()] == (
        ["gather.cu"] * 2 + ["reduce.cuh"] * 5 + ["sums.cu"] * 2
    )
