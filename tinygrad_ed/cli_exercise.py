"""`tinygrad-ed exercise` cuts a function out of the library, `tinygrad-ed grade` looks at yours.

Exit codes of grade: 0 every point, 1 some are missing (also: the file does not run, or takes too
long), 2 there is nothing to grade (no such file, no work file, bad flags).
"""

import argparse
import json
from pathlib import Path


def add_exercise_options(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `exercise`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="an op, a rule, or training_step")
    parser.add_argument("--list", action="store_true", help="show what there is to write")
    parser.add_argument(
        "--part",
        choices=("forward", "backward", "both"),
        default="both",
        help="of an op: which of its two functions (default: both)",
    )
    parser.add_argument(
        "--out", metavar="DIR", default=".", help="where the file goes (default: this folder)"
    )


def run_exercise(arguments: argparse.Namespace) -> int:
    """Writes a work file, or lists what there is."""
    if arguments.list:
        print(listed())
        return 0
    if arguments.name is None:
        raise ValueError("say which exercise (tinygrad-ed exercise sigmoid), or --list them")
    from .exercises import cut

    path = cut(arguments.name, arguments.part, arguments.out)
    print(f"{path} is yours: fill it in, then run: tinygrad-ed grade {path}")
    return 0


def listed() -> str:
    """All exercises: name, what there is to write, known mistakes, the formula in words."""
    from .check import zoo
    from .exercises import exercises

    rows = [
        (
            name,
            " + ".join(part.name for part in one.parts),
            str(sum(m.target in {p.target for p in one.parts} for m in zoo.mutants.values()) or ""),
            one.summary,
        )
        for name, one in exercises().items()
    ]
    head = ("exercise", "to write", "mistakes", "what it is")
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(3)]
    lines = []
    for row in [head, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        lines.append("  ".join([*cells, row[3]]).rstrip())
    return "\n".join(lines)


def add_grade_options(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `grade`."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a work file that you filled in")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=60.0, help="seconds for all (default: 60)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, help="draw the inputs of an earlier report again"
    )


def run_grade(arguments: argparse.Namespace) -> int:
    """Grades a work file; 1 if a point is missing."""
    from .exercises import grade

    report = grade(arguments.file, timeout=arguments.timeout, seed=arguments.seed)
    print(json.dumps(report.to_json(), indent=2) if arguments.json else report)
    return 0 if report else 1
