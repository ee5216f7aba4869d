"""Training steps per second: a whole step of small and large networks, ours and the peers'.

Forward, loss, backward and optimiser, on data in memory; every peer starts from the same weights
and sees the same batches, and the losses after a few steps are compared. Ours is one checked call a
step ("captured"), an epoch a call in a given order ("epoch"), or the five-line loop ("eager"; with
@, + and the activation as operators of their own: "eager-separate").

    python benchmarks/train_step.py --cases c,d --peers torch,jax --rounds 5 --json FILE

On a GPU all have float32's accuracy, ours also with the rung "tf32x3", and with an epoch in one
launch ("persistent"); PyTorch also replays its step as a CUDA graph. `--tf32` is another table, in
which all may round products to TF32.

    python benchmarks/train_step.py --device cuda [--tf32] --record
"""

import argparse
import math
import statistics
from pathlib import Path
from typing import Any

import gpu_facts
import plots
from commandline import OURS, Modes, chosen, chosen_modes, options, parsed, setting
from harness import Measured, Series, measure
from report import deliver, middle, times
from workloads import CASES

MODES = {
    OURS: ("captured", "epoch", "eager", "eager-separate"),
    "torch": ("eager", "fused", "compile", "compile-fused"),
    "jax": ("jit", "scan"),
    "numpy": ("by-hand",),
    "sklearn": ("partial_fit",),
    "keras": ("fit",),
}
ON_A_GPU = {
    OURS: ("captured", "captured-on-tf32x3", "epoch", "persistent", "eager"),
    "torch": ("eager", "fused", "graph", "reduce-overhead"),
    "jax": ("jit", "scan"),
}
PACKAGES = {"torch": "torch", "jax": "jax", "sklearn": "sklearn", "keras": "keras"}
CAPTURED, EPOCH, EAGER = ((OURS, mode) for mode in ("captured", "epoch", "eager"))


def row(found: Measured, one: Series) -> dict[str, Any]:
    """A row of the JSON; a ratio is null where our side of it was not measured."""
    return {
        "case": one.case,
        "peer": one.peer,
        "mode": one.mode,
        "threads": found.threads,
        "steps_per_s": one.median,
        "min": min(one.rates),
        "max": max(one.rates),
        "rounds": one.rates,
        "core_share": statistics.median(one.shares),
        "loss_of_sixth_step": one.loss,
        "ours_over_this": middle(found.ratio(one.case, CAPTURED, one)),
        "epoch_over_this": middle(found.ratio(one.case, EPOCH, one)),
        "eager_over_this": middle(found.ratio(one.case, EAGER, one)),
    }


def table(found: Measured) -> list[str]:
    """The rows for a reader: medians, and ratios with their range over the rounds."""
    lines = [
        "| case | peer | mode | steps/s (range) | our captured / this | our epoch / this "
        "| our eager / this |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found.series:
        ratios = [times(found.ratio(one.case, ours, one)) for ours in (CAPTURED, EPOCH, EAGER)]
        lines.append(
            f"| {one.case} | {one.peer} | {one.mode} | {one.median:.5g} "
            f"({min(one.rates):.4g}-{max(one.rates):.4g}) | {' | '.join(ratios)} |"
        )
    used = dict.fromkeys(one.case for one in found.series)
    return [*lines, "", *(f"- {name}: {CASES[name].text}, batch {CASES[name].batch}"
                          for name in used)]  # fmt: skip


def strangers(found: Measured) -> list[str]:
    """A line for each peer whose loss is not the others': it does other work than they do."""
    lines = []
    for name in dict.fromkeys(one.case for one in found.series):
        losses = [one for one in found.series if one.case == name and one.loss is not None]
        if CASES[name].dropout or not losses:
            continue  # the masks differ
        usual = statistics.median_low(one.loss or 0.0 for one in losses)
        lines += [
            f"- {name}: the loss of {one.peer} {one.mode} is {one.loss:.6g}, not {usual:.6g}"
            for one in losses
            if not math.isclose(one.loss or 0.0, usual, rel_tol=1e-3)
        ]
    return lines


def modes(device: str, tf32: bool) -> Modes:
    """Who takes part, and how."""
    if device == "cpu":
        return MODES
    if device == "cuda-sim":
        return {OURS: ("captured", "epoch", "persistent", "eager")}
    only_float32 = ("captured-on-tf32x3", "persistent")
    ours = tuple(mode for mode in ON_A_GPU[OURS] if not (tf32 and mode in only_float32))
    return {**ON_A_GPU, OURS: ours}


def precision(arguments: argparse.Namespace) -> str:
    """For a title."""
    return "TF32 allowed for all" if arguments.tf32 else "float32's accuracy for all"


def run(arguments: argparse.Namespace) -> None:
    """Measures, prints, and writes what was asked for."""
    cases = chosen(arguments.cases, CASES, "--cases")
    pairs = chosen_modes(arguments.peers, modes(arguments.device, arguments.tf32))
    with gpu_facts.Clocks() as clocks:
        found = measure("train_step", cases, pairs, arguments, packages=PACKAGES)
    gpu = {**gpu_facts.gpu(), **clocks.found()} if arguments.device == "cuda" else {}
    rows = [row(found, one) for one in found.series]

    def plot(path: Path) -> None:
        plots.bars(path, rows, group="case", value="steps_per_s", title="Training steps per second")

    accuracy = "" if arguments.device == "cpu" else f", {precision(arguments)}"
    title = f"Training steps, {setting(arguments)}{accuracy}"
    payload = {"rows": rows, "skipped": found.skipped, "gpu": gpu}
    deliver(
        arguments,
        "train_step",
        title,
        [*table(found), *found.notes(), *strangers(found)],
        payload,
        plot,
    )


if __name__ == "__main__":
    parser = options(__doc__, CASES, MODES, devices=("cpu", "cuda", "cuda-sim"))
    parser.add_argument("--tf32", action="store_true", help="let all use TF32, on a GPU")
    run(parsed(parser))
