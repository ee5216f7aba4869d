"""What the GPU half has to reach, beside what was measured; without a measurement it says so.

    python benchmarks/gpu_goals.py --matmul MATMUL.json --train-step TRAIN_STEP.json --record

reads what `matmul.py` and `train_step.py` wrote on a GPU with `--json`. Without the files it
records that nothing was measured, unless something was.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gpu_facts
from results import NOT_YET, known, record, write
from tinygrad_ed.kernels.cuda import TOP

OURS = "tinygrad_ed"
MARK, TITLE = "gpu_goals", "Goals on a GPU"
AT = "4096x4096x4096:float32:NN"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Goal:
    """A number that has to be reached.

    Attributes:
        text: What it is.
        must, stretch: The bound, and the one we would like; `least` says of which kind.
        found: Rows of the file -> the number; None where it was not measured.
        source: The file: "matmul" or "train_step".
        least: Whether the number must be at least so large, or at most.
    """

    text: str
    must: float
    stretch: float
    found: Callable[[Rows], float | None]
    source: str = "train_step"
    least: bool = True

    def row(self, rows: Rows | None) -> str:
        """A line of the table."""
        sign = "≥" if self.least else "≤"
        head = f"| {self.text} | {sign} {self.must:g} | {sign} {self.stretch:g} |"
        number = None if rows is None else self.found(rows)
        if number is None:
            return f"{head} {NOT_YET} | |"
        reached = [
            name
            for name, bound in (("must", self.must), ("stretch", self.stretch))
            if (number >= bound if self.least else number <= bound)
        ]
        return f"{head} {number:.3g} | {' and '.join(reached) or 'missed'} |"


def one(rows: Rows, **wanted: str) -> dict[str, Any] | None:
    """The row with these values."""
    for row in rows:
        if all(row.get(key) == value for key, value in wanted.items()):
            return row
    return None


def of_rung(rung: str, key: str) -> Callable[[Rows], float | None]:
    """A number of one of our rungs at 4096."""

    def found(rows: Rows) -> float | None:
        row = one(rows, case=AT, peer=OURS, rung=rung)
        return None if row is None else row[key]

    return found


def error_of_tf32x3(rows: Rows) -> float | None:
    """3xTF32's error over that of our own float32 product."""
    ours = [one(rows, case=AT, peer=OURS, rung=rung) for rung in ("tf32x3", TOP)]
    if None in ours:
        return None
    above, below = (row["error"] for row in ours if row is not None)
    return above / below if below else None


def microseconds(case: str) -> Callable[[Rows], float | None]:
    """Of a captured step."""

    def found(rows: Rows) -> float | None:
        row = one(rows, case=case, peer=OURS, mode="captured")
        return None if row is None else 1e6 / row["steps_per_s"]

    return found


def over(case: str, mode: str) -> Callable[[Rows], float | None]:
    """Our captured steps per second over PyTorch's."""

    def found(rows: Rows) -> float | None:
        row = one(rows, case=case, peer="torch", mode=mode)
        return None if row is None else row["ours_over_this"]

    return found


def over_at_float32(rows: Rows) -> float | None:
    """Network e with "tf32x3", which has float32's accuracy, over the faster PyTorch in float32."""
    ours = one(rows, case="e", peer=OURS, mode="captured-on-tf32x3")
    theirs = [r["steps_per_s"] for r in rows if (r["case"], r["peer"]) == ("e", "torch")]
    return ours["steps_per_s"] / max(theirs) if ours and theirs else None


GOALS = (
    Goal("float32 without tensor cores / cuBLAS SGEMM, 4096", 0.90, 0.95,
         of_rung(TOP, "of_peer"), "matmul"),
    Goal("3xTF32 / cuBLAS SGEMM, 4096", 1.5, 1.9, of_rung("tf32x3", "of_peer"), "matmul"),
    Goal("3xTF32's error / float32's, 4096", 2, 2, error_of_tf32x3, "matmul", least=False),
    Goal("captured step c, µs", 12, 7, microseconds("c"), least=False),
    Goal("captured step c / PyTorch eager", 30, 30, over("c", "eager")),
    Goal("captured step d, µs", 25, 15, microseconds("d"), least=False),
    Goal("captured step d / PyTorch eager", 15, 15, over("d", "eager")),
    Goal("captured step d / PyTorch's CUDA graph", 3, 3, over("d", "graph")),
    Goal("captured step e with 3xTF32 / PyTorch at float32's accuracy", 1.7, 1.7,
         over_at_float32),
)  # fmt: skip


def table(files: dict[str, dict[str, Any]]) -> list[str]:
    """The rows for a reader; `files` are those that there are."""
    lines = ["| goal | must | stretch | measured | reached |", "|---|---|---|---|---|"]
    for goal in GOALS:
        file = files.get(goal.source)
        lines.append(goal.row(None if file is None else file["rows"]))
    return lines


def main() -> None:
    """Reads the files, prints the table and records it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--matmul", type=Path, metavar="FILE")
    parser.add_argument("--train-step", type=Path, metavar="FILE")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    paths = {"matmul": arguments.matmul, "train_step": arguments.train_step}
    files = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path is not None and path.exists()
    }
    lines = table(files)
    print("\n".join(lines))
    if arguments.record and files:
        record(MARK, TITLE, lines, gpu=gpu_facts.in_words(gpu_facts.gpu()))
    elif arguments.record and not known(MARK):
        write(MARK, TITLE, lines)


if __name__ == "__main__":
    main()
