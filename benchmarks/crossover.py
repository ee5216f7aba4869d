"""CPU against GPU: from which size on the GPU is faster, kernel by kernel and network by network.

A kernel is a call of its op on data that lie on the device already, its result made anew, as a user
calls it; matrices are square, rows of softmax and cross-entropy have 128 entries. A network is its
captured training step, by the number of samples in a batch. The CPU may use all its cores.

    python benchmarks/crossover.py --cases matmul,exp,c --plot FILE.png --roofline FILE.png --record
"""

import argparse
import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gpu_facts
import numpy as np
import plots
from commandline import OURS, chosen, options, parsed
from networks import network, step_of, waiting
from report import deliver, ratio, times
from worker import Job
from workloads import CASES, data, tiny

import tinygrad_ed as tg

Call = Callable[[], object]
WIDTH = 128
"""Entries in a row of softmax and cross-entropy."""


@dataclass(frozen=True)
class Kernel:
    """An op at a size.

    Attributes:
        text: What is computed, of what size.
        make: (size, device) -> a call.
        flops, moved: How many operations and bytes a size takes, at least; a function counts as one
            operation.
    """

    text: str
    make: Callable[[int, str], Call]
    flops: Callable[[int], float]
    moved: Callable[[int], float]


def numbers(device: str, *shape: int) -> Any:
    """Normal numbers on a device."""
    rng = np.random.default_rng(0)
    return tg.tensor(rng.standard_normal(shape, dtype=np.float32), device=device)


def _product(n: int, device: str) -> Call:
    A, B = numbers(device, n, n), numbers(device, n, n)
    return lambda: A @ B


def _sum(n: int, device: str) -> Call:
    A, B = numbers(device, n), numbers(device, n)
    return lambda: A + B


def _exp(n: int, device: str) -> Call:
    A = numbers(device, n)
    return lambda: tg.exp(A)


