"""How long until something runs, and how much memory it takes: imports, first steps, new networks.

Each number comes from a fresh process; the cases take turns (A B C A B C …), so that a machine
whose speed drifts slows all of them alike. A case is timed alone, after what stands before its
clock; "whole process" counts from the moment the parent asked for it. With an empty kernel cache
every kernel is compiled again, so those cases run three times at most.

    python benchmarks/startup.py --rounds 15 --json FILE
    python benchmarks/startup.py --cases import,captured-warm --record
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plots
from commandline import OURS, chosen, chosen_modes, cores_for, options
from harness import missing
from report import deliver

TIMER = """
import os, sys, time
if {cores} and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {cores})
{before}
start = float(sys.argv[1]) if {whole} else time.perf_counter()
{timed}
passed = time.perf_counter() - start
try:  # the peak of this program alone; getrusage also counts its parent's
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
except (OSError, StopIteration):
    peak = float("nan")
print(passed, peak)
"""

BOTH = "import numpy as np, tinygrad_ed as tg"

STEP = """
X = tg.tensor(np.ones((32, 30), "float32"), device="{device}")
t = tg.tensor(np.ones((32, 1), "float32"), device="{device}")
model = tg.nn.Sequential(tg.nn.Linear(30, 64, activation="relu", seed=0, device="{device}"),
                         tg.nn.Linear(64, 1, seed=0, device="{device}"))
optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)
tg.bce_with_logits(model(X), t).backward()
optimizer.step()
"""

BUILD = """
import numpy as np, tinygrad_ed as tg

