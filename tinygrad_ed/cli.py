"""The command `tinygrad-ed`: doctor, train, bench, asm, explain, exercise and grade.

Exit codes: 0 done, 1 something needed is missing (doctor), 2 bad flags; the rest as in `exits.py`.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from . import __version__
from .exits import exit_code

PROGRAM = "tinygrad-ed"


def build_parser() -> argparse.ArgumentParser:
    """The flags of every command."""
    # Here and not above: Ctrl-C while it loads is then an exit code, as everywhere in `main`.
    from . import cli_asm, cli_bench, cli_exercise, cli_explain
    from .train import options

    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A neural-network engine whose every number can be derived, checked and timed.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tinygrad_ed {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")

    doctor = commands.add_parser(
        "doctor",
        help="what this machine has for the engine, and how to get what is missing",
        description="What this machine has for the engine, and how to get what is missing.",
        allow_abbrev=False,
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(run=run_doctor)

    about = "Train a binary classifier on a table of numbers and score it on held-out rows."
    train = commands.add_parser(
        "train",
        help=f"{about[0].lower()}{about[1:-1]}",
        description=about,
        allow_abbrev=False,
    )
    options.add_options(train)
    train.set_defaults(run=run_train)

    bench = commands.add_parser(
        "bench",
        help="what this machine can do at most, for tg.cost and the benchmarks",
        description="Shows, or with --calibrate measures, what this machine can do at most.",
        allow_abbrev=False,
    )
    cli_bench.add_options(bench)
    bench.set_defaults(run=cli_bench.run)

    asm = commands.add_parser(
        "asm",
        help="the inner loop of a kernel: its vector multiply-adds, loads and spills",
        description="The inner loop of a kernel as this processor runs it, and what it is made of.",
        allow_abbrev=False,
    )
    cli_asm.add_options(asm)
    asm.set_defaults(run=cli_asm.run)

    explain = commands.add_parser(
        "explain",
        help="the derivation of a small network, step by step with its numbers",
        description="The derivation of an example, or of a loss that you type, with its numbers.",
        allow_abbrev=False,
    )
    cli_explain.add_options(explain)
    explain.set_defaults(run=cli_explain.run)

    exercise = commands.add_parser(
        "exercise",
        help="cut a function out of the library, for you to write",
        description="Cuts a function out of the library's own source into a file for you to fill.",
        allow_abbrev=False,
    )
    cli_exercise.add_exercise_options(exercise)
    exercise.set_defaults(run=cli_exercise.run_exercise)

    grade = commands.add_parser(
        "grade",
        help="check what you wrote: points, and which known mistake it is",
        description="Runs a file that `exercise` has cut, in a process of its own, and checks it.",
        allow_abbrev=False,
    )
    cli_exercise.add_grade_options(grade)
    grade.set_defaults(run=cli_exercise.run_grade)
    return parser


def run_doctor(arguments: argparse.Namespace) -> int:
    """Prints the table; 1 if something is missing that the engine cannot do without."""
    from .doctor import examine, table

    rows = examine()
    fit = all(row.ok for row in rows if row.needed)
    if arguments.json:
        print(json.dumps({"ok": fit, "rows": [row.to_json() for row in rows]}, indent=2))
    else:
        print(table(rows))
    return 0 if fit else 1


def run_train(arguments: argparse.Namespace) -> int:
    """The main job, `examples/mlp_binary.py`, on breast cancer or on a CSV file."""
    from .train import options

    return options.run(options.train, arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        argv: The arguments after the program's name; those of the process if None.
    """
    return exit_code(lambda: _command(argv), PROGRAM)


def _command(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
        if arguments.command is None:
            parser.error(
                "say which command: doctor, train, bench, asm, explain, exercise or grade "
                "(tinygrad-ed --help)"
            )
    except SystemExit as stop:  # argparse has printed what it had to say
        return stop.code if isinstance(stop.code, int) else 2
    return exit_code(lambda: arguments.run(arguments), f"{PROGRAM} {arguments.command}")


if __name__ == "__main__":
    sys.exit(main())
