"""What the lines of a kernel ask of memory, counted while it runs on the simulator.

A GPU executes a load or a store for a warp at once. So what 32 neighbouring threads do at one place
of the program for the n-th time since the last barrier is one access here. Arrays are taken to
begin at a multiple of 256 bytes, as they do on a GPU.
"""

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .places import Place, places
from .warps import WARP, bank_passes, sectors, warp_accesses

Array = np.ndarray[Any, Any]

KINDS = ("load", "store", "atomic")
BARRIER = len(KINDS)

ACCESS = np.dtype(
    [
        ("address", "u8"),
        ("place", "u4"),
        ("phase", "u4"),
        ("thread", "u2"),
        ("bytes", "u2"),
        ("kind", "u1"),
        ("shared", "u1"),
    ],
    align=True,
)
"""One thread's access, as `sim::Access`; a barrier has its line for place, its file for address."""

REPORT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)
"""What the simulator calls when a block ends, or waits for others."""


@dataclass(frozen=True)
class Row:
    """What a line of a kernel did in all the launches that were profiled.

    Attributes:
        kernel: As C++ names it.
        file, line: Where; "?" and 0 if that cannot be found out.
        caller: The line of another file whose call was put in its place there, "file:line", or "".
        kind: "global load", "shared store", "global atomic", ..., "barrier".
        count: Accesses of warps; for a barrier, how often a block met there.
        threads: Accesses of single threads.
        bytes: How many they asked for, each thread for itself.
        sectors, ideal_sectors: Touched in global memory; and how many the bytes would fill.
        passes, ideal_passes: Through the banks of shared memory; and without any conflict.
        worst: The most different words that one pass had to find in one bank.
    """

    kernel: str
    file: str
    line: int
    caller: str
    kind: str
    count: int
    threads: int = 0
    bytes: int = 0
    sectors: int = 0
    ideal_sectors: int = 0
    passes: int = 0
    ideal_passes: int = 0
    worst: int = 0

    @property
    def coalescing(self) -> float:
        """Sectors touched for each one needed: 1 is coalesced, 8 is as bad as float32 can be."""
        return self.sectors / self.ideal_sectors if self.ideal_sectors else 1.0

    @property
    def conflicts(self) -> int:
        """Passes through shared memory that conflicts added."""
        return self.passes - self.ideal_passes


@dataclass
class Profile:
    """What was counted: rows in the order of kernels, files and lines; filled in by each launch."""

    rows: list[Row] = field(default_factory=list)

    def total(self, kind: str, what: str = "count") -> int:
        """The sum of a column over the rows of a kind: `total("global load", "sectors")`."""
        return sum(getattr(row, what) for row in self.rows if row.kind == kind)


SUMS = ("count", "threads", "bytes", "sectors", "ideal_sectors", "passes", "ideal_passes")
"""The columns of a `Row` that add up; `worst`, which follows them, does not."""


class Counter:
    """Counts one launch.

    Args:
        arrays: Those of the launch.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        roots = {_root(array).ctypes.data for array in arrays}
        self._starts = np.array(sorted(roots | {0}), np.int64)
        self._of_place: dict[tuple[int, str], Array] = {}  # the columns from `count` on
        self._barriers: dict[Place, int] = {}
        self._error: BaseException | None = None
        self.report = REPORT(self._block)

    def _block(self, address: int, count: int) -> None:
        """Takes what a block did. An exception cannot pass through the simulator: it is kept."""
        try:
            words = (ctypes.c_char * (count * ACCESS.itemsize)).from_address(address)
            self._add(np.frombuffer(memoryview(words), ACCESS))
        except BaseException as error:
            self._error = self._error or error

    def _add(self, accesses: Array) -> None:
        barrier = accesses["kind"] == BARRIER
        for met in accesses[barrier]:
            file = ctypes.string_at(int(met["address"])).decode()
            place = Place(file, int(met["place"]))
            self._barriers[place] = self._barriers.get(place, 0) + 1
        accesses = accesses[~barrier]
        for shared, memory in ((0, "global"), (1, "shared")):
            for kind, verb in enumerate(KINDS):
                chosen = accesses[(accesses["shared"] == shared) & (accesses["kind"] == kind)]
                if chosen.size:
                    self._add_kind(chosen, f"{memory} {verb}", bool(shared))

    def _add_kind(self, accesses: Array, kind: str, shared: bool) -> None:
        group, first = warp_accesses(accesses)
        address, size = accesses["address"].astype(np.int64), accesses["bytes"].astype(np.int64)
        table = np.zeros((first.size, len(SUMS) + 1), np.int64)
        table[:, 0] = 1
        table[:, 1] = np.bincount(group)
        table[:, 2] = np.bincount(group, size)
        if shared:
            table[:, 5:] = bank_passes(group, address, size, accesses["thread"] % WARP, first.size)
        else:
            start = self._starts[np.searchsorted(self._starts, address, "right") - 1]
            # the address in its array; far from those in others, with which it shares no sector
            own = address - start + (start << 6)
            table[:, 3:5] = sectors(group, own, size, first.size)
        place_of = accesses["place"][first]
        for place in np.unique(place_of).tolist():
            rows = table[place_of == place]
            before = self._of_place.get((place, kind))
            if before is not None:
                rows = np.vstack([rows, before])
            self._of_place[place, kind] = np.append(rows[:, :-1].sum(0), rows[:, -1].max())

    def rows(self, kernel: str, library: Path) -> list[Row]:
        """What was counted; raises what went wrong meanwhile."""
        if self._error is not None:
            raise self._error
        lines = places(library, {place for place, _ in self._of_place})
        found = [
            Row(kernel, *lines[place], kind, *numbers.tolist())
            for (place, kind), numbers in self._of_place.items()
        ]
        found += [Row(kernel, *at, "barrier", count) for at, count in self._barriers.items()]
        return found


def merged(rows: Iterable[Row]) -> list[Row]:
    """One row for each kernel, line, caller and kind, in this order."""
    found: dict[tuple[str, str, int, str, str], Row] = {}
    for row in rows:
        key = row.kernel, row.file, row.line, row.caller, row.kind
        other = found.get(key)
        if other is not None:
            sums = {name: getattr(row, name) + getattr(other, name) for name in SUMS}
            row = replace(row, worst=max(row.worst, other.worst), **sums)
        found[key] = row
    return [found[key] for key in sorted(found)]


def _root(array: Array) -> Array:
    """The array whose memory a view shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
