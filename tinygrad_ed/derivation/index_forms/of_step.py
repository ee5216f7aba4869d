"""The index formula of a step, in the network's names: where a single entry comes from."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...ops.index.parse import parse
from ...ops.index.tree import Entry, Index, Node, Reduce, Size, Softmax, rebuilt, walk
from ...ops.registry import Op
from ...tape import Node as Result
from ...tape import broadcast_axes
from ...views.emit import Variable
from .vjp import vjp_formula


def index_of(op: Op, node: Result, name: str, operands: Mapping[str, Any]) -> str:
    """The op's index formula for these shapes, with the network's names; "" if it states none."""
    formula = op.index_for(node._arrays, node._params)
    return _renamed(formula, _result(formula), name, operands) if formula else ""


def index_of_gradient(
    op: Op, node: Result, which: int, upstream: str, name: str, operands: Mapping[str, Any]
) -> str:
    """The same for the gradient of one operand, derived from the op's index formula.

    It sums over the axes that the operand was spread along, too.
    """
    formula = op.index_for(node._arrays, node._params)
    if not formula:
        return ""
    operand = op.names_of(len(node._sources))[which]
    derived = vjp_formula(formula, operand, {operand: np.shape(node._arrays[which])})
    if not derived:
        return ""
    y = _result(formula)
    names = {**operands, y: Variable(upstream[1:], (), None), f"d{y}": Variable(upstream, (), None)}
    return _renamed(derived, f"d{operand}", name, names)


def index_of_sum(name: str, wide: str, shape: tuple[int, ...], narrow: tuple[int, ...]) -> str:
    """The sum over the axes that an array was spread along: `db[h] = Σ_n db_wide[n,h]`."""
    letters = LETTERS[: len(shape)]
    if len(letters) < len(shape):
        return ""
    axes, extra = broadcast_axes(shape, narrow), len(shape) - len(narrow)
    left = ["0" if k in axes else letters[k] for k in range(extra, len(shape))]
    sums = "".join(f"Σ_{letters[k]} " for k in axes)
    place = f"[{','.join(left)}]" if left else ""
    return f"{name}{place} = {sums}{wide}[{','.join(letters)}]"


def _result(formula: str) -> str:
    """What an index formula calls its result: Z of `Z[n,h] = …`."""
    return parse(formula).result.name


def _renamed(formula: str, result: str, name: str, operands: Mapping[str, Any]) -> str:
    """An index formula with the network's names for the op's own.

    An index that is called like something in the network (h of a hidden layer h) gets another
    letter.
    """
    parsed = parse(formula)
    names = {k: v.name for k, v in operands.items() if isinstance(v, Variable)} | {result: name}
    nodes = [*parsed.left, *walk(parsed.right)]
    used = {letter for node in nodes for letter in _letters(node)}
    taken = {n.lower() for n in names.values()} | used
    free = (letter for letter in LETTERS if letter not in taken)
    clashing = sorted(used & {n.lower() for n in names.values()})
    letters = {letter: next(free, letter) for letter in clashing}

    def changed(node: Node) -> Node:
        node = rebuilt(node, changed)
        match node:
            case Entry() | Softmax():
                return replace(node, name=names.get(node.name, node.name))
            case Index():
                return Index(letters.get(node.name, node.name))
            case Size():
                return Size(letters.get(node.of, node.of))
            case Reduce():
                return replace(node, indices=tuple(letters.get(i, i) for i in node.indices))
        return node

    left = tuple(entry for entry in map(changed, parsed.left) if isinstance(entry, Entry))
    ranges = tuple((letters.get(i, i), n) for i, n in parsed.ranges)
    return str(replace(parsed, left=left, right=changed(parsed.right), ranges=ranges))


def _letters(node: Node) -> set[str]:
    """The indices that stand in a node or below it, bound ones too."""
    found = set()
    for part in walk(node):
        if isinstance(part, Index):
            found.add(part.name)
        if isinstance(part, Reduce):
            found |= set(part.indices)
    return found


LETTERS = "ijkmnpqrsuvw"
