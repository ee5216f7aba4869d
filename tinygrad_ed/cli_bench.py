"""`tinygrad-ed bench`: what this machine can do at most, measured once and kept."""

import argparse
import sys

from . import machine
from .machine import Machine


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="measure multiply-adds and bandwidths of this machine now, and keep them",
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default=1,
        metavar="N",
        help="how many threads to measure with (default: 1)",
    )


def _threads(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads, 1 to 9999")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Measures, or shows what was measured."""
    if arguments.calibrate:
        found = _calibrated(arguments.threads)
        print(table(found))
        path = machine.store(found)
        if path is None:
            print(
                "not kept: the cache folder cannot be written; set TINYGRAD_ED_CACHE to a folder "
                "that can"
            )
        else:
            print(f"kept in {path}; tg.cost(loss) predicts from it")
        return 0
    every = machine.every_stored()
    for measured in every:
        print(table(measured))
    if every:
        print("To measure again: `tinygrad-ed bench --calibrate [--threads N]`.")
    else:
        print(f"This machine was not measured yet: {machine.HINT}.")
    print(
        "Products and training steps against NumPy, PyTorch and JAX: the programs in benchmarks/ "
        "of a\ncheckout, such as `python benchmarks/matmul.py`; benchmarks/RESULTS.md is theirs."
    )
    return 0


def _calibrated(threads: int) -> Machine:
    """Measures, with a line of progress on a terminal."""
    shown = sys.stderr is not None and sys.stderr.isatty()

    def progress(what: str) -> None:
        if shown:
            print(f"\r\x1b[Kmeasuring: {what} …", end="", file=sys.stderr, flush=True)

    try:
        return machine.calibrate(threads, progress=progress)
    finally:
        if shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def table(measured: Machine) -> str:
    """The ceilings as text."""
    threads = f"{measured.threads} thread{'s' if measured.threads > 1 else ''}"
    rows = [f"{measured.processor}, {threads}, measured {measured.measured}"]
    rows += [
        f"  {dtype + ' multiply-adds':<24} {rate / 1e9:9.1f} GFLOP/s"
        for dtype, rate in measured.peak.items()
    ]
    for level in measured.levels:
        size = "" if level.size is None else f" ({level.size / 2**10:,.0f} KiB)"
        rows.append(f"  {level.name + size:<24} {level.bandwidth / 1e9:9.1f} GB/s")
    return "\n".join(rows)
