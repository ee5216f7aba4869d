"""Elementwise functions: exp, sigmoid, tanh and a chain of operations, ours and the peers'.

Each on float32 numbers that lie in the first-level cache, in the second-level cache, or in memory.
A call makes its result, as a user's would. The chain is tanh(0.5 x + 1) e^(-x²) + x: an operation
at a time it passes over the numbers eight times, compiled or captured once.

    python benchmarks/elementwise.py --cases exp,chain --peers torch,jax --json FILE
"""

import argparse
from pathlib import Path
from typing import Any

import plots
from commandline import OURS, chosen, chosen_modes, options, setting
from elementwise_cases import FUNCTIONS, SIZES
from harness import Measured, Series, measure
from report import deliver, middle, times

MODES = {
    OURS: ("captured", "eager"),
    "torch": ("eager", "compile"),
    "jax": ("jit",),
    "numpy": ("calls",),
}
PACKAGES = {"torch": "torch", "jax": "jax"}


def per_second(one: Series) -> list[float]:
    """Numbers per second in each round."""
    size = SIZES[one.case.partition(":")[2]]
    return [rate * size for rate in one.rates]


def row(found: Measured, one: Series) -> dict[str, Any]:
    """A row of the JSON."""
    name, _, place = one.case.partition(":")
    return {
        "case": name,
        "in": place,
        "size": SIZES[place],
        "peer": one.peer,
        "mode": one.mode,
        "threads": found.threads,
        "numbers_per_s": one.median * SIZES[place],
        "min": min(per_second(one)),
        "max": max(per_second(one)),
        "ours_over_this": middle(found.ratio(one.case, (OURS, "captured"), one)),
        "eager_over_this": middle(found.ratio(one.case, (OURS, "eager"), one)),
    }


def table(found: Measured) -> list[str]:
    """The rows for a reader."""
    lines = [
        "| function | numbers | peer | mode | G numbers/s (range) | our captured / this "
        "| our eager / this |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found.series:
        name, _, place = one.case.partition(":")
        each = per_second(one)
        ratios = [times(found.ratio(one.case, (OURS, mode), one)) for mode in ("captured", "eager")]
        lines.append(
            f"| {name} | {SIZES[place]} ({place}) | {one.peer} | {one.mode} "
            f"| {one.median * SIZES[place] / 1e9:.3g} ({min(each) / 1e9:.3g}-{max(each) / 1e9:.3g})"
            f" | {' | '.join(ratios)} |"
        )
    return lines


def run(arguments: argparse.Namespace) -> None:
    """Measures, prints, and writes what was asked for."""
    names = chosen(arguments.cases, FUNCTIONS, "--cases")
    places = chosen(arguments.sizes, SIZES, "--sizes")
    keys = [f"{name}:{place}" for name in names for place in places]
    pairs = chosen_modes(arguments.peers, MODES)
    found = measure("elementwise", keys, pairs, arguments, packages=PACKAGES)
    rows = [row(found, one) for one in found.series]

    def plot(path: Path) -> None:
        named = [{**r, "case": f"{r['case']} {r['in']}"} for r in rows]
        plots.bars(path, named, group="case", value="numbers_per_s", title="Numbers per second")

    title = f"Elementwise functions, {setting(arguments)}"
    payload = {"rows": rows, "skipped": found.skipped}
    deliver(arguments, "elementwise", title, [*table(found), "", *found.notes()], payload, plot)


if __name__ == "__main__":
    parser = options(__doc__, FUNCTIONS, MODES, seconds=0.2)
    parser.add_argument("--sizes", metavar="S,T", help=f"some of {', '.join(SIZES)}")
    run(parser.parse_args())
