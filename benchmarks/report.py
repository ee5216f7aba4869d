"""Writing down what was measured: a table, JSON, a section of RESULTS.md, a plot."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gpu_facts
from commandline import OURS
from results import facts, record


def left_out(skipped: Sequence[Mapping[str, str]]) -> list[str]:
    """A line for each peer and reason, with the cases that it concerns."""
    cases: dict[tuple[str, str], list[str]] = {}
    for one in skipped:
        who = " ".join(one[k] for k in ("peer", "mode") if k in one)
        cases.setdefault((who, one["why"]), []).extend([one["case"]] if "case" in one else [])
    lines = []
    for (who, why), where in cases.items():
        named = ", ".join(where) if len(where) <= 6 else f"{len(where)} cases"
        lines.append(f"skipped {who}{f' ({named})' if where else ''}: {why}")
    return lines


def ratio(over: Sequence[float], this: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest of over / this, each within a round."""
    each = [a / b for a, b in zip(over, this, strict=True)]
    return {"median": statistics.median(each), "min": min(each), "max": max(each)}


def times(ratio: Mapping[str, float] | None) -> str:
    """A ratio for a table: its median, and its range over the rounds."""
    if ratio is None:
        return "-"
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"


def middle(ratio: Mapping[str, float] | None) -> float | None:
    """A ratio for JSON: its median."""
    return None if ratio is None else ratio["median"]


def variants_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What sets a section of RESULTS.md apart from others of its benchmark."""
    if arguments.device != "cpu":
        return (arguments.device, *(["tf32"] if arguments.tf32 else []))
    return () if arguments.threads == 1 else (f"{arguments.threads} threads",)


def deliver(
    arguments: argparse.Namespace,
    benchmark: str,
    title: str,
    table: Sequence[str],
    payload: Mapping[str, Any],
    plot: Callable[[Path], None] = lambda path: None,
) -> None:
    """Prints the table and what was skipped; writes JSON, plot and record where asked for.

    Raises:
        SystemExit: One of our own ways failed (the report is written first).
    """
    skips = left_out(payload["skipped"])
    lines = [*table, *(["", *(f"- {line}" for line in skips)] if skips else [])]
    print("\n".join(lines))
    gpu = gpu_facts.in_words(payload.get("gpu", {}))
    if arguments.json:
        text = json.dumps({"machine": facts(gpu), **payload}, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    if arguments.record:
        record(benchmark, title, lines, variants_of(arguments), gpu)
    if arguments.plot and payload["rows"]:
        plot(arguments.plot)
    failed = [
        one for one in payload["skipped"] if one["peer"] == OURS and one["why"].startswith("failed")
    ]
    if failed:
        sys.exit("\n".join(left_out(failed)))
