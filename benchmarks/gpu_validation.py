"""Writes down how `gpu_validate.sh` went: gpu_validation.json and a section of RESULTS.md.

    python benchmarks/gpu_validation.py STEPS LOGS

STEPS has a line for each step of the run: name, outcome, seconds and command, with tabs between.
Steps that another run took and this one did not keep their lines, each with its date and commit: a
machine that is lent for a short time can do a part of them.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gpu_facts
from results import NOT_YET, facts, known, write

FILE = Path(__file__).with_name("gpu_validation.json")
MARK, TITLE = "gpu_validation", "The whole GPU validation"
Step = dict[str, Any]


def steps_of(lines: Sequence[str], logs: Path, where: dict[str, str]) -> list[Step]:
    """The steps of a run, each with the last line that it printed."""
    found = []
    for line in lines:
        name, outcome, seconds, command = line.split("\t")
        log = logs / f"{name}.log"
        printed = (
            log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
        )
        last = next((text.strip() for text in reversed(printed) if text.strip()), "")
        found.append({
            "step": name, "outcome": outcome, "seconds": int(seconds), "command": command,
            "last_line": last[:200], **where,
        })  # fmt: skip
    return found


def joined(old: Sequence[Step], new: Sequence[Step]) -> list[Step]:
    """The new steps in place of old ones of their names; an old one that was not taken stays."""
    by_name = {step["step"]: step for step in [*old, *new]}
    return list(by_name.values())


def table(steps: Sequence[Step]) -> list[str]:
    """The rows for a reader."""
    lines = ["| step | outcome | s | date | commit |", "|---|---|---|---|---|"]
    for one in steps:
        lines.append(
            f"| {one['step']} | {one['outcome']} | {one['seconds']} | {one['date']} "
            f"| {one['commit']} |"
        )
    return lines


def main() -> None:
    """Joins the steps to those of earlier runs and writes both files."""
    steps_file, logs = Path(sys.argv[1]), Path(sys.argv[2])
    where = facts(gpu_facts.in_words(gpu_facts.gpu()))
    old = json.loads(FILE.read_text(encoding="utf-8"))["steps"] if FILE.exists() else []
    lines = steps_file.read_text(encoding="utf-8").splitlines()
    steps = joined(old, steps_of(lines, logs, where))
    text = json.dumps({"steps": steps}, indent=1, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
    machines = dict.fromkeys(f"{one['machine']}; {one['versions']}" for one in steps)
    write(MARK, TITLE, [f"`benchmarks/gpu_validate.sh`, {' and '.join(machines)}.", "",
                        *table(steps)])  # fmt: skip


def promise() -> None:
    """The section without a result, where there is none yet."""
    if not known(MARK):
        write(
            MARK, TITLE, [f"{NOT_YET}: `bash benchmarks/gpu_validate.sh` on a machine with a GPU."]
        )


if __name__ == "__main__":
    main() if len(sys.argv) == 3 else promise()
