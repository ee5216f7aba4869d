"""The CUDA part of `matmul.py`: every rung of the ladder and cuBLAS, by the GPU's own clock.

All in one process, in turn. The operands stay where the GPU's cache keeps them, for everybody. A
rung's rate stands beside the peak of what it computes with: the multiply-adds that `gpu_peak.py`
reaches here, or for tensor cores what NVIDIA says of the chip; and beside cuBLAS in the mode that
promises the same accuracy (3xTF32 does three products for one). Errors are against the product in
float64, as a multiple of float32 cuBLAS's (of NumPy's, where there is no GPU).
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cublas
import gpu_facts
import gpu_peak
import numpy as np
import plots
from commandline import OURS, chosen_modes, setting
from gpu_timing import Clock, EventClock, WallClock, in_turn
from report import deliver, middle, ratio, times
from tinygrad_ed.kernels.cuda import RUNGS, CupyMachine, Library, SimulatedMachine
from workloads import Product

MODE_OF = {"tf32": "tf32", "bf16": "bf16"}
"""Rung -> the mode of cuBLAS that promises what it does; all others promise float32's accuracy."""
UNITS = {**MODE_OF, "tf32x3": "tf32"}
"""Rung -> the tensor cores that it uses."""
PATIENCE = {"naive": 2 * 2048**3, "coalesced": 2 * 4096**3, "shared_tile": 2 * 4096**3}
"""Rung -> the most flops that we wait for."""
Who = tuple[str, str]
"""(peer, rung or mode)."""


def default() -> Iterator[Product]:
    """Squares; at one size the layouts of a layer's three products, and float64."""
    for size in (256, 512, 1024, 2048, 4096, 8192):
        layouts = ("NN", "NT", "TN") if size == 4096 else ("NN",)
        yield from (Product(size, size, size, "float32", layout) for layout in layouts)
    yield from (Product(size, size, size, "float64", "NN") for size in (1024, 4096))


def tiny() -> Iterator[Product]:
    """Products that are simulated in no time."""
    yield from (Product(33, 20, 17, "float32", layout) for layout in ("NN", "NT", "TN"))
    yield Product(20, 33, 8, "float64", "NN")


@dataclass
class Bench:
    """A machine with its clock, and the products on it.

    Attributes:
        xp: Its array module.
        library: Our kernels there.
        clock: How it is timed.
        peer: Whose product stands beside ours.
    """

    xp: Any
    library: Library
    clock: Clock
    peer: str

    @classmethod
    def on(cls, device: str) -> "Bench":
        """The GPU, or the simulator."""
        if device == "cuda-sim":
            return cls(np, Library(SimulatedMachine(), np), WallClock(), "numpy")
        import cupy

        return cls(cupy, Library(CupyMachine(), cupy), EventClock(cupy), "cublas")

    @property
    def modes(self) -> dict[str, tuple[str, ...]]:
        """Peer -> its ways, for the command line."""
        theirs = ("matmul",) if self.peer == "numpy" else tuple(cublas.MODES)
        return {OURS: tuple(RUNGS), self.peer: theirs}

    def peers_call(self, p: Product, A: Any, B: Any, C: Any, mode: str) -> Callable[[], object]:
        """A product by the peer."""
        if self.peer == "cublas":
            return cublas.product(self.xp, p, A, B, C, mode)
        left, right = p.factors(A, B)
        return lambda: np.matmul(left, right, out=C)

    def ceilings(self) -> dict[str, dict[str, float]]:
        """What the machine can do; nothing for a simulated one."""
        if self.peer == "numpy":
            return {"peak": {}, "bandwidth": {}}
        chip = gpu_peak.chip(self.xp)
        adds = gpu_peak.multiply_adds(self.library.machine, self.xp, self.clock, chip.processors)
        return {
            "peak": {**adds, **gpu_peak.tensor_cores(chip)},
            "bandwidth": {"memory": gpu_peak.memory(self.xp, self.clock)},
        }


@dataclass
class Case:
    """What was measured of one product.

    Attributes:
        product: Which.
        seconds: Of one call, round by round.
        errors: The greatest distance from the product in float64.
    """

    product: Product
    seconds: dict[Who, list[float]] = field(default_factory=dict)
    errors: dict[Who, float] = field(default_factory=dict)

    def beside(self, who: Who, peer: str) -> Who:
        """The peer's way that promises the same accuracy."""
        if peer == "numpy":
            return peer, "matmul"
        if who[0] == peer:
            return who
        return peer, MODE_OF.get(who[1], self.product.dtype)

    def rates(self, who: Who) -> list[float]:
        """Flops per second in each round."""
        return [self.product.flops / seconds for seconds in self.seconds[who]]


