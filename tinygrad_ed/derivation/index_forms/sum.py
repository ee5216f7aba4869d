"""The terms of a derivative put together: equal ones as one, what they have in common in front."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from ...ops.index.tree import Add, Neg, Node, Reduce, letters_of
from .terms import ONE, Term, product


def merged(terms: list[Term]) -> list[Term]:
    """Equal terms as one with their numbers added, those that cancel left out."""
    found: list[Term] = []
    for term in terms:
        for k, other in enumerate(found):
            if _alike(term, other):
                found[k] = replace(other, coefficient=other.coefficient + term.coefficient)
                break
        else:
            found.append(term)
    return [t for t in found if t.coefficient]


def _alike(a: Term, b: Term) -> bool:
    return (
        Counter(a.factors) == Counter(b.factors)
        and Counter(a.below) == Counter(b.below)
        and sorted(a.binders) == sorted(b.binders)
    )


def together(terms: list[Term]) -> Node:
    """The sum of terms, with what they have in common in front: `P * (dP - Σ_j dP * P)`."""
    if len(terms) == 1:
        return written(terms[0])
    above = _common([Counter(_outside(t, t.factors)) for t in terms])
    below = _common([Counter(_outside(t, t.below)) for t in terms])
    sizes = {abs(t.coefficient) for t in terms}
    number = sizes.pop() if len(sizes) == 1 else Fraction(1)
    order = [f for f in terms[0].factors if above[f]]
    inner = [_less(t, above, below, number) for t in terms]
    if all(t.coefficient < 0 for t in inner):
        inner, number = [replace(t, coefficient=-t.coefficient) for t in inner], -number
    inner.sort(key=lambda t: t.coefficient < 0)
    addends = [
        part
        for node in map(written, inner)
        for part in (node.terms if isinstance(node, Add) else (node,))
    ]
    total: Node = Add(tuple(addends))
    first = tuple(f for k, f in enumerate(order) if order.index(f) == k for _ in range(above[f]))
    divisors = tuple(d for d in dict.fromkeys(terms[0].below) for _ in range(below[d]))
    if not first and not divisors and number == 1:
        return total
    return product(number, (*first, total), divisors)


def _outside(term: Term, nodes: tuple[Node, ...]) -> list[Node]:
    """Those that no sum of the term runs over."""
    return [n for n in nodes if not letters_of(n) & set(term.binders)]


def _common(counters: list[Counter[Node]]) -> Counter[Node]:
    common = counters[0]
    for counter in counters[1:]:
        common = common & counter
    return common


def _less(term: Term, above: Counter[Node], below: Counter[Node], number: Fraction) -> Term:
    """A term without the common factors."""

    def without(nodes: tuple[Node, ...], gone: Counter[Node]) -> tuple[Node, ...]:
        left = Counter(gone)
        kept = []
        for node in nodes:
            if left[node]:
                left[node] -= 1
            else:
                kept.append(node)
        return tuple(kept)

    factors = without(term.factors, above)
    return replace(
        term,
        coefficient=term.coefficient / number,
        before=(),
        after=factors,
        below=without(term.below, below),
    )


def written(term: Term) -> Node:
    """A term as a node: number and factors that no sum runs over in front of Σ."""
    if not term.binders:
        return product(term.coefficient, term.factors, term.below)
    outside = _outside(term, term.factors)
    inside = tuple(f for f in term.factors if f not in outside)
    body = product(Fraction(1), inside, term.below) if inside or term.below else ONE
    total = Reduce("Σ", term.binders, body)
    sign = Fraction(-1) if term.coefficient < 0 else Fraction(1)
    size = abs(term.coefficient)
    node = product(size, (*outside, total), ())
    return Neg(node) if sign < 0 else node
