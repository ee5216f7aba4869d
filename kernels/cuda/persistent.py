"""A whole program as one kernel, which takes many steps in one launch.

The text calls the device function of each launch in turn, on operands that lie in memory as words,
with a barrier of the whole grid wherever a launch needs what another one wrote. It is made for one
program: which kernels, in which order. So it is compiled once for a kind of network; what changes
from step to step (counters, hyper-parameters, the batch) is read from memory, as in a launch list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .declared import Grid
from .ladder import Rung
from .launching import Cell, CudaKernel, Launch
from .library import Library
from .machines import Words
from .sources import text_of

THREADS = {"float32": 512, "float64": 256}
"""In a block; numbers of float64 take two registers each."""
ONE_BLOCK = 1 << 20
"""Multiply-adds of a step up to which one block does it all: its barriers do not leave the
multiprocessor, and a small network is a chain of short waits."""

PLACE = "    // the pieces of a step"

Range: TypeAlias = tuple[int, int]
"""Addresses: the first byte, and the one behind the last."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One launch of a program.

    Attributes:
        kernel: What runs; it has a function that is right for any grid.
        words: Its operands.
        reads, writes: The memory that it uses, scratch memory too.
        arrays: Those whose addresses stand in the words.
        scratch: Where it says that it refuses its numbers, if it may; its last word leads there.
    """

    kernel: CudaKernel
    words: Words
    reads: Sequence[Range]
    writes: Sequence[Range]
    arrays: Sequence[Any]
    scratch: Any = None


def piece_of(launch: Launch) -> Piece:
    """What a launch does; a product by the kernel that is right for any grid."""
    kernel, library = launch.of, launch.of.library
    if isinstance(kernel.declared, Rung):
        if kernel.declared.rounds:
            raise ValueError(
                f"a persistent kernel has products of its own, and no {kernel.declared.rung}: "
                f"leave out use_kernel, or persistent=True"
            )
        kernel = library.get("product_any_grid", kernel.dtype)
    reads, writes = list[Range](), list[Range]()
    for role, arg in zip(kernel.signature.roles, launch.args, strict=True):
        if isinstance(arg, Cell):
            reads.append((arg.address, arg.address + 8))
        elif isinstance(arg, library.arrays.ndarray):
            found = extent(arg, library.machine.address(arg))
            (reads if role == "in" else writes).append(found)
    known = [arg.array if isinstance(arg, Cell) else arg for arg in launch.args]
    for array in launch.arrays:
        if not any(array is arg for arg in known):  # scratch memory
            found = extent(array, library.machine.address(array))
            (writes if kernel.declared.works else reads).append(found)
    return Piece(kernel, launch.words, reads, writes, launch.arrays, launch.scratch)


def work_of(launch: Launch) -> int:
    """How many multiply-adds it takes, about."""
    given = dict(zip(launch.of.signature.names, launch.args, strict=True))
    results = zip(launch.of.signature.roles, launch.args, strict=True)
    size = sum(int(arg.size) for role, arg in results if "out" in role and arg is not None)
    return size * int(given["A"].shape[1]) if launch.of.name.startswith("product") else size


def extent(array: Any, address: int) -> Range:
    """The bytes between an array's first entry and its last, whichever way its axes run."""
    ways = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True) if n]
    low = address + sum(way for way in ways if way < 0)
    return low, address + sum(way for way in ways if way > 0) + array.itemsize


def barriers(pieces: Sequence[Piece]) -> list[bool]:
    """Which pieces must wait for all that came before them, in this step or in the last one.

    The first piece stands for the end of a step: the program waits there.
    """
    found, reads, writes = list[bool](), list[Range](), list[Range]()
    for piece in (*pieces, *pieces):
        waits = _overlap(piece.reads, writes) or _overlap(piece.writes, [*reads, *writes])
        if waits:
            reads, writes = [], []
        reads += piece.reads
        writes += piece.writes
        found.append(waits)
    return [a or b for a, b in zip(found[: len(pieces)], found[len(pieces) :], strict=True)]


def _overlap(some: Sequence[Range], others: Sequence[Range]) -> bool:
    return any(a[0] < b[1] and b[0] < a[1] for a in some for b in others)


def text_of_program(pieces: Sequence[Piece]) -> str:
    """The kernel's source: every file that is needed in a namespace of its own, then the loop.

    Between a look at what was refused and a piece that may refuse stands a barrier: else a late
    block would see the new mark, and leave others waiting for it.
    """
    sources = dict.fromkeys(piece.kernel.declared.source for piece in pieces)
    spaces = {source: f"part_{k}" for k, source in enumerate(sources)}
    files = [f"namespace {space} {{\n{source}\n}}" for source, space in spaces.items()]
    lines, place = list[str](), 0
    refusing: list[int] = []
    may_look = True  # some block, since the last barrier: at the loop's beginning for the last step
    at_end, *between = barriers(pieces)
    for piece, waits in zip(pieces, [False, *between], strict=True):
        if waits:
            lines.append("WAIT();")
            lines += [f"STOP_IF_REFUSED({word});" for word in refusing]
            may_look, refusing = bool(refusing), []
        if may_look and piece.scratch is not None:
            lines.append("WAIT();")
            may_look = False
        declared = piece.kernel.declared
        function = f"{spaces[declared.source]}::{declared.function(piece.kernel.dtype)}"
        lines.append(f"PIECE({function}, {place})")
        place += len(piece.words)
        if piece.scratch is not None:
            refusing.append(place - 1)
    if at_end or refusing:
        lines += ["WAIT();", *(f"STOP_IF_REFUSED({word});" for word in refusing)]
    body = "\n".join(f"    {line}" for line in lines)
    head = f"#define PROGRAM_THREADS {threads_for(pieces)}"
    return "\n".join([*files, head, text_of("program.cuh").replace(PLACE, body)])


def threads_for(pieces: Sequence[Piece]) -> int:
    """In a block, for pieces of these number types."""
    return min(THREADS.get(piece.kernel.dtype, 1024) for piece in pieces)


class Persistent:
    """A program's pieces as one kernel.

    Args:
        library: Where kernels come from.
        launches: What a step is made of, in order.
        blocks: How many work together; None: one for a small network, else what runs at once.

    Raises:
        ValueError: A product on a rung that rounds its operands, which this kernel does not.
    """

    def __init__(
        self, library: Library, launches: Sequence[Launch], blocks: int | None = None
    ) -> None:
        self.machine = library.machine
        self.pieces = pieces = [piece_of(launch) for launch in launches]
        arrays = library.arrays
        self.words = arrays.asarray(np.concatenate([piece.words for piece in pieces]))
        self.state = arrays.zeros(2, np.int64)  # steps taken; the barrier's counter
        self.text = text_of_program(pieces)
        if blocks is None:
            small = sum(map(work_of, launches)) <= ONE_BLOCK
            blocks = 1 if small else self.machine.processors
        self.grid = Grid("program", blocks, threads_for(pieces), cooperative=True)
        self.kernel = self.machine.kernel(self.text, ("program",), "program")

    def run(self, steps: int) -> int:
        """Takes steps, all in one launch; how many were taken: fewer if a piece refused."""
        address = self.machine.address
        words = [address(self.words), address(self.state), address(self.state[1:]), steps]
        arrays = [self.words, self.state, *(a for piece in self.pieces for a in piece.arrays)]
        self.kernel(self.grid, np.array(words, np.int64), arrays)
        return int(self.state[0])
