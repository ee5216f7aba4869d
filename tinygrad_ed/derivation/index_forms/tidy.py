"""Putting a derived formula into the form that one would write by hand.

Index expressions are summed up (`i+2-1` is `i+1`), brackets on one index become one interval and
leave out what always holds, and what the formula itself computes is called by its name: `A[n,h]`
instead of `sigmoid(Σ_d …)`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...ops.index.text import Formula
from ...ops.index.tree import (
    Add,
    Bracket,
    Call,
    Entry,
    Index,
    Neg,
    Node,
    Number,
    Reduce,
    Softmax,
    letters_of,
    rebuilt,
    walk,
)
from .terms import Term, number, signed_terms


def tidied(node: Node) -> Node:
    """Every index expression summed up."""
    node = rebuilt(node, tidied)
    if isinstance(node, Entry):
        return replace(node, indices=tuple(summed(i) for i in node.indices))
    if isinstance(node, Softmax):
        row = tuple(i if i is None else summed(i) for i in node.indices)
        return replace(node, indices=row, at=summed(node.at))
    if isinstance(node, Bracket):
        return Bracket(summed(node.first), tuple((c, summed(p)) for c, p in node.rest))
    return node


def summed(node: Node) -> Node:
    """A sum of indices and numbers with its numbers as one, positive terms first."""
    if not isinstance(node, Add | Neg):
        return node
    offset: int = 0
    plus: list[Node] = []
    minus: list[Node] = []
    for sign, part in signed_terms(node, 1):
        if isinstance(part, Number) and isinstance(part.value, int):
            offset += sign * part.value
        else:
            own, other = (plus, minus) if sign == 1 else (minus, plus)
            if part in other:
                other.remove(part)
            else:
                own.append(part)
    if offset > 0:
        plus.append(Number(offset))
    elif offset < 0:
        minus.append(Number(-offset))
    terms = [*plus, *(Neg(part) for part in minus)]
    return Add(tuple(terms)) if len(terms) > 1 else terms[0] if terms else Number(0)


# --- brackets as intervals ----------------------------------------------------------------------


def with_intervals(term: Term, extents: Mapping[str, int | None]) -> Term | None:
    """All brackets `low <= a < high` on one place as one, without what always holds.

    Args:
        term: A term.
        extents: Place -> how far it runs, None where that is not known.

    Returns:
        The term, or None where no place lies inside.
    """
    bounds: dict[str, tuple[int, int | None]] = {a: (0, n) for a, n in extents.items()}
    factors: dict[bool, list[Node]] = {True: [], False: []}
    for early, side in ((True, term.before), (False, term.after)):
        for factor in side:
            found = _interval(factor) if isinstance(factor, Bracket) else None
            if found is None or (found[0] and found[0] not in bounds):
                factors[early].append(factor)
                continue
            place, low, high = found
            if not place:
                if low:  # a comparison of numbers that fails
                    return None
                continue
            old_low, old_high = bounds[place]
            bounds[place] = (max(low, old_low), _smaller(high, old_high))
    brackets: list[Node] = []
    for place, (low, high) in bounds.items():
        if high is not None and low >= high and extents[place] != 0:
            return None
        upper = None if high == extents[place] else high
        if low > 0 and upper is not None:
            limits = (("<=", Index(place)), ("<", number(upper)))
            brackets.append(Bracket(Number(low), limits))
        elif low > 0:
            brackets.append(Bracket(Index(place), ((">=", Number(low)),)))
        elif upper is not None:
            brackets.append(Bracket(Index(place), (("<", number(upper)),)))
    return replace(term, before=(*brackets, *factors[True]), after=tuple(factors[False]))


def _smaller(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _interval(bracket: Bracket) -> tuple[str, int, int | None] | None:
    """(place, low, high) of a chain of < and <= on one index; ("", 0 or 1, None) on numbers alone.

    For numbers alone the second is 1 where the comparison fails.
    """
    place, low, high, failed = "", 0, None, 0
    parts = [bracket.first, *(part for _, part in bracket.rest)]
    for (comparison, _), left, right in zip(bracket.rest, parts, parts[1:], strict=False):
        if comparison not in ("<", "<="):
            return None
        gap = summed(Add((right, Neg(left), Number(0 if comparison == "<=" else -1))))
        found = _line(gap)  # what must not be negative
        if found is None or (found[0] and place and found[0] != place):
            return None
        letter, sign, offset = found
        if not letter:
            failed = failed or int(offset < 0)
        elif sign == 1:
            place, low = letter, max(low, -offset)
        else:
            place, high = letter, _smaller(high, offset + 1)
    return (place, low, high) if place and not failed else ("", failed, None) if not place else None


def _line(node: Node) -> tuple[str, int, int] | None:
    """±a + offset; no letter for a number."""
    letter, sign, offset = "", 1, 0
    for own, part in signed_terms(node, 1):
        if isinstance(part, Number) and isinstance(part.value, int):
            offset += own * part.value
        elif isinstance(part, Index) and not letter:
            letter, sign = part.name, own
        else:
            return None
    return letter, sign, offset


# --- the result by its name ---------------------------------------------------------------------


def worth_naming(formula: Formula) -> bool:
    """Whether the result is more than entries moved or multiplied."""
    return any(isinstance(n, Call | Softmax | Reduce) for n in walk(formula.right))


def by_name(node: Node, formula: Formula) -> Node:
    """What the formula computes, wherever it stands in a node, as an entry of its result."""
    found: dict[str, Node] = {}
    letters = {i.name for i in formula.result.indices if isinstance(i, Index)}
    if _matches(formula.right, node, letters, found, {}) and found.keys() == letters:
        return Entry(
            formula.result.name,
            tuple(found[i.name] if isinstance(i, Index) else i for i in formula.result.indices),
        )
    return rebuilt(node, lambda child: by_name(child, formula))


def with_logarithm(term: Term, formula: Formula) -> Term:
    """e^u / S as e^(u - y), where the formula is y = log(S): nothing overflows."""
    for divisor in term.below:
        named = by_name(Call("log", divisor), formula)
        if not isinstance(named, Entry):
            continue
        for k, factor in enumerate(term.after):
            if isinstance(factor, Call) and factor.function == "exp":
                shifted = Call("exp", Add((factor.argument, Neg(named))))
                below = list(term.below)
                below.remove(divisor)
                after = (*term.after[:k], shifted, *term.after[k + 1 :])
                return replace(term, after=after, below=tuple(below))
    return term


def _matches(
    pattern: Node, node: Node, free: set[str], found: dict[str, Node], bound: dict[str, str]
) -> bool:
    """Whether a node is the pattern with expressions in the place of its free indices."""
    if isinstance(pattern, Index):
        if pattern.name in free and pattern.name not in bound:
            inside = letters_of(node) & set(bound.values())
            return not inside and found.setdefault(pattern.name, node) == node
        return node == Index(bound.get(pattern.name, pattern.name))
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, Reduce) and isinstance(node, Reduce):
        if pattern.kind != node.kind or len(pattern.indices) != len(node.indices):
            return False
        bound = {**bound, **dict(zip(pattern.indices, node.indices, strict=True))}
        return _matches(pattern.body, node.body, free, found, bound)
    return all(
        _same(a, b, free, found, bound)
        for a, b in zip(vars(pattern).values(), vars(node).values(), strict=True)
    )


def _same(a: Any, b: Any, free: set[str], found: dict[str, Node], bound: dict[str, str]) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(
            _same(x, y, free, found, bound) for x, y in zip(a, b, strict=True)
        )
    if a is None or isinstance(a, str | int | float):
        return bool(a == b)
    if b is None or isinstance(b, tuple | str | int | float):
        return False
    return _matches(a, b, free, found, bound)
