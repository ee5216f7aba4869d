"""MNIST: network d over 60,000 images for ten epochs, shuffled; time and accuracy.

Ours captured (an epoch a call) and eager; PyTorch with its default Adam on tensors in memory; and
the script that everybody writes first, a Dataset and a DataLoader that prepare one image at a time.
The peers take turns epoch by epoch; a round is a whole training. The data is looked for in the
folder that TINYGRAD_ED_DATA names, else in shared/data beside the checkout.

    python benchmarks/mnist.py --epochs 10 --rounds 1 --json FILE
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import plots
from commandline import OURS, chosen, chosen_modes, in_words, options, positive
from harness import Measured, Series, measure
from report import deliver

MODES = {OURS: ("captured", "eager"), "torch": ("eager", "dataloader")}
PACKAGES = {"torch": "torch"}


def seconds_of(one: Series) -> float:
    """The whole training's time."""
    return sum(1 / rate for rate in one.rates)


def trainings(arguments: argparse.Namespace) -> list[Measured]:
    """Every round is a training from new weights, its epochs interleaved between the peers."""
    pairs = chosen_modes(arguments.peers, MODES)
    an_epoch = argparse.Namespace(**{**vars(arguments), "rounds": arguments.epochs, "seconds": 0.0})
    return [
        measure("mnist", ["d"], pairs, an_epoch, packages=PACKAGES) for _ in range(arguments.rounds)
    ]


def rows_of(done: list[Measured]) -> list[dict[str, Any]]:
    """A row for each peer and mode: medians over the trainings."""
    rows = []
    for first in done[0].series:
        who = (first.peer, first.mode)
        mine = [one for found in done if (one := found.find("d", *who))]
        ratios = [
            seconds_of(one) / seconds_of(captured)
            for found in done
            if (one := found.find("d", *who)) and (captured := found.find("d", OURS, "captured"))
        ]
        rows.append(
            {
                "case": "d",
                "peer": first.peer,
                "mode": first.mode,
                "threads": done[0].threads,
                "epochs": len(first.rates),
                "seconds": statistics.median(map(seconds_of, mine)),
                "all_seconds": [seconds_of(one) for one in mine],
                "accuracy": statistics.median(one.score or 0.0 for one in mine),
                "accuracies": [one.score for one in mine],
                "ours_over_this": statistics.median(ratios) if ratios else None,
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The rows for a reader."""
    lines = [
        "| peer | mode | seconds | test accuracy | our captured / this |",
        "|---|---|---|---|---|",
    ]
    for one in rows:
        ratio = "-" if one["ours_over_this"] is None else format(one["ours_over_this"], ".2f")
        lines.append(
            f"| {one['peer']} | {one['mode']} | {one['seconds']:.2f} | {one['accuracy']:.2%} "
            f"| {ratio} |"
        )
    return lines


def run(arguments: argparse.Namespace) -> None:
    """Trains, prints, and writes what was asked for."""
    chosen(arguments.cases, ["d"], "--cases")
    done = trainings(arguments)
    rows = rows_of(done)

    def plot(path: Path) -> None:
        plots.bars(path, rows, group="case", value="seconds", title="Seconds of training")

    threads = in_words(arguments.threads)
    title = f"MNIST, {arguments.epochs} epochs, {threads}, {arguments.rounds} training(s)"
    payload = {"rows": rows, "skipped": done[0].skipped}
    deliver(arguments, "mnist", title, [*table(rows), "", *done[0].notes()], payload, plot)


if __name__ == "__main__":
    parser = options(__doc__, ["d"], MODES, rounds=1, seconds=None)
    parser.add_argument(
        "--epochs", type=positive, default=10, metavar="N", help="epochs (default 10)"
    )
    run(parser.parse_args())
