"""Elementwise launches that follow one another as one: an intermediate result stays in a register.

Both are loops over the same entries, made from formulas, so the joined one is made from both texts
and has their bits (`backends/scalar_chains.py`). Only for CUDA: there a launch costs as much as a
small network's arithmetic. On the CPU a launch of a table costs next to nothing, and compiling a
new loop would make a new network wait.
"""

from typing import Any

from ..backends.scalar_chains import chained, chained_args, width_of
from ..backends.scalar_loops import ScalarLoop
from ..backends.table.generated import kernel_of
from ..ops.registry import Array
from .arrays import is_view, memory_of
from .graph import Graph, same
from .instructions import Context, Launch

NAME = "chain_of_"
LIMIT = 24
"""Operands of a joined kernel, at most: each takes registers of every thread."""


def chain(k: int, line: Launch, program: Graph) -> tuple[int, Launch] | None:
    """A later loop that reads what this one writes, and the two in one."""
    loops = program.library.loops
    first = loops.get(line.kernel)
    if first is None or program.library.language != "cuda" or not _plain(first):
        return None
    for place, operand in enumerate(first.operands):
        if operand.kind != "out":
            continue
        for j in program.readers.get(id(memory_of(line.args[place])), []):
            other = program.lines[j] if j > k else None
            if isinstance(other, Launch) and other.kernel in loops:
                joined = _both(k, line, first, j, other, loops[other.kernel], program)
                if joined is not None:
                    return j, joined
    return None


def _plain(loop: ScalarLoop) -> bool:
    return all(operand.kind in ("in", "out", "real", "int") for operand in loop.operands)


def _both(
    k: int,
    line: Launch,
    first: ScalarLoop,
    j: int,
    other: Launch,
    second: ScalarLoop,
    program: Graph,
) -> Launch | None:
    if not _plain(second) or len(first.operands) + len(second.operands) > LIMIT:
        return None
    if _size(first, line.args) != _size(second, other.args):
        return None
    widths = {width_of(first, line.args), width_of(second, other.args)} - {None}
    if len(widths) > 1:
        return None
    links = _links(first, line.args, second, other.args)
    outs = {p for p in links.values() if first.operands[p].kind == "out"}
    if not outs or _late(k, j, other, links, first, second, program):
        return None
    keep = {p for p in outs if not _only_for(j, k, line.args[p], program)}
    count = sum(int(loop.name.removeprefix(NAME)) if loop.name.startswith(NAME) else 1
                for loop in (first, second))  # fmt: skip
    loop = chained(first, second, links, keep, f"{NAME}{count}")
    kernel = kernel_of(program.library, loop, line.kernel.signature.dtype)
    words = list(dict.fromkeys([line.context.purpose, other.context.purpose]))
    args = chained_args(first, line.args, other.args, links, keep)
    return Launch(kernel, args, line.where, Context(", ".join(words)))


def _only_for(j: int, k: int, array: Array, program: Graph) -> bool:
    """Whether nobody but line j reads what only line k wrote here, as often as it may."""
    memory = id(memory_of(array))
    if memory in program.outside or is_view(array) or program.writers.get(memory) != [k]:
        return False
    return set(program.readers[memory]) == {j}


def _size(loop: ScalarLoop, args: list[Any]) -> int:
    """How many entries it goes through."""
    return int(next(a.size for o, a in zip(loop.operands, args, strict=True) if o.kind == "out"))


def _links(
    first: ScalarLoop, ones: list[Any], second: ScalarLoop, twos: list[Any]
) -> dict[int, int]:
    """Which operand of the second is the same array as which of the first."""
    found = {}
    for q, (taken, two) in enumerate(zip(second.operands, twos, strict=True)):
        if taken.kind != "in":
            continue
        for p, (given, one) in enumerate(zip(first.operands, ones, strict=True)):
            fits = given.kind in ("in", "out") and given.pattern == taken.pattern
            if fits and given.dtype == taken.dtype and same(one, two):
                found[q] = p
    return found


def _late(
    k: int,
    j: int,
    other: Launch,
    links: dict[int, int],
    first: ScalarLoop,
    second: ScalarLoop,
    program: Graph,
) -> bool:
    """Whether the second cannot move up to the first: what it needs is not ready, or not free."""
    for q, (operand, array) in enumerate(zip(second.operands, other.args, strict=True)):
        if operand.kind == "out" and program.touched(array, k, j - 1, read=True):
            return True
        if operand.kind == "in":
            ours = q in links and first.operands[links[q]].kind == "out"
            if program.touched(array, k + 1 if ours else k, j - 1):
                return True
    return False
