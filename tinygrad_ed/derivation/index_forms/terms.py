"""One term of a derivative: a product with a hole where the upstream gradient goes.

Differentiating an index formula gives a sum of such terms. Each knows its factors, what it is
divided by, the indices it is summed over, and its Kronecker deltas: `[e == a]`, where an index
expression e of the operand must meet the place a of the derivative. A delta on an index that is
summed over removes the sum: Σ_n [n == a] f(n) = f(a).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from ...ops.index.tree import (
    Add,
    Bracket,
    Call,
    Div,
    Entry,
    Index,
    Mul,
    Neg,
    Node,
    Number,
    Pow,
    Reduce,
    Softmax,
    letters_of,
    rebuilt,
    substituted,
)

ONE = Number(1)


@dataclass(frozen=True)
class Term:
    """coefficient · Σ_binders before · (hole) · after / below, where all deltas hold.

    Attributes:
        coefficient: The number in front.
        before: Factors in front of the hole.
        after: Factors behind it.
        below: What the product is divided by.
        binders: Indices that it is summed over.
        deltas: (index expression of the operand, place in the derivative) that must be equal.
    """

    coefficient: Fraction = Fraction(1)
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()
    below: tuple[Node, ...] = ()
    binders: tuple[str, ...] = ()
    deltas: tuple[tuple[Node, Node], ...] = ()

    def times(self, *factors: Node, before: bool = False) -> "Term":
        """With more factors, their numbers, signs and denominators put where they belong."""
        term = self
        for factor in reversed(factors) if before else factors:
            coefficient, above, below = parts(factor)
            term = replace(
                term,
                coefficient=term.coefficient * coefficient,
                before=(*above, *term.before) if before else term.before,
                after=term.after if before else (*term.after, *above),
                below=(*term.below, *below),
            )
        return term

    def over(self, node: Node) -> "Term":
        """Divided by a node."""
        return self.times(Div(ONE, node))

    @property
    def factors(self) -> tuple[Node, ...]:
        """All factors above the line."""
        return (*self.before, *self.after)

    def mapped(self, values: dict[str, Node]) -> "Term":
        """With indices replaced everywhere."""

        def changed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
            return tuple(substituted(n, values) for n in nodes)

        return replace(
            self,
            before=changed(self.before),
            after=changed(self.after),
            below=changed(self.below),
            binders=tuple(b for b in self.binders if b not in values),
            deltas=tuple((substituted(e, values), substituted(a, values)) for e, a in self.deltas),
        )


def parts(node: Node) -> tuple[Fraction, tuple[Node, ...], tuple[Node, ...]]:
    """A product as number, factors and divisors."""
    match node:
        case Number(value) if isinstance(value, int) or math.isfinite(value):
            return Fraction(value), (), ()
        case Neg(of):
            coefficient, above, below = parts(of)
            return -coefficient, above, below
        case Mul(factors):
            found = [parts(f) for f in factors]
            number = math.prod((f[0] for f in found), start=Fraction(1))
            return number, sum((f[1] for f in found), ()), sum((f[2] for f in found), ())
        case Div(top, bottom):
            number, above, below = parts(top)
            by, down, up = parts(bottom)
            if by:
                return number / by, (*above, *up), (*below, *down)
    return Fraction(1), (node,), ()


def product(coefficient: Fraction, above: tuple[Node, ...], below: tuple[Node, ...]) -> Node:
    """The tree of number, factors and divisors; the way back of `parts`."""
    size = abs(coefficient)
    numerator, denominator = _ratio(size)
    factors = (*((Number(numerator),) if numerator != 1 else ()), *above)
    divisors = (*((Number(denominator),) if denominator != 1 else ()), *below)
    node: Node = factors[0] if len(factors) == 1 else Mul(factors) if factors else ONE
    if divisors:
        node = Div(node, divisors[0] if len(divisors) == 1 else Mul(divisors))
    return Neg(node) if coefficient < 0 else node


def _ratio(size: Fraction) -> tuple[int | float, int]:
    """A small fraction as it is, one from a decimal number as that number again."""
    if size.denominator <= 64:
        return size.numerator, size.denominator
    return float(size), 1


def simplified(term: Term) -> Term:
    """What stands above and below the line cancels; e^z over its sum becomes the softmax."""
    before, after, below = list(term.before), list(term.after), []
    for divisor in term.below:
        side = before if divisor in before else after if divisor in after else None
        if side is None:
            below.append(divisor)
        else:
            side.remove(divisor)
    for divisor in list(below):
        for side in (before, after):
            for k, factor in enumerate(side):
                row = softmax_of(factor, divisor)
                if row is not None and divisor in below:
                    side[k] = row
                    below.remove(divisor)
    return replace(term, before=tuple(before), after=tuple(after), below=tuple(below))


def softmax_of(top: Node, bottom: Node) -> Softmax | None:
    """exp(z[n,k]) / Σ_j exp(z[n,j]) as softmax(z[n,:])[k]; None for anything else."""
    match top, bottom:
        case (
            Call("exp", Entry(name, here)),
            Reduce("Σ", (j,), Call("exp", Entry(same, there))),
        ) if name == same and len(here) == len(there):
            axes = [k for k, i in enumerate(there) if i == Index(j)]
            others = [(a, b) for k, (a, b) in enumerate(zip(here, there, strict=True))
                      if k not in axes]  # fmt: skip
            plain = all(a == b and j not in letters_of(b) for a, b in others)
            if len(axes) == 1 and plain:
                row = tuple(None if k in axes else i for k, i in enumerate(here))
                return Softmax(name, row, here[axes[0]])
    return None


def with_softmax(node: Node) -> Node:
    """Every e^z over its sum in a formula as a softmax."""
    node = rebuilt(node, with_softmax)
    if isinstance(node, Div):
        return softmax_of(node.top, node.bottom) or node
    return node


# --- Kronecker deltas ---------------------------------------------------------------------------


def without_deltas(term: Term, ranges: dict[str, int], unknown: set[str]) -> Term | None:
    """The deltas used up: sums removed, or a bracket where nothing is summed; None for zero.

    Args:
        term: A term with deltas.
        ranges: How far an index runs that says so itself.
        unknown: Places of which it is not known how far they run.
    """
    while term.deltas:
        (inside, place), rest = term.deltas[0], term.deltas[1:]
        term = replace(term, deltas=rest)
        if inside == place:
            continue
        if isinstance(inside, Number) and isinstance(place, Number):
            return None
        solved = _solved(inside, place, term.binders, ranges)
        if isinstance(inside, Index) and inside.name in ranges and letters_of(place) & unknown:
            solved = None  # one index for two axes of unequal size needs a size of its own
        if solved is None:
            first, second = (inside, place) if isinstance(inside, Index) else (place, inside)
            term = term.times(Bracket(first, (("==", second),)))
        else:
            letter, value, condition = solved
            term = term.mapped({letter: value})
            if condition is not None:
                term = term.times(condition)
    return term


def _solved(
    inside: Node, place: Node, binders: tuple[str, ...], ranges: dict[str, int]
) -> tuple[str, Node, Bracket | None] | None:
    """place = ±i + c for a summed index i: which i, and the condition that it exists."""
    affine = affine_in(inside, binders)
    if affine is None:
        return _solved_among_others(inside, place, binders, ranges)
    letter, sign, offset = affine
    if letter not in ranges:
        return (letter, place, None) if sign == 1 and offset == 0 else None
    size = ranges[letter]
    if size == 0:
        return letter, place, Bracket(Number(0), (("==", Number(1)),))
    low, high = (offset, offset + size) if sign == 1 else (offset - size + 1, offset + 1)
    value = shifted(place, sign, -offset if sign == 1 else offset)
    if low == 0:
        return letter, value, Bracket(place, (("<", Number(high)),))
    return letter, value, Bracket(number(low), (("<=", place), ("<", number(high))))


def _solved_among_others(
    inside: Node, place: Node, binders: tuple[str, ...], ranges: dict[str, int]
) -> tuple[str, Node, Bracket | None] | None:
    """place = i + rest, as in a convolution's x[i+k]: i = place - rest, where it lies in range."""
    terms = list(signed_terms(inside, 1))
    for k, (sign, part) in enumerate(terms):
        rest = terms[:k] + terms[k + 1 :]
        if not (isinstance(part, Index) and part.name in binders and part.name in ranges):
            continue
        if any(part.name in letters_of(other) for _, other in rest):
            continue
        away = [Neg(other) if s * sign == 1 else other for s, other in rest]
        value = Add((*((place,) if sign == 1 else ()), *away, *((Neg(place),) if sign < 0 else ())))
        size = Number(ranges[part.name])
        return part.name, value, Bracket(Number(0), (("<=", value), ("<", size)))
    return None


