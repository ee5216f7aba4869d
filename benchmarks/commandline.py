"""The options that all benchmarks share, and what they choose."""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

OURS = "tinygrad_ed"
Modes = Mapping[str, Sequence[str]]
"""Peer -> its ways of doing the work, in the order in which they run."""


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {text!r}")
    return int(text)


def options(
    doc: str | None,
    cases: Iterable[str],
    modes: Modes,
    rounds: int = 5,
    seconds: float | None = 1.0,
    devices: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """The command line of a benchmark; without `seconds` it has no bursts to set.

    `devices` are those it can run on, the usual one first; without them it runs on the CPU.
    """
    names = ", ".join(f"{peer} ({', '.join(ways)})" for peer, ways in modes.items())
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    add = parser.add_argument
    add("--threads", type=positive, default=1, metavar="N", help="threads of each peer (default 1)")
    add("--cores", metavar="I,J", help="cores to pin to (default: the last N that we may use)")
    add("--cases", metavar="A,B", help=f"some of: {', '.join(cases)} (default: all)")
    add("--peers", metavar="P,Q", help=f"some of: {names}; P:MODE for one of its modes")
    add("--rounds", type=positive, default=rounds, metavar="N", help=f"rounds (default {rounds})")
    if seconds is not None:
        add("--seconds", type=float, default=seconds, metavar="S", help=f"a burst's ({seconds})")
    parser.set_defaults(device="cpu", tf32=False, smoke=False)
    if devices:
        add("--device", choices=devices, default=devices[0], help=f"(default {devices[0]})")
        add("--smoke", action="store_true", help="tiny sizes: shows that it runs, not how fast")
    add("--json", type=Path, metavar="FILE", help="write the numbers as JSON")
    add("--plot", type=Path, metavar="FILE", help="draw them into FILE.png (needs matplotlib)")
    add("--record", action="store_true", help="write the table into benchmarks/RESULTS.md")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments; a GPU that cannot be used and a record of nothing end the program with 2."""
    arguments = parser.parse_args()
    if arguments.record and (arguments.smoke or arguments.device == "cuda-sim"):
        parser.error("--record: a simulated or a tiny run says nothing about speed")
    if arguments.device == "cuda":
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as nvidia-smi counts them
        from tinygrad_ed.backends.cuda import why_unusable

        if cause := why_unusable():
            parser.exit(2, f"device 'cuda' cannot be used: {cause}\n")
    return arguments


def chosen(wanted: str | None, known: Iterable[str], what: str) -> list[str]:
    """The names of a comma-separated option, all of them without one.

    Raises:
        SystemExit: A name that is unknown; the message lists the known ones.
    """
    everything = list(known)
    if wanted is None:
        return everything
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in names if name not in everything]
    if unknown or not names:
        sys.exit(f"{what} {', '.join(unknown) or 'nothing'}: known are {', '.join(everything)}")
    return names


def chosen_modes(wanted: str | None, modes: Modes) -> list[tuple[str, str]]:
    """(peer, mode) pairs in turn; ours are always among them, for the ratios."""
    pairs = [(peer, mode) for peer, ways in modes.items() for mode in ways]
    if wanted is None:
        return pairs
    names = [*modes, *(f"{peer}:{mode}" for peer, mode in pairs)]
    asked = chosen(wanted, names, "--peers")
    if not any(name.partition(":")[0] == OURS for name in asked):
        asked = [OURS, *asked]
    return [pair for pair in pairs if pair[0] in asked or ":".join(pair) in asked]


def in_words(threads: int) -> str:
    """For a title: 1 thread, 2 threads."""
    return f"{threads} thread{'s' if threads > 1 else ''}"


def setting(arguments: argparse.Namespace) -> str:
    """How it was measured, for a title."""
    rounds = f"{arguments.rounds} rounds of {arguments.seconds:g} s"
    if arguments.device == "cpu":
        return f"{in_words(arguments.threads)}, {rounds}"
    return f"device {arguments.device}, {rounds}"


def cores_for(arguments: argparse.Namespace) -> list[int]:
    """The cores to pin to; the first core is left to the system where there are enough."""
    if arguments.cores:
        return [int(core) for core in arguments.cores.split(",")]
    if not hasattr(os, "sched_getaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))[-arguments.threads :]
