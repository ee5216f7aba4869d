"""One entry of an index formula with its numbers: where it comes from, term by term.

    >>> found = entry("dW[d,h] = Σ_n X[n,d] * dZ[n,h]", {"X": X, "dZ": dZ}, (2, 0))
    >>> found.symbols()
    'dW[2,0] = X[0,2]·dZ[0,0] + X[1,2]·dZ[1,0]'
    >>> found.meets
    {'X': 'column 2, X[:,2]', 'dZ': 'column 0, dZ[:,0]'}

The terms add up to the entry: those that are not shown stand as one part with their sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...ops.index.parse import parse
from ...ops.index.text import Formula
from ...ops.index.tree import (
    Call,
    Index,
)
from .addends import Factor, Rest, Term, expanded, met_at, terms_at
from .meets import Meet
from .names import unique
from .styles import Latex, Plain
from .values import Values
from .writing import Writer, index_latex

__all__ = ["Entry", "Factor", "Rest", "Term", "entry", "index_latex"]


@dataclass(frozen=True)
class Entry:
    """One entry of what a formula defines.

    Attributes:
        name: The result.
        indices: Which entry.
        parts: Its terms in order, and a `Rest` where a long sum was cut.
        value: The entry: the sum of the parts.
        slices: For each operand that a sum runs through, the parts of it that took part.
    """

    name: str
    indices: tuple[int, ...]
    parts: tuple[Term | Rest, ...]
    value: float
    slices: tuple[Meet, ...]
    _values: Values = field(repr=False)
    _limit: int = field(repr=False)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms that are shown."""
        return tuple(p for p in self.parts if isinstance(p, Term))

    @property
    def left_out(self) -> int:
        """How many terms are not shown."""
        return sum(p.count for p in self.parts if isinstance(p, Rest))

    @property
    def left_out_sum(self) -> float:
        """The sum of the terms that are not shown."""
        return sum(p.value for p in self.parts if isinstance(p, Rest))

    @property
    def meets(self) -> dict[str, str]:
        """Which row or column of each operand meets: `{"X": "column 2, X[:,2]"}`."""
        found: dict[str, str] = {}
        for meet in self.slices:
            text = str(meet)
            if meet.name not in found:
                found[meet.name] = text
            elif text not in found[meet.name].split(" and "):
                found[meet.name] += f" and {text}"
        return found

    def symbols(self) -> str:
        """`dW[2,0] = X[0,2]·dZ[0,0] + X[1,2]·dZ[1,0]`."""
        return f"{self._left(Plain())} = {self._right(Plain(), False, 4)}"

    def numbers(self, digits: int = 4) -> str:
        """`0.5·0.1 + (−2)·0.25`, to so many significant digits."""
        return self._right(Plain(), True, digits)

    def text(self, digits: int = 4) -> str:
        """Symbols, numbers and the value, one below the other."""
        steps = [self.numbers(digits), Plain().number(self.value, digits)]
        return "\n  = ".join([self.symbols(), *dict.fromkeys(steps)])

    def latex(self, digits: int = 4) -> str:
        """Symbols, numbers and the value as one equation."""
        style = Latex()
        steps = [self._left(style), *(self._right(style, n, digits) for n in (False, True))]
        return " = ".join(dict.fromkeys([*steps, style.number(self.value, digits)]))

    def _left(self, style: Plain | Latex) -> str:
        name, slash, by = self.name.partition("/")
        if not slash:
            return style.entry(name, [str(i) for i in self.indices])
        return style.entry(f"{name}/{by}", [str(i) for i in self.indices])

    def _right(self, style: Plain | Latex, numbers: bool, digits: int) -> str:
        writer = Writer(style, self._values, numbers, self._limit, digits)
        terms = []
        for part in self.parts:
            if isinstance(part, Rest):
                total = style.number(part.value, digits) if numbers else ""
                terms.append((False, style.more(part.count, total)))
            else:
                terms.append((part.negative, _term_text(part, writer, len(self.parts) == 1)))
        return writer.signed(terms) if terms else "0"


def _term_text(term: Term, writer: Writer, alone: bool) -> str:
    """A term without its sign."""
    above = [f for f in term.factors if not f.below]
    below = [f for f in term.factors if f.below]
    level = 0 if alone and len(above) == 1 and not (below or term.negative) else 1
    factors = [writer.write(f.node, f.at, level) for f in above] or ["1"]
    text = writer.times(factors)
    if below:
        divisors = [writer.write(f.node, f.at, 2 if len(below) == 1 else 1) for f in below]
        bottom = writer.times(divisors)
        bottom = writer.style.group(bottom) if len(below) > 1 else bottom
        text = writer.style.quotient(text, bottom, True)
    return text


def entry(
    formula: str,
    arrays: Mapping[str, Any],
    place: Sequence[int] = (),
    limit: int = 6,
) -> Entry:
    """One entry of what a formula defines, written out.

    Only this entry is computed, in float64.

    Args:
        formula: An index formula, of an op or derived (`vjp_formula`).
        arrays: Operands by name; for a gradient also the result, its gradient and the operand.
        place: Which entry; negative numbers count from the end.
        limit: How many terms of each sum are shown.

    Raises:
        IndexFormulaError: The formula cannot be read or does not fit the arrays.
        IndexError: There is no such entry.
    """
    tree = parse(formula)
    letters = {i.name for i in tree.indices if isinstance(i, Index)}
    tree = replace(tree, right=unique(tree.right, set(letters)))
    values = Values(tree, arrays)
    at, indices = _at(tree, values, place)
    parts: list[Term | Rest] = []
    slices: list[Meet] = []
    for addend in expanded(tree.right):
        found, met = terms_at(addend, values, at, max(limit, 1))
        parts += found
        slices += met
        for factor in addend.factors:
            if isinstance(factor, Call):  # of a sum: tanh(Σ_d X[n,d] * W[d,h])
                for inner in expanded(factor.argument):
                    slices += met_at(inner, values, at)
    name = "/".join(("∂" if len(tree.left) > 1 else "") + e.name for e in tree.left)
    value = float(sum(part.value for part in parts))
    return Entry(name, indices, tuple(parts), value, tuple(slices), values, max(limit, 1))


def _at(
    tree: Formula, values: Values, place: Sequence[int]
) -> tuple[dict[str, int], tuple[int, ...]]:
    """What each index of the left side is at the place."""
    shape = [values.sizes[i.name] if isinstance(i, Index) else 1 for i in tree.indices]
    if len(place) != len(shape):
        raise IndexError(
            f"'{tree}' has {len(shape)} indices, so an entry of it is named by {len(shape)} "
            f"numbers, got {tuple(place)}"
        )
    found = []
    for k, size in zip(place, shape, strict=True):
        if not -size <= k < size:
            raise IndexError(f"'{tree}' has shape {tuple(shape)}: no entry {tuple(place)}")
        found.append(int(k) % size)
    at = {i.name: k for i, k in zip(tree.indices, found, strict=True) if isinstance(i, Index)}
    return at, tuple(found)