def build(layers):
    first = tg.nn.Linear(30, 64, activation="relu", seed=0, device="cpu")
    inner = [tg.nn.Linear(64, 64, activation="relu", seed=k, device="cpu")
             for k in range(1, layers - 1)]
    model = tg.nn.Sequential(first, *inner, tg.nn.Linear(64, 1, seed=0, device="cpu"))
    optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)

    def step(X, t):
        loss = tg.bce_with_logits(model(X), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step

rng = np.random.default_rng(0)
X = tg.tensor(rng.standard_normal((32, 30), dtype="float32"), device="cpu")
t = tg.tensor((rng.random((32, 1)) > 0.5).astype("float32"), device="cpu")
"""

CAPTURED = "tg.capture(build({layers}))(X, t).item()\n"

NEW = "step = build({layers})"


@dataclass(frozen=True)
class Start:
    """A case: what happens before the clock starts, and what is timed.

    Attributes:
        text: What it is, for a table.
        before: Program text that is not timed.
        timed: Program text that is.
        whole: Time the whole process, the start of Python included.
        cold: With an empty kernel cache.
        peer: Whose start it is.
    """

    text: str
    before: str
    timed: str
    whole: bool = False
    cold: bool = False
    peer: str = OURS


CASES = {
    "numpy": Start("import numpy", "", "import numpy"),
    "import": Start("import tinygrad_ed, after numpy", "import numpy", "import tinygrad_ed"),
    "import-torch": Start(
        "import torch, after numpy", "import numpy", "import torch", peer="torch"
    ),
    "import-jax": Start("import jax, after numpy", "import numpy", "import jax", peer="jax"),
    "step-numpy": Start("first step, device numpy", BOTH, STEP.format(device="numpy")),
    "step-cpu": Start("first step, device cpu, kernels cached", BOTH, STEP.format(device="cpu")),
    "captured-cold": Start(
        "whole process to the first captured step of c, empty kernel cache",
        "", BUILD + CAPTURED.format(layers=3), whole=True, cold=True,
    ),
    "captured-warm": Start(
        "whole process to the first captured step of c, kernels cached",
        "", BUILD + CAPTURED.format(layers=3), whole=True,
    ),
    "network-2": Start(
        "a new network of 2 layers in a warm process, capture to first step",
        BUILD + CAPTURED.format(layers=3) + NEW.format(layers=2), "tg.capture(step)(X, t).item()",
    ),
    "network-20": Start(
        "a new network of 20 layers in a warm process, capture to first step",
        BUILD + CAPTURED.format(layers=3) + NEW.format(layers=20), "tg.capture(step)(X, t).item()",
    ),
}  # fmt: skip
MODES = {OURS: ("start",), "torch": ("import",), "jax": ("import",)}
PACKAGES = {"torch": "torch", "jax": "jax"}
COLD_ROUNDS = 3


def once(case: Start, arguments: argparse.Namespace) -> tuple[float, float]:
    """Milliseconds by that process's own clock, and its peak of memory in MB.

    Raises:
        RuntimeError: The process said why it could not; "skip: …" where that is no fault.
    """
    text = TIMER.format(
        cores=cores_for(arguments), before=case.before, timed=case.timed, whole=case.whole
    )
    threads = str(arguments.threads)
    environment = {**os.environ, "TINYGRAD_ED_THREADS": threads, "OMP_NUM_THREADS": threads}
    with tempfile.TemporaryDirectory() as folder:
        if case.cold:
            environment |= {"TINYGRAD_ED_CACHE": folder, "NUMBA_CACHE_DIR": folder}
        program = Path(folder) / "start.py"
        program.write_text(text, encoding="utf-8")
        command = [sys.executable, str(program), repr(time.perf_counter())]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no word"])[-1])
    milliseconds, peak = done.stdout.split()[-2:]
    return 1e3 * float(milliseconds), float(peak)


def measure(
    names: list[str], arguments: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Median and spread of each case over interleaved rounds, and what was left out."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    skipped: list[dict[str, str]] = []

    def leave(name: str, why: str) -> None:
        del found[name]
        why = why.removeprefix("skip: ") if why.startswith("skip: ") else f"failed: {why}"
        skipped.append({"peer": CASES[name].peer, "case": name, "why": why})

    for name in names:
        if why := missing(CASES[name].peer, PACKAGES):
            leave(name, f"skip: {why}")
    for k in range(arguments.rounds + 1):  # one is not counted: files into memory, kernels cached
        for name in list(found):
            if CASES[name].cold and not 0 < k <= COLD_ROUNDS:
                continue
            try:
                one = once(CASES[name], arguments)
                found[name] += [one] if k else []
            except RuntimeError as error:
                leave(name, str(error))
    return [_row(name, runs) for name, runs in found.items()], skipped


def _row(name: str, runs: list[tuple[float, float]]) -> dict[str, Any]:
    times = [time for time, _ in runs]
    return {
        "case": name,
        "peer": CASES[name].peer,
        "mode": "",
        "text": CASES[name].text,
        "processes": len(runs),
        "median_ms": round(statistics.median(times), 2),
        "min_ms": round(min(times), 2),
        "max_ms": round(max(times), 2),
        "peak_mb": round(statistics.median(peak for _, peak in runs), 1),
    }


def run(arguments: argparse.Namespace) -> None:
    """Measures, prints, and writes what was asked for."""
    peers = {peer for peer, _ in chosen_modes(arguments.peers, MODES)}
    names = [
        name for name in chosen(arguments.cases, CASES, "--cases") if CASES[name].peer in peers
    ]
    rows, skipped = measure(names, arguments)
    table = [
        "| case | median ms | min | max | peak memory MB |",
        "|---|---|---|---|---|",
        *("| {text} | {median_ms} | {min_ms} | {max_ms} | {peak_mb} |".format(**row)
          for row in rows),
    ]  # fmt: skip

    def plot(path: Path) -> None:
        plots.bars(path, rows, group="case", value="median_ms", title="Milliseconds")

    payload = {"rounds": arguments.rounds, "rows": rows, "skipped": skipped}
    title = f"Start-up, {arguments.rounds} processes per case"
    deliver(arguments, "startup", title, table, payload, plot)


if __name__ == "__main__":
    run(options(__doc__, CASES, MODES, rounds=11, seconds=None).parse_args())