def _softmax(n: int, device: str) -> Call:
    A = numbers(device, n // WIDTH, WIDTH)
    return lambda: tg.softmax(A)


def _total(n: int, device: str) -> Call:
    A = numbers(device, n)
    return lambda: A.sum()


def _cross_entropy(n: int, device: str) -> Call:
    Z = numbers(device, n // WIDTH, WIDTH)
    labels = tg.tensor(np.arange(n // WIDTH) % WIDTH, device=device)
    return lambda: tg.cross_entropy(Z, labels)


KERNELS = {
    "matmul": Kernel("A B, rows", _product, lambda n: 2.0 * n**3, lambda n: 12.0 * n * n),
    "add": Kernel("A + B, numbers", _sum, float, lambda n: 12.0 * n),
    "exp": Kernel("exp A, numbers", _exp, float, lambda n: 8.0 * n),
    "softmax": Kernel("softmax of rows, numbers", _softmax, lambda n: 5.0 * n, lambda n: 8.0 * n),
    "sum": Kernel("sum of A, numbers", _total, float, lambda n: 4.0 * n),
    "cross-entropy": Kernel(
        "cross-entropy of rows, numbers", _cross_entropy, lambda n: 5.0 * n, lambda n: 4.0 * n
    ),
}
NETWORKS = ("c", "d", "e")


def sizes(name: str, smoke: bool) -> list[int]:
    """At which sizes a case is measured, in order."""
    if name == "matmul":
        return [8, 16] if smoke else [2**k for k in range(4, 13)]
    if name in KERNELS:
        return [256, 512] if smoke else [2**k for k in range(10, 27, 2)]
    return [4, 8] if smoke else [4**k for k in range(6 if name == "e" else 8)]


def job(name: str, size: int, device: str, smoke: bool) -> Job:
    """One side of a comparison, ready to be timed."""
    if name in KERNELS:
        call = KERNELS[name].make(size, device)

        def one(i: int) -> None:
            with tg.no_grad():
                call()

        return Job(one, finish=waiting(device), warm=3)
    case = tiny(CASES[name]) if smoke else CASES[name]
    case = replace(case, batch=size, batches=1)
    step = tg.capture(step_of(case, network(case, device)), device=device)
    X, y = (tg.tensor(array, device=device) for array in data(case))

    def train(i: int) -> None:
        step(X, y)

    return Job(train, finish=waiting(device), warm=4)


def measured(name: str, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """A row of the JSON: seconds of a call on both devices, in turn."""
    devices = ("cpu", arguments.device)
    jobs = {device: job(name, size, device, arguments.smoke) for device in devices}
    for each in jobs.values():
        each.warm_up()
    seconds: dict[str, list[float]] = {device: [] for device in devices}
    for _ in range(arguments.rounds):
        for device, each in jobs.items():
            seconds[device].append(1 / each.rate(arguments.seconds))
    here, there = (seconds[device] for device in devices)
    row: dict[str, Any] = {
        "case": name, "size": size, "cpu_s": statistics.median(here),
        "gpu_s": statistics.median(there), "faster": ratio(here, there),
        "peer": name, "rung": "",
    }  # fmt: skip
    if name in KERNELS:
        flops, moved = KERNELS[name].flops(size), KERNELS[name].moved(size)
        row |= {"gflops": flops / row["gpu_s"] / 1e9, "flops_per_byte": flops / moved}
    return row


def overtakes(rows: list[dict[str, Any]]) -> int | None:
    """The size from which on the GPU is faster at all sizes that were measured, if there is one."""
    found = None
    for row in reversed(rows):
        if row["faster"]["median"] <= 1:
            break
        found = row["size"]
    return found


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each case."""
    for name in dict.fromkeys(row["case"] for row in rows):
        mine = [row for row in rows if row["case"] == name]
        size = overtakes(mine)
        if size is None:
            yield f"- {name}: the CPU is not overtaken up to {mine[-1]['size']}"
        else:
            yield f"- {name}: the GPU is faster from {size} on"


def text_of(name: str) -> str:
    """What a case and its size are."""
    return KERNELS[name].text if name in KERNELS else f"network {name}, samples in a batch"


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The rows for a reader."""
    lines = ["| what, by | size | CPU in µs | GPU in µs | CPU / GPU |", "|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {text_of(row['case'])} | {row['size']} | {1e6 * row['cpu_s']:.4g} "
            f"| {1e6 * row['gpu_s']:.4g} | {times(row['faster'])} |"
        )
    return [*lines, "", *summary(rows)]


def roofline(path: Path, rows: list[dict[str, Any]]) -> None:
    """The kernels on the GPU at their greatest size, under what the GPU allows."""
    from matmul_cuda import Bench

    last = {row["case"]: row for row in rows if "gflops" in row}
    ceilings = Bench.on("cuda").ceilings()
    plots.roofline(path, list(last.values()), **ceilings)


def run(arguments: argparse.Namespace) -> None:
    """Measures, prints, and writes what was asked for."""
    names = chosen(arguments.cases, [*KERNELS, *NETWORKS], "--cases")
    tg.set_threads(arguments.threads)
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    with gpu_facts.Clocks() as clocks:
        for name in names:
            for size in sizes(name, arguments.smoke):
                try:
                    rows.append(measured(name, size, arguments))
                except Exception as error:
                    why = f"failed: {type(error).__name__}: {error}"[:200].splitlines()[0]
                    skipped.append({"peer": OURS, "case": f"{name} {size}", "why": why})
    gpu = {**gpu_facts.gpu(), **clocks.found()} if arguments.device == "cuda" else {}
    title = f"Where the GPU overtakes the CPU, {arguments.threads} threads on the CPU"
    if arguments.roofline and rows and arguments.device == "cuda":
        roofline(arguments.roofline, rows)
    payload = {"rows": rows, "skipped": skipped, "gpu": gpu}
    deliver(
        arguments, "crossover", title, table(rows), payload,
        lambda path: plots.crossover(path, rows, text_of),
    )  # fmt: skip


if __name__ == "__main__":
    parser = options(
        __doc__, [*KERNELS, *NETWORKS], {}, rounds=3, seconds=0.05, devices=("cuda", "cuda-sim")
    )
    parser.add_argument("--roofline", type=Path, metavar="FILE", help="draw the kernels' roofline")
    parser.set_defaults(threads=os.cpu_count() or 1)
    run(parsed(parser))
