"""How all benchmarks measure: persistent pinned workers, rounds in turn, ratios within a round.

Every peer is a process of its own that stays alive, pinned to the same cores. A round asks each
peer in turn for a short burst (A B C A B C …), so that a machine whose speed drifts slows all of
them alike; a ratio is taken within a round, and the median is over the rounds.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commandline import cores_for
from place import environment
from report import ratio

HERE = Path(__file__).resolve().parent


@dataclass
class Worker:
    """The parent's end of one peer's process."""

    benchmark: str
    peer: str
    mode: str
    threads: int
    cores: list[int]
    place: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        spec = {k: getattr(self, k) for k in ("benchmark", "peer", "mode", "threads", "cores")}
        one = str(self.threads)
        single = "--xla_cpu_multi_thread_eigen=false" if self.threads == 1 else ""
        limits = {
            "TINYGRAD_ED_THREADS": one,
            "OMP_NUM_THREADS": one,
            "OPENBLAS_NUM_THREADS": one,
            "MKL_NUM_THREADS": one,
            "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {single}".strip(),
        }
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, **limits, **self.place},
        )

    def ask(self, **message: Any) -> dict[str, Any]:
        """Sends a message and waits for the answer; a dead process answers with its last words."""
        assert self.process.stdin and self.process.stdout
        line = ""
        try:
            print(json.dumps(message), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            pass
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        self.log.seek(0)
        last = self.log.read().strip().splitlines()[-1:] or ["it said nothing"]
        return {"error": f"the process died (status {self.process.wait()}): {last[0][:200]}"}

    def close(self) -> None:
        """Ends the process and waits for it."""
        self.process.kill()
        self.process.communicate()
        self.log.close()


@dataclass
class Series:
    """What one peer reached in one case, round by round.

    Attributes:
        case: Its name.
        peer: Who.
        mode: How.
        rates: Repetitions per second.
        shares: CPU time by wall time: below 1 on one thread, another program took the core.
        loss: After a few steps, for comparing peers.
        score: At the end, where the case has one.
    """

    case: str
    peer: str
    mode: str
    rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    loss: float | None = None
    score: float | None = None

    @property
    def median(self) -> float:
        """Of the rates."""
        return statistics.median(self.rates)


@dataclass
class Measured:
    """All series of a benchmark, and what was left out."""

    series: list[Series]
    skipped: list[dict[str, str]]
    threads: int = 1
    device: str = "cpu"

    def notes(self) -> list[str]:
        """A line that says how quiet the machine was, if it was not."""
        shares = [share for one in self.series for share in one.shares]
        robbed = sum(share < 0.9 for share in shares)
        if self.threads > 1 or self.device != "cpu" or not robbed:
            return []
        return [
            f"- {robbed} of {len(shares)} bursts had less than 90 % of their core: other programs "
            f"were running, so trust the ratios little and the rates less"
        ]

    def find(self, case: str, peer: str, mode: str) -> Series | None:
        """One of them, if it was measured."""
        for one in self.series:
            if (one.case, one.peer, one.mode) == (case, peer, mode):
                return one
        return None

    def ratio(self, case: str, over: tuple[str, str], this: Series) -> dict[str, Any] | None:
        """Median, least and greatest of over / this, each within a round."""
        above = self.find(case, *over)
        if above is None:
            return None
        return ratio(above.rates, this.rates)


def missing(peer: str, packages: Mapping[str, str]) -> str | None:
    """Why this peer cannot take part at all."""
    package = packages.get(peer)
    if package is None or importlib.util.find_spec(package) is not None:
        return None
    return f"{package} is not installed"


def measure(
    benchmark: str,
    cases: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    arguments: argparse.Namespace,
    *,
    packages: Mapping[str, str],
    declines: Callable[[str, str, str], str | None] = lambda case, peer, mode: None,
) -> Measured:
    """Runs all cases: within a case round after round, within a round one peer after another.

    Args:
        benchmark: The function's name in `peers_<peer>.py`.
        cases: Their names.
        pairs: (peer, mode) in turn.
        arguments: threads, cores, rounds, seconds, device, tf32, smoke.
        packages: peer -> the package it needs.
        declines: (case, peer, mode) -> why it is left out, or None.
    """
    device = arguments.device
    found = Measured([], [], arguments.threads, device)
    absent = {peer: why for peer, _ in pairs if (why := missing(peer, packages))}
    found.skipped += [{"peer": peer, "why": why} for peer, why in absent.items()]
    # Beside a GPU nobody is pinned: PyTorch runs a backward pass in a thread of its own.
    cores = cores_for(arguments) if device == "cpu" or arguments.cores else []
    place = environment(device, tf32=arguments.tf32, smoke=arguments.smoke)
    workers = [
        Worker(benchmark, peer, mode, arguments.threads, cores, place)
        for peer, mode in pairs
        if peer not in absent
    ]
    try:
        for case in cases:
            _one_case(case, workers, arguments, declines, found)
    finally:
        for worker in workers:
            worker.close()
    return found


def _one_case(
    case: str,
    workers: Sequence[Worker],
    arguments: argparse.Namespace,
    declines: Callable[[str, str, str], str | None],
    found: Measured,
) -> None:
    taking_part: list[tuple[Worker, Series]] = []

    def leave(worker: Worker, why: str) -> None:
        where = {"peer": worker.peer, "mode": worker.mode, "case": case}
        found.skipped.append({**where, "why": why})

    for worker in workers:
        why = declines(case, worker.peer, worker.mode)
        reply: dict[str, Any] = {"skip": why} if why else worker.ask(prepare=case)
        if "loss" in reply:
            series = Series(case, worker.peer, worker.mode, loss=reply["loss"])
            taking_part.append((worker, series))
        else:
            leave(worker, reply.get("skip") or f"failed: {reply['error']}")
    for _ in range(arguments.rounds):
        for worker, series in list(taking_part):
            reply = worker.ask(burst=arguments.seconds)
            if "rate" in reply:
                series.rates.append(reply["rate"])
                series.shares.append(reply["share"])
            else:
                leave(worker, f"failed: {reply['error']}")
                taking_part.remove((worker, series))
    for worker, series in taking_part:
        series.score = worker.ask(score=True).get("score")
        found.series.append(series)
