"""The command `tinygrad-ed`: doctor, train, bench, asm, xray, explain, exercise and grade.

Exit codes: 0 done, 1 something needed is missing (doctor), 2 bad flags; the rest as in `exits.py`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import __version__
from .exits import exit_code

PROGRAM = "tinygrad-ed"


@dataclass(frozen=True)
class Command:
    """A command: what the help says of it, and what adds its flags and runs it."""

    name: str
    help: str
    about: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def commands() -> list[Command]:
    """Every command, in the order of the help."""
    # Here and not above: Ctrl-C while it loads is then an exit code, as everywhere in `main`.
    from . import cli_asm, cli_bench, cli_exercise, cli_explain, cli_xray
    from .train import options

    return [
        Command(
            "doctor",
            "what this machine has for the engine, and how to get what is missing",
            "What this machine has for the engine, and how to get what is missing.",
            add_doctor_options,
            run_doctor,
        ),
        Command(
            "train",
            "train a binary classifier on a table of numbers and score it on held-out rows",
            "Train a binary classifier on a table of numbers and score it on held-out rows.",
            options.add_options,
            run_train,
        ),
        Command(
            "bench",
            "what this machine can do at most, for tg.cost and the benchmarks",
            "Shows, or with --calibrate measures, what this machine can do at most.",
            cli_bench.add_options,
            cli_bench.run,
        ),
        Command(
            "asm",
            "the inner loop of a kernel: its vector multiply-adds, loads and spills",
            "The inner loop of a kernel as this processor runs it, and what it is made of.",
            cli_asm.add_options,
            cli_asm.run,
        ),
        Command(
            "xray",
            "a CUDA kernel, line by line: accesses, sectors, bank conflicts; without a GPU",
            "Runs a CUDA kernel on the CPU and counts what each of its lines asks of memory.",
            cli_xray.add_options,
            cli_xray.run,
        ),
        Command(
            "explain",
            "the derivation of a small network, step by step with its numbers",
            "The derivation of an example, or of a loss that you type, with its numbers.",
            cli_explain.add_options,
            cli_explain.run,
        ),
        Command(
            "exercise",
            "cut a function out of the library, for you to write",
            "Cuts a function out of the library's own source into a file for you to fill.",
            cli_exercise.add_exercise_options,
            cli_exercise.run_exercise,
        ),
        Command(
            "grade",
            "check what you wrote: points, and which known mistake it is",
            "Runs a file that `exercise` has cut, in a process of its own, and checks it.",
            cli_exercise.add_grade_options,
            cli_exercise.run_grade,
        ),
    ]


def build_parser() -> argparse.ArgumentParser:
    """The flags of every command."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="A neural-network engine whose every number can be derived, checked and timed.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tinygrad_ed {__version__}")
    group = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command in commands():
        own = group.add_parser(
            command.name, help=command.help, description=command.about, allow_abbrev=False
        )
        command.add_options(own)
        own.set_defaults(run=command.run)
    return parser


def add_doctor_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


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
            *first, last = [command.name for command in commands()]
            parser.error(f"say which command: {', '.join(first)} or {last} ({PROGRAM} --help)")
    except SystemExit as stop:  # argparse has printed what it had to say
        return stop.code if isinstance(stop.code, int) else 2
    return exit_code(lambda: arguments.run(arguments), f"{PROGRAM} {arguments.command}")


if __name__ == "__main__":
    sys.exit(main())
