"""The main job's command line, shared by `examples/mlp_binary.py` and `tinygrad-ed train`."""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..backends import DEVICES
from ..data import Dataset, breast_cancer, read_csv
from ..exits import exit_code
from .binary import Report, train_binary

PICTURES = (".png", ".svg", ".pdf")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the main job to a parser; wrong values exit with 2 and name the flag."""
    add = parser.add_argument
    add(
        "--data",
        type=given,
        metavar="FILE.csv",
        help="a table of your own (default: breast cancer)",
    )
    add("--label", metavar="NAME", help="its label column (default: the last one)")
    add(
        "--device",
        choices=("auto", *DEVICES),
        default="auto",
        help="where to compute (default: auto)",
    )
    add("--epochs", type=at_least(1), default=10, metavar="N", help="default: 10")
    add("--batch-size", type=at_least(1), default=32, metavar="N", help="default: 32")
    add("--lr", type=learning_rate, default=1e-3, help="learning rate of Adam (default: 0.001)")
    add("--threads", type=at_least(1), metavar="N", help="of the kernels (default: one per core)")
    add("--seed", type=at_least(0), default=0, metavar="N", help="split, weights, order (0)")
    add(
        "--no-capture",
        dest="capture",
        action="store_const",
        const=False,
        help="run each step as it is written, not as a program (device cpu)",
    )
    add("--json", type=new_file, metavar="FILE", help="write the numbers there")
    add("--plot", type=new_picture, metavar="FILE.png", help="draw the loss curves there")


def at_least(low: int) -> Callable[[str], int]:
    """An argument type: a whole number, `low` or more, in the digits 0 to 9 alone."""

    def parse(text: str) -> int:
        try:
            number = int(text) if text.isascii() and text.isdigit() else low - 1
        except ValueError:  # thousands of digits
            number = low - 1
        if number < low:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {low}")
        return number

    return parse


def learning_rate(text: str) -> float:
    """An argument type: a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def given(text: str) -> str:
    """An argument type: a path of at least one character."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty: name a file")
    return text


def new_file(text: str) -> Path:
    """An argument type: a file to write; what stands in its way is noticed before training."""
    path = Path(given(text))
    if os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, not a file to write")
    if not os.path.isdir(path.parent):
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} does not exist")
    if os.path.exists(path):
        if not os.access(path, os.W_OK):
            raise argparse.ArgumentTypeError(f"the file {text!r} is there and cannot be written")
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"the folder {str(path.parent)!r} cannot be written")
    return path


def new_picture(text: str) -> Path:
    """An argument type: a picture to write; its ending gives the format."""
    path = new_file(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(PICTURES)}")
    return path


def load(options: argparse.Namespace) -> Dataset:
    """The table that `--data` and `--label` name, or breast cancer.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A file that is no table of numbers with a label; line and column are named.
    """
    if options.data is None:
        if options.label is not None:
            raise ValueError("--label names a column of --data FILE.csv: give that file too")
        return breast_cancer()
    return read_csv(options.data, options.label)


def deliver(report: Report, options: argparse.Namespace) -> None:
    """Prints the scores, and writes the files that `--json` and `--plot` ask for.

    Raises:
        OSError: A file cannot be written; the other one is, where it can be.
    """
    print(f"\n{report}")
    failures = []
    for name, path, write in (
        ("numbers", options.json, _write_numbers),
        ("picture", options.plot, _draw),
    ):
        if path is not None:
            try:
                write(report, path)
            except OSError as error:
                failures.append(f"no {name}: {error}")
            else:
                print(f"{name}: {path}")
    if failures:
        raise OSError("; ".join(failures))


def _write_numbers(report: Report, path: Path) -> None:
    path.write_text(report.to_json() + "\n", encoding="utf-8")


def _draw(report: Report, path: Path) -> None:
    from .plot import plot

    plot(report, path)


def train(options: argparse.Namespace) -> None:
    """The main job, from parsed options to the report."""
    report = train_binary(
        load(options),
        device=options.device,
        epochs=options.epochs,
        batch_size=options.batch_size,
        lr=options.lr,
        seed=options.seed,
        capture=options.capture,
    )
    deliver(report, options)


def run(program: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Runs a program on parsed options, and returns 0.

    Raises:
        ValueError: More threads than there can be.
    """
    if options.threads is not None:
        from ..backends.threads import set_threads

        set_threads(options.threads)
    if options.plot is not None:
        from .plot import need_matplotlib

        need_matplotlib()
    # A diverging run is reported by its loss, not by warnings from the middle of a product.
    with np.errstate(over="ignore", invalid="ignore"):
        program(options)
    return 0


def main(
    program: Callable[[argparse.Namespace], None],
    description: str | None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Parses the options and runs the program: the last line of an example.

    Returns:
        The exit code; see `exits.exit_code`.
    """
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    add_options(parser)
    options = parser.parse_args(arguments)
    return exit_code(lambda: run(program, options), parser.prog)