def shifted(place: Node, sign: int, offset: int) -> Node:
    """place + offset, or offset - place."""
    if isinstance(place, Number):
        return number(int(sign * place.value + offset))
    if sign == 1:
        if not offset:
            return place
        return Add((place, Number(offset) if offset > 0 else Neg(Number(-offset))))
    return Add((Number(offset), Neg(place))) if offset else Neg(place)


def number(value: int) -> Node:
    """A whole number as the parser would read it."""
    return Number(value) if value >= 0 else Neg(Number(-value))


def affine_in(node: Node, letters: tuple[str, ...]) -> tuple[str, int, int] | None:
    """(i, sign, offset) for i, i + 2, 3 - i with one of the letters; None for anything else."""
    found = list(signed_terms(node, 1))
    named = [(sign, part) for sign, part in found if isinstance(part, Index)]
    offset = 0
    for sign, part in found:
        if isinstance(part, Number) and isinstance(part.value, int):
            offset += sign * part.value
        elif not isinstance(part, Index):
            return None
    if len(named) != 1 or named[0][1].name not in letters:
        return None
    return named[0][1].name, named[0][0], offset


def signed_terms(node: Node, sign: int) -> Iterator[tuple[int, Node]]:
    """The terms of a sum with their signs."""
    match node:
        case Add(terms):
            for term in terms:
                yield from signed_terms(term, sign)
        case Neg(of):
            yield from signed_terms(of, -sign)
        case _:
            yield sign, node


def powered(base: Node, exponent: Fraction) -> Node:
    """base**exponent, the base itself for 1."""
    if exponent == 1:
        return base
    numerator, denominator = _ratio(abs(exponent))
    size: Node = Number(numerator)
    if denominator != 1:
        size = Div(size, Number(denominator))
    return Pow(base, Neg(size) if exponent < 0 else size)
