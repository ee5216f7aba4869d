"""What a program need not compute each time: its constants."""

from collections import Counter
from collections.abc import Iterable, Sequence

from ..ops.registry import Array, registry
from .arrays import is_array, memory_of
from .instructions import Count, Formula, Instruction, Launch
from .settings import Setting


def constants_once(
    lines: Sequence[Instruction], inputs: Sequence[Array], outside: Sequence[Array]
) -> list[Instruction]:
    """The program without lines that would give the same numbers each time, such as dL/dL / n.

    Args:
        lines: The program.
        inputs: Arrays that it is given.
        outside: Memory that others write to: parameters, what optimizers keep, anybody's tensors.
    """
    writers = Counter(id(memory_of(a)) for line in lines for a in line.operands("out"))
    moving = {id(memory_of(a)) for a in (*inputs, *outside)}
    found = []
    for line in lines:
        results = [id(memory_of(a)) for a in line.operands("out")]
        is_constant = (
            all(writers[r] == 1 for r in results)
            and not any(id(memory_of(a)) in moving for a in _read_by(line))
            and not any(r in moving for r in results)
            and _is_ours(line)
            and not _counts(line)
        )
        if not is_constant:
            moving.update(results)
            found.append(line)
    return found


def _read_by(line: Instruction) -> Iterable[Array]:
    """The arrays whose numbers a line uses.

    To spread the gradient of a sum, the other arrays are only asked for their shapes.
    """
    grads = line.context.grads
    if isinstance(line, Formula) and grads is not None and grads.name in ("sum", "mean"):
        return [a for a in line.inputs[:1] if is_array(a)]
    return line.operands("in")


def _counts(line: Instruction) -> bool:
    """Whether a line depends on numbers that are looked up."""
    given = line.args if isinstance(line, Launch) else [*line.inputs, *line.params.values()]
    return any(isinstance(a, Count | Setting) for a in given)


def _is_ours(line: Instruction) -> bool:
    """Whether a line is sure to be a function of its operands: a user's op may draw numbers."""
    op = line.context.op or line.context.grads
    return op is None or registry.get(op.name) is op
