"""Writing a benchmark's table into RESULTS.md with date, machine, versions and commit.

    python benchmarks/results.py

adds the sections that no machine at hand could measure yet; they say how to.
"""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
NAMED = ("numpy", "numba", "llvmlite", "torch", "jax", "scikit-learn", "keras", "cupy-cuda12x",
         "cupy-cuda13x")  # fmt: skip
"""What can change a number here, where it is installed."""
HEAD = """# Results

Every table here was written by the benchmark named above it; none is typed. Times belong to the
machine of that line: compare ratios, not times, across machines.
"""
NOT_YET = "not measured yet"
ON_A_GPU = {
    "matmul, cuda": ("Matrix products on a GPU", "matmul.py --device cuda"),
    "train_step, cuda": ("Training steps on a GPU", "train_step.py --device cuda"),
    "train_step, cuda, tf32": (
        "Training steps on a GPU, TF32 allowed",
        "train_step.py --device cuda --tf32",
    ),
    "crossover, cuda": ("Where the GPU overtakes the CPU", "crossover.py"),
}
"""Sections that need a GPU: mark -> title and what measures it."""


def facts(gpu: str = "") -> dict[str, str]:
    """Where and when this runs, and with which versions; `gpu` is its description, if it has one.

    TINYGRAD_ED_BENCH_COMMIT names the commit where there is no repository, or where results that
    were recorded meanwhile make it look changed.
    """
    found = os.environ.get("TINYGRAD_ED_BENCH_COMMIT")
    if not found:
        git = ["git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty", "--exclude=*"]
        found = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        cpu = model.group(1) if model else cpu
    installed = {dist.name.lower(): dist.version for dist in importlib.metadata.distributions()}
    versions = {name: installed[name] for name in NAMED if name in installed}
    cpu = f"{cpu}, {os.cpu_count()} cores, {platform.system()}"
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{gpu}; {cpu}" if gpu else cpu,
        "versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
        "commit": found or "no repository",
    }


def record(
    benchmark: str, title: str, table: Sequence[str], variants: Sequence[str] = (), gpu: str = ""
) -> None:
    """Replaces the benchmark's section in RESULTS.md, or adds it.

    Args:
        benchmark: Its file's name.
        title: Of the section.
        table: Its lines.
        variants: What sets this section apart from others of the benchmark: "2 threads".
        gpu: The GPU in words, if there is one.
    """
    where = facts(gpu)
    line = (
        f"`benchmarks/{benchmark}.py`, {where['date']}, {where['machine']}; "
        f"{where['versions']}; commit {where['commit']}."
    )
    write(", ".join([benchmark, *variants]), title, [line, "", *table])


def write(mark: str, title: str, lines: Sequence[str]) -> None:
    """Replaces the section of this mark, or adds it at the end."""
    body = "\n".join([f"<!-- {mark} -->", f"## {title}", "", *lines, f"<!-- end of {mark} -->"])
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    old = re.compile(rf"<!-- {re.escape(mark)} -->.*?<!-- end of {re.escape(mark)} -->", re.DOTALL)
    replaced, count = old.subn(lambda _: body, text)
    RESULTS.write_text(replaced if count else f"{text}\n{body}\n", encoding="utf-8")


def known(mark: str) -> bool:
    """Whether there is such a section."""
    return RESULTS.exists() and f"<!-- {mark} -->" in RESULTS.read_text(encoding="utf-8")


def promise() -> None:
    """Adds the sections that need a GPU and are not there, as not measured yet."""
    for mark, (title, command) in ON_A_GPU.items():
        if not known(mark):
            how = f"`python benchmarks/{command} --record` on a machine with a GPU"
            write(mark, title, [f"{NOT_YET}: {how}."])


if __name__ == "__main__":
    promise()
