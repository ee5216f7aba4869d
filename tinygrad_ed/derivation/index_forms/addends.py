"""The right side of an index formula as terms at one place, each a product with its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...ops.index.tree import Add, Bracket, Div, Mul, Neg, Node, Reduce
from ...ops.index.tree import Entry as EntryNode
from .meets import Meet, meetings
from .terms import Term as Product
from .terms import product
from .values import Values


@dataclass(frozen=True)
class Factor:
    """A factor of a term.

    Attributes:
        name: The operand, "" if the factor is no plain entry of one.
        indices: Which entry.
        value: Its number.
        below: Whether the term is divided by it.
        node: What to write, and `at`, where.
    """

    name: str
    indices: tuple[int, ...]
    value: float
    below: bool
    node: Node = field(repr=False)
    at: Mapping[str, int] = field(repr=False)


@dataclass(frozen=True)
class Term:
    """A product, added or subtracted.

    Attributes:
        negative: Whether it is subtracted.
        factors: What is multiplied and divided.
        value: Its number, the sign included.
    """

    negative: bool
    factors: tuple[Factor, ...]
    value: float


@dataclass(frozen=True)
class Rest:
    """Terms of a long sum that are not shown.

    Attributes:
        count: How many.
        value: Their sum.
    """

    count: int
    value: float


def has_sum(node: Node) -> bool:
    """Whether a node is a sum over an index, alone or as a term, factor or numerator."""
    match node:
        case Reduce(kind):
            return kind == "Σ"
        case Neg(of):
            return has_sum(of)
        case Div(top, _):
            return has_sum(top)
        case Add(terms):
            return any(has_sum(t) for t in terms)
        case Mul(factors):
            return any(has_sum(f) for f in factors)
    return False


def expanded(node: Node, outermost: bool = True) -> list[Product]:
    """A right side as products under sums: what stands in front of a sum goes into its terms."""
    match node:
        case Add(terms) if outermost or has_sum(node):
            return [p for t in terms for p in expanded(t, outermost)]
        case Neg(of) if outermost or has_sum(node):
            return [replace(p, coefficient=-p.coefficient) for p in expanded(of, outermost)]
        case Reduce("Σ", indices, body):
            return [replace(p, binders=(*indices, *p.binders)) for p in expanded(body, False)]
        case Mul(factors) if sum(map(has_sum, factors)) == 1:
            k = next(k for k, f in enumerate(factors) if has_sum(f))
            return [
                p.times(*factors[:k], before=True).times(*factors[k + 1 :])
                for p in expanded(factors[k], False)
            ]
        case Div(top, bottom) if has_sum(top):
            return [p.over(bottom) for p in expanded(top, False)]
    return [Product().times(node)]


def terms_at(
    addend: Product, values: Values, at: dict[str, int], limit: int
) -> tuple[list[Term | Rest], list[Meet]]:
    """The terms of one sum at a place, those beyond the limit as a rest; and what met in them."""
    conditions = [f for f in addend.factors if isinstance(f, Bracket)]
    factors = tuple(f for f in addend.factors if f not in conditions)
    here = values.grid(addend.binders, at)
    shape = tuple(values.size(b) for b in addend.binders)
    depth = len(shape)
    with np.errstate(all="ignore"):
        counts: Any = np.True_
        for bracket in conditions:
            counts = counts & values.holds(bracket, here, depth)
        counts = np.broadcast_to(counts, shape)
        whole = product(addend.coefficient, (*conditions, *factors), addend.below)
        numbers = np.broadcast_to(values.value(whole, here, depth), shape)
    chosen = np.flatnonzero(counts.reshape(-1))
    total = numbers.reshape(-1)[chosen]
    found: list[Term | Rest] = []
    for k in chosen[:limit]:
        place = np.unravel_index(k, shape) if shape else ()
        point = {**at, **{b: int(i) for b, i in zip(addend.binders, place, strict=True)}}
        found.append(_term(addend, factors, values, point, float(numbers.reshape(-1)[k])))
    if len(chosen) > limit:
        found.append(Rest(len(chosen) - limit, float(total[limit:].sum())))
    return found, met_at(addend, values, at)


def met_at(addend: Product, values: Values, at: dict[str, int]) -> list[Meet]:
    """What meets in one sum at a place."""
    if not addend.binders:
        return []
    here = values.grid(addend.binders, at)
    shape = tuple(values.size(b) for b in addend.binders)
    counts: Any = np.True_
    for bracket in addend.factors:
        if isinstance(bracket, Bracket):
            counts = counts & values.holds(bracket, here, len(shape))
    counts = np.broadcast_to(counts, shape)
    return meetings(addend.factors, addend.binders, values, here, counts)


def _term(
    addend: Product,
    factors: tuple[Node, ...],
    values: Values,
    at: dict[str, int],
    value: float,
) -> Term:
    """One term at one place; its sign is the coefficient's."""
    number = abs(addend.coefficient)
    parts = product(number, factors, addend.below)
    above, below = (parts.top, parts.bottom) if isinstance(parts, Div) else (parts, None)
    made = [_factor(f, values, at, False) for f in _split(above)]
    if below is not None:
        made += [_factor(f, values, at, True) for f in _split(below)]
    return Term(addend.coefficient < 0, tuple(made), value)


def _split(node: Node) -> tuple[Node, ...]:
    return node.factors if isinstance(node, Mul) else (node,)


def _factor(node: Node, values: Values, at: dict[str, int], below: bool) -> Factor:
    name, indices = "", tuple[int, ...]()
    if isinstance(node, EntryNode):
        name = node.name
        indices = tuple(int(values.value(i, at)) for i in node.indices)
    return Factor(name, indices, values.number(node, at), below, node, at)
