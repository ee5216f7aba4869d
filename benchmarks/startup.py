"""What `import tinygrad_ed` adds to `import numpy`, and what a first training step adds to both.

Each number comes from fresh processes, run in turn (A B A B …), so that a machine whose speed
drifts slows all of them alike. Each row is timed alone, after what stands above it.

    python benchmarks/startup.py --rounds 15 --json FILE
    python benchmarks/startup.py --record        # writes the table into benchmarks/RESULTS.md
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from results import facts, record

TIMER = """
{before}
import time
start = time.perf_counter()
{timed}
print(time.perf_counter() - start)
"""

STEP = """
import numpy as np, tinygrad_ed as tg
X = tg.tensor(np.ones((32, 30), "float32"), device="{device}")
t = tg.tensor(np.ones((32, 1), "float32"), device="{device}")
model = tg.nn.Sequential(tg.nn.Linear(30, 64, activation="relu", seed=0, device="{device}"),
                         tg.nn.Linear(64, 1, seed=0, device="{device}"))
optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)
tg.bce_with_logits(model(X), t).backward()
optimizer.step()
"""

BOTH = "import numpy, tinygrad_ed"

CASES = {
    "import numpy": ("", "import numpy"),
    "import tinygrad_ed, after numpy": ("import numpy", "import tinygrad_ed"),
    "first training step, device numpy": (BOTH, STEP.format(device="numpy")),
    "first training step, device cpu, kernels cached": (BOTH, STEP.format(device="cpu")),
}
"""Case -> what happens before the clock starts, and what is timed."""


def milliseconds(before: str, timed: str) -> float:
    """How long the timed part takes in a fresh Python, by that process's own clock."""
    command = [sys.executable, "-c", TIMER.format(before=before, timed=timed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return 1e3 * float(done.stdout)


def measure(rounds: int) -> list[dict[str, float | str]]:
    """Median and spread of each case in milliseconds, over interleaved rounds."""
    for program in CASES.values():  # not counted: files into memory, kernels into their cache
        milliseconds(*program)
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds):
        for name, program in CASES.items():
            times[name].append(milliseconds(*program))
    return [
        {
            "case": name,
            "median_ms": round(statistics.median(found), 1),
            "min_ms": round(min(found), 1),
            "max_ms": round(max(found), 1),
        }
        for name, found in times.items()
    ]


def main() -> None:
    """Measures, prints, and writes what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11, metavar="N", help="processes per case")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers as JSON")
    parser.add_argument("--record", action="store_true", help="write into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    rows = measure(arguments.rounds)
    table = [
        "| case | median ms | min | max |",
        "|---|---|---|---|",
        *("| {case} | {median_ms} | {min_ms} | {max_ms} |".format(**row)
          for row in rows),
    ]  # fmt: skip
    print("\n".join(table))
    if arguments.json:
        text = json.dumps({"machine": facts(), "rounds": arguments.rounds, "rows": rows}, indent=1)
        arguments.json.write_text(text, encoding="utf-8")
    if arguments.record:
        record("startup", f"Start-up, {arguments.rounds} processes per case", table)


if __name__ == "__main__":
    main()
