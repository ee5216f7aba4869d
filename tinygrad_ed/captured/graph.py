"""Who reads and who writes which memory in a program: what joining its lines must respect."""

from collections.abc import Sequence
from typing import Any

from ..backends.table.environment import Library
from ..ops.registry import Array
from .arrays import address_of, is_array, is_view, may_overlap, memory_of
from .instructions import Instruction


class Graph:
    """Instructions being joined, with who reads and writes which memory.

    Args:
        lines: The instructions.
        outside: Arrays that must be in memory at the end, and those that the program is given.
        library: Where other kernels of the device come from.
    """

    def __init__(
        self, lines: Sequence[Instruction], outside: Sequence[Array], library: Library
    ) -> None:
        self.library = library
        self.lines: list[Instruction | None] = list(lines)
        self.outside = {id(memory_of(a)) for a in outside}
        self.readers: dict[int, list[int]] = {}
        self.writers: dict[int, list[int]] = {}
        for k, line in enumerate(lines):
            self._enter(k, line)

    def _enter(self, k: int, line: Instruction) -> None:
        for role, table in (("in", self.readers), ("out", self.writers)):
            for array in line.operands(role):
                table.setdefault(id(memory_of(array)), []).append(k)

    def _leave(self, k: int) -> None:
        line = self.lines[k]
        assert line is not None
        for role, table in (("in", self.readers), ("out", self.writers)):
            for array in line.operands(role):
                table[id(memory_of(array))].remove(k)

    def join(self, k: int, j: int, both: Instruction) -> None:
        """Lines k and j become one, at k."""
        self._leave(k)
        self._leave(j)
        self.lines[k], self.lines[j] = both, None
        self._enter(k, both)

    @property
    def left(self) -> list[Instruction]:
        """The lines that are left."""
        return [line for line in self.lines if line is not None]

    def only_reader(self, k: int, array: Array) -> int | None:
        """The one line that reads what only line k wrote here, unless somebody keeps it."""
        memory = id(memory_of(array))
        if memory in self.outside or is_view(array):
            return None
        readers = self.readers.get(memory, [])
        if self.writers.get(memory) != [k] or len(readers) != 1 or readers[0] <= k:
            return None
        return readers[0]

    def touched(self, array: Array, first: int, last: int, *, read: bool = False) -> bool:
        """Whether lines first … last write one of these entries, or read one."""
        memory = id(memory_of(array))
        for role, table in (("out", self.writers), ("in", self.readers)):
            for k in table.get(memory, []) if read or role == "out" else []:
                line = self.lines[k] if first <= k <= last else None
                if line is not None and any(may_overlap(a, array) for a in line.operands(role)):
                    return True
        return False


def same(a: Any, b: Any) -> bool:
    """Whether two arrays are the same entries."""
    return a is b or (
        is_array(a)
        and is_array(b)
        and address_of(a) == address_of(b)
        and (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype)
    )