def measured(
    bench: Bench, p: Product, pairs: list[Who], arguments: argparse.Namespace
) -> tuple[Case, list[dict[str, str]]]:
    """One product by all who do it, and who was left out and why."""
    A, B = map(bench.xp.asarray, p.operands())
    left, right = p.factors(A, B)
    exact = None
    if p.dtype == "float32":
        exact = bench.xp.matmul(left.astype("float64"), right.astype("float64"))
    case, skipped, calls = Case(p), [], {}

    def leave(who: Who, why: str) -> None:
        skipped.append({"peer": who[0], "mode": who[1], "case": p.key, "why": why})

    for who in pairs:
        peer, way = who
        # Not zeros and not an earlier result: what is not written must show.
        C = bench.xp.full((p.M, p.N), np.nan, p.dtype)
        if peer != OURS:
            if peer == "cublas" and way not in cublas.modes_of(p.dtype):
                continue
            call = bench.peers_call(p, A, B, C, way)
        elif p.flops > PATIENCE.get(way, 1e99):
            leave(who, "too slow for this size")
            continue
        elif way in UNITS and p.dtype != "float32":
            continue  # tensor cores of this kind have no float64
        else:
            kernel = bench.library.get(RUNGS[way].name, p.dtype)
            launch = kernel.prepared((left, right, C, None, 0, None, 0))
            if launch is None:
                leave(who, "failed: the kernel does not take these operands")
                continue
            call = launch.run
        try:
            call()
            error = 0.0 if exact is None else float(abs(C - exact).max())
            wrong = bool(bench.xp.isnan(C).any())
        except Exception as problem:
            leave(who, f"failed: {type(problem).__name__}: {problem}"[:200].splitlines()[0])
            continue
        if wrong:
            leave(who, "failed: entries were not written")
            continue
        calls[who], case.errors[who] = call, error
    case.seconds = in_turn(calls, bench.clock, arguments.rounds, arguments.seconds)
    return case, skipped


def rows_of(case: Case, bench: Bench, peak: dict[str, float]) -> list[dict[str, Any]]:
    """A product's rows of the JSON."""
    p, found = case.product, []
    base = case.errors.get((bench.peer, "matmul" if bench.peer == "numpy" else "float32"))
    for who in case.seconds:
        beside = case.beside(who, bench.peer)
        unit = UNITS.get(who[1], p.dtype)
        rates = case.rates(who)
        rate = statistics.median(rates)
        of_peer = ratio(case.seconds[beside], case.seconds[who]) if beside in case.seconds else None
        found.append({
            "case": p.key, "shape": [p.M, p.N, p.K], "dtype": p.dtype, "layout": p.layout,
            "peer": who[0], "rung": who[1],
            "gflops": rate / 1e9, "min": min(rates) / 1e9, "max": max(rates) / 1e9,
            "peak_share": rate / peak[unit] if unit in peak else None,
            "beside": beside[1], "of_peer": middle(of_peer), "range": of_peer,
            "error": case.errors[who],
            "error_ratio": case.errors[who] / base if base else None,
            "flops_per_byte": p.flops / p.size,
        })  # fmt: skip
    return found


def table(rows: list[dict[str, Any]], peer: str) -> list[str]:
    """The rows for a reader."""
    lines = [
        f"| M x N x K | type | layout | peer | rung | TFLOP/s (range) | of peak "
        f"| of {peer}'s rate | beside | error / float32's |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        M, N, K = row["shape"]
        share, error = row["peak_share"], row["error_ratio"]
        lines.append(
            f"| {M} x {N} x {K} | {row['dtype']} | {row['layout']} | {row['peer']} | {row['rung']} "
            f"| {row['gflops'] / 1e3:.4g} ({row['min'] / 1e3:.4g}-{row['max'] / 1e3:.4g}) "
            f"| {'-' if share is None else format(share, '.0%')} | {times(row['range'])} "
            f"| {row['beside']} | {'-' if error is None else format(error, '.3g')} |"
        )
    return lines


def run(arguments: argparse.Namespace, asked: list[Product] | None) -> None:
    """Measures, prints, and writes what was asked for; `asked` are products other than usual."""
    bench = Bench.on(arguments.device)
    pairs = chosen_modes(arguments.peers, bench.modes)
    rows, skipped = [], []
    with gpu_facts.Clocks() as clocks:
        ceilings = bench.ceilings()
        for p in asked or list(tiny() if arguments.smoke else default()):
            case, left_out = measured(bench, p, pairs, arguments)
            rows += rows_of(case, bench, ceilings["peak"])
            skipped += left_out
    gpu = {**gpu_facts.gpu(), **clocks.found()} if arguments.device == "cuda" else {}

    def plot(path: Path) -> None:
        plots.roofline(path, rows, **ceilings)

    peaks = [f"{unit} {rate / 1e12:.3g} TFLOP/s" for unit, rate in ceilings["peak"].items()]
    peaks += [f"{where} {rate / 1e9:.0f} GB/s" for where, rate in ceilings["bandwidth"].items()]
    notes = ["", f"- peaks (tf32 and bf16: by NVIDIA): {', '.join(peaks)}"] if peaks else []
    payload = {**ceilings, "rows": rows, "skipped": skipped, "gpu": gpu}
    title = f"Matrix products, {setting(arguments)}"
    deliver(arguments, "matmul", title, [*table(rows, bench.peer), *notes], payload, plot)
