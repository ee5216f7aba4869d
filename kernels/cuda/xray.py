"""A kernel seen through: one launch on the simulator, and what each line of it asks of memory.

    found = xray("product_naive", "float32", (A, B, C, None, 0, None, 0))
    print(found.grid, found.total("global load", "sectors"))
    for line in found.lines():
        print(line.file, line.number, line.text)
        print(*(told(row, found.grid.blocks) for row in line.rows), sep="\n")

Counts, not times: a simulator has no clock that means anything.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..sim import Profile, Row, SimulatedKernel, profiled
from ..sim.building import build
from .declared import KERNELS, Grid
from .library import Library
from .machines import SimulatedMachine
from .sources import HERE, text_of

STATIC = re.compile(r"^\w+ (\w+) [bBdDuV] (?!sim::).*::", re.MULTILINE)
"""An array of `__shared__` memory in the answer of `nm`, and its size."""
NEARLY = 1.5
"""Up to here, too many sectors are those at the ends of pieces."""


class Line(NamedTuple):
    """A line of a source, and what happens there."""

    file: str
    number: int
    text: str
    rows: list[Row]


@dataclass(frozen=True)
class Xray:
    """What one launch did.

    Attributes:
        name, file: The kernel, and where it stands.
        grid: Blocks and threads.
        shared: Bytes of shared memory of a block; None if nobody can tell.
        rows: What was counted; see `sim.Row`.
    """

    name: str
    file: str
    grid: Grid
    shared: int | None
    rows: tuple[Row, ...]

    def total(self, kind: str, what: str = "count") -> int:
        """The sum of a column over the rows of a kind: `total("shared load", "passes")`."""
        return Profile(list(self.rows)).total(kind, what)

    def lines(self) -> list[Line]:
        """By lines of the kernel's own file; then those of headers that it calls functions of."""
        found: dict[tuple[bool, str, int], list[Row]] = {}
        for row in self.rows:
            file, number = row.file, row.line
            caller, _, digits = row.caller.partition(":")
            if caller == self.file:
                file, number = caller, int(digits)
            found.setdefault((file != self.file, file, number), []).append(row)
        return [
            Line(file, number, source_line(file, number), found[key])
            for key in sorted(found)
            for _, file, number in [key]
        ]


def xray(name: str, dtype: str, operands: Sequence[Any], text: str | None = None) -> Xray:
    """Launches a kernel on operands and counts; what it computes is in its output operands.

    Args:
        name: In `declared.KERNELS`.
        dtype: The number type.
        operands: Arrays and numbers, as the kernel's head has them.
        text: Another source in place of its own: for experiments, such as a deleted barrier.

    Raises:
        KeyError: There is no such kernel.
        ValueError: The operands are not what it is made for.
        SimulationError: It did what a GPU must not.
        BuildError: There is no compiler, or it rejects the text.
    """
    kernel = KERNELS[name]
    launch = Library(SimulatedMachine(), np).get(name, dtype).prepared(operands)
    if launch is None:
        given = ", ".join(str(getattr(operand, "shape", operand)) for operand in operands)
        raise ValueError(f"{name} ({dtype}) is not made for these operands: {given}")
    text, grid = text or kernel.source, launch.grid
    # Compiled alone, so that all shared memory in the library is this kernel's.
    simulated = SimulatedKernel(text, (grid.kernel,), grid.kernel)
    how = {"cooperative": True} if grid.cooperative else {}
    blocks, threads = (grid.blocks,), (grid.threads,)
    with profiled() as found:
        simulated(blocks, threads, (launch.words,), launch.arrays, grid.shared, **how)
    static = _static(text, grid.kernel)
    shared = None if static is None else static + grid.shared
    return Xray(name, kernel.file, grid, shared, tuple(found.rows))


def _static(text: str, kernel: str) -> int | None:
    """Bytes of the `__shared__` variables of a kernel, from the symbols of its library."""
    tool = shutil.which("nm")
    if tool is None:
        return None
    command = [tool, "-SC", "--defined-only", str(build(text, (kernel,), watched=True))]
    symbols = subprocess.run(command, capture_output=True, text=True).stdout
    return sum(int(digits, 16) for digits in STATIC.findall(symbols))


# --- what stands in the files ---------------------------------------------------------------------


def source_line(file: str, number: int) -> str:
    """A line of a source without its indentation; nothing if there is none."""
    path = HERE / file
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def header(file: str) -> dict[str, str]:
    """The paragraphs of a file's first comment by their first words: "Idea", "Prediction", …

    The first one, what the file is, is "". Drawings, which are indented, are left out.
    """
    comment = re.match(r"(//.*\n)*", (HERE / file).read_text(encoding="utf-8"))
    assert comment is not None
    paragraphs = re.sub(r"^// ?", "", comment[0], flags=re.MULTILINE).split("\n\n")
    found, last = {"": " ".join(paragraphs[0].split())}, ""
    for paragraph in paragraphs[1:]:
        words = " ".join(line for line in paragraph.splitlines() if not line.startswith("    "))
        start = re.match(r"(Idea|Error|Prediction|Next bottleneck|Source)[.:] ", words)
        if start:
            last = start[1]
            found[last] = words[start.end() :]
        elif words:
            last = "" if last == "Next bottleneck" else last  # a remark on the whole file
            found[last] += f" {words}"
    return found


def kernel_code(file: str) -> str:
    """A file without its first comment and what it includes."""
    text = text_of(file)
    own = text[text.rindex(f'"{file}"\n') + len(file) + 3 :]
    return re.sub(r"^(//.*\n)+", "", own.lstrip("\n")).strip("\n")


# --- in words -------------------------------------------------------------------------------------


def told(row: Row, blocks: int) -> str:
    """What a row says, and what would mend it.

    Args:
        row: Of an `Xray`.
        blocks: Of its grid.
    """
    if row.kind == "barrier":
        times = "once" if row.count == blocks else f"{row.count / blocks:g} times"
        return f"each block waits {times} until all of its threads are here"
    if row.kind.startswith("shared"):
        if not row.conflicts:
            return "no conflicts: lanes use different banks, or the same word"
        return (
            f"{row.passes:,} passes through the banks where {row.ideal_passes:,} would do: lanes "
            f"want up to {row.worst} different words of one bank. Let lanes use words side by side "
            f"or the same one, or pad the rows"
        )
    if row.coalescing == 1:
        return "coalesced: a warp touches no more sectors than its bytes fill"
    start = f"{row.sectors:,} sectors of 32 bytes where {row.ideal_sectors:,} would do"
    if row.coalescing < NEARLY:
        return f"{start}: nearly coalesced, but pieces do not begin where a sector does"
    return (
        f"{start}, {row.coalescing:.1f} times as many: neighbouring lanes are not at neighbouring "
        f"addresses. Number the threads along the step of 1, or move more bytes with each load"
    )


def numbers_for_each(found: Xray, operations: int, itemsize: int) -> tuple[float, float]:
    """Numbers that threads load for each operation: from global memory, and from shared memory."""
    loads = [found.total(f"{memory} load", "bytes") for memory in ("global", "shared")]
    return loads[0] / (operations * itemsize), loads[1] / (operations * itemsize)
