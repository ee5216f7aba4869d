"""The tables of benchmarks/RESULTS.md as data. What they hold was measured by the benchmarks.

The book never times anything: it shows these tables, and the machine that they belong to.
"""

import re
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "RESULTS.md"


def section(mark: str) -> str:
    """A benchmark's section, by the name that marks it.

    Raises:
        KeyError: There is none; the message names those that there are.
    """
    text = RESULTS.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {re.escape(mark)} -->\n(.*?)<!-- end of ", text, re.DOTALL)
    if not found:
        known = [name for name in re.findall(r"<!-- (.+?) -->", text) if "end of" not in name]
        raise KeyError(f"RESULTS.md has no section {mark!r}; there are {', '.join(known)}")
    return found[1]


def table(mark: str) -> list[dict[str, str]]:
    """The rows of its table, each as column -> cell."""
    lines = [line for line in section(mark).splitlines() if line.startswith("|")]
    heads, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def machine(mark: str) -> str:
    """When, where and with which versions it was measured."""
    return section(mark).strip().split("\n\n")[1]


def notes(mark: str) -> list[str]:
    """The lines below the table."""
    return [line[2:] for line in section(mark).splitlines() if line.startswith("- ")]


def median(cell: str) -> float:
    """The number before the range: 112.3 of "112.3 (111.4-112.7)"."""
    return float(cell.split(" ")[0].rstrip("%"))
