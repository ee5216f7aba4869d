"""Writing a benchmark's table into RESULTS.md with date, machine, versions and commit."""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
NAMED = ("numpy", "numba", "llvmlite", "torch", "jax", "scikit-learn", "keras")
"""What can change a number here, where it is installed."""
HEAD = """# Results

Every table here was written by the benchmark named above it; none is typed. Times belong to the
machine of that line: compare ratios, not times, across machines.
"""


def facts() -> dict[str, str]:
    """Where and when this runs, and with which versions."""
    git = ["git", "-C", str(RESULTS.parent), "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        cpu = model.group(1) if model else cpu
    installed = {dist.name.lower(): dist.version for dist in importlib.metadata.distributions()}
    versions = {name: installed[name] for name in NAMED if name in installed}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{cpu}, {os.cpu_count()} cores, {platform.system()}",
        "versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
        "commit": found or "no repository",
    }


def record(benchmark: str, title: str, table: list[str], threads: int = 1) -> None:
    """Replaces the benchmark's section for so many threads in RESULTS.md, or adds it."""
    where = facts()
    mark = benchmark if threads == 1 else f"{benchmark}, {threads} threads"
    section = "\n".join(
        [
            f"<!-- {mark} -->",
            f"## {title}",
            "",
            f"`benchmarks/{benchmark}.py`, {where['date']}, {where['machine']}; "
            f"{where['versions']}; commit {where['commit']}.",
            "",
            *table,
            f"<!-- end of {mark} -->",
        ]
    )
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    old = re.compile(rf"<!-- {mark} -->.*?<!-- end of {mark} -->", re.DOTALL)
    replaced, count = old.subn(lambda _: section, text)
    RESULTS.write_text(replaced if count else f"{text}\n{section}\n", encoding="utf-8")
