"""What meets in a sum: which row of one operand runs along which column of the other.

In dW[2,0] = Σ_n X[n,2] dZ[n,0] column 2 of X meets column 0 of dZ: written as a product of
matrices, row times column, X has to be turned round. That is where the transpose comes from.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...ops.index.tree import Entry, Node, Softmax, letters_of, walk
from .values import Values

Part = int | slice | tuple[int, ...]


@dataclass(frozen=True)
class Meet:
    """The part of an operand that a sum runs through.

    Attributes:
        name: The operand.
        index: What NumPy would be given: a number, a slice or a list of numbers for each axis.
    """

    name: str
    index: tuple[Part, ...]

    def __str__(self) -> str:
        where = f"{self.name}[{','.join(_text(p) for p in self.index)}]"
        everything = slice(None)
        match self.index:
            case (int(row), part) if part == everything:
                return f"row {row}, {where}"
            case (part, int(column)) if part == everything:
                return f"column {column}, {where}"
        return where


def _text(part: Part) -> str:
    if isinstance(part, slice):
        ends = ["" if k is None else str(k) for k in (part.start, part.stop, part.step)]
        return ":".join(ends if part.step is not None else ends[:2])
    return str(part).replace(" ", "") if isinstance(part, int) else str(list(part))


def meetings(
    factors: Sequence[Node],
    binders: Sequence[str],
    values: Values,
    here: Mapping[str, Any],
    counts: Any,
) -> list[Meet]:
    """The parts of the operands that the terms of a sum are made of.

    Args:
        factors: The factors of its terms.
        binders: The indices that are summed over.
        values: The formula's values.
        here: The place, with the summed indices as arrays.
        counts: Which terms count (the others are 0 by a bracket).
    """
    summed = set(binders)
    found: list[Meet] = []
    if not np.any(counts):
        return found
    for node in (n for f in factors for n in walk(f)):
        if not isinstance(node, Entry | Softmax):
            continue
        indices = [*node.indices]
        used = [letters_of(k) for k in indices if k is not None]
        outer = set().union(*used, letters_of(node.at) if isinstance(node, Softmax) else ())
        if not outer & summed or outer - here.keys():
            continue  # the same in every term, or inside a sum of its own
        picked = any(isinstance(n, Entry) for k in indices if k is not None for n in walk(k))
        if picked or any(a & b & summed for a, b in itertools.combinations(used, 2)):
            continue  # entries that are no row, column or block: x[n,labels[n]], x[i,i]
        shape = np.shape(values.arrays[node.name])
        parts = tuple(
            slice(None) if k is None else _part(k, summed, n, values, here, counts)
            for k, n in zip(indices, shape, strict=True)
        )
        meet = Meet(node.name, parts)
        if meet not in found:
            found.append(meet)
    return found


def _part(
    node: Node,
    summed: set[str],
    size: int,
    values: Values,
    here: Mapping[str, Any],
    counts: Any,
) -> Part:
    """The values that an index takes: a number, a slice, or else the list of them."""
    value = np.asarray(values.value(node, here, np.ndim(counts)))
    if not letters_of(node) & summed:
        return int(value.reshape(-1)[0])
    taken = np.unique(np.broadcast_to(value, np.shape(counts))[counts])
    if len(taken) == size:
        return slice(None)
    steps = np.unique(np.diff(taken))
    if len(taken) > 1 and len(steps) == 1:
        step = int(steps[0])
        return slice(int(taken[0]), int(taken[-1]) + 1, None if step == 1 else step)
    return int(taken[0]) if len(taken) == 1 else tuple(int(k) for k in taken)
