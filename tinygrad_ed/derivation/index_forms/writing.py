"""Writing the nodes of an index formula: in letters, at one place in symbols, or in numbers."""

import itertools
from collections.abc import Mapping
from typing import Any

from ...ops.index.parse import parse
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
    Size,
    Softmax,
    letters_of,
    walk,
)
from .styles import Latex, Plain, is_power
from .values import Values

ADD, MUL, ATOM = range(3)


class Writer:
    """A node as text.

    Args:
        style: Plain text or LaTeX.
        values: Where entries get their numbers; None writes letters.
        numbers: Numbers in place of entries; else entries at their place.
        limit: How many terms of a sum are written out.
        digits: Significant digits of numbers.
    """

    def __init__(
        self,
        style: Plain | Latex,
        values: Values | None = None,
        numbers: bool = False,
        limit: int = 6,
        digits: int = 4,
    ) -> None:
        self.style, self.values, self.numbers = style, values, numbers
        self.limit, self.digits = limit, digits

    def write(self, node: Node, at: Mapping[str, Any], level: int = ADD) -> str:
        """The node, in brackets if it binds more loosely than the level."""
        text, own = self._written(node, at)
        return self.style.group(text) if own < level else text

    def _written(self, node: Node, at: Mapping[str, Any]) -> tuple[str, int]:
        match node:
            case Number(value):
                return self._value(value, None)
            case Index():
                return self.index(node, at), ATOM
            case Size(of):
                if self.values is None:
                    return of.upper(), ATOM
                return str(self.values.size(of)), ATOM
            case Entry() | Softmax():
                return self._entry(node, at)
            case Add(terms):
                return self.signed([self._sign_and(t, at) for t in terms]), ADD
            case Neg(of):
                return f"{self.style.minus}{self.write(of, at, MUL)}", ADD
            case Mul(factors):
                return self._product(factors, at), MUL
            case Div(top, bottom):
                above, own = self._written(top, at)
                below = self.write(bottom, at, ATOM)
                return self.style.quotient(above, below, own >= MUL), MUL
            case Pow(base, exponent):
                return self.style.power(self.write(base, at, ATOM), self.write(exponent, at)), ATOM
            case Call(function, argument):
                return self.style.call(function, self.write(argument, at)), ATOM
            case Bracket():
                return self._bracket(node, at), ATOM
            case Reduce():
                return self._reduction(node, at)

    # --- entries and their indices ----------------------------------------------------------------

    def index(self, node: Node, at: Mapping[str, Any]) -> str:
        """An index expression: its number where all its letters have one."""
        if self.values is None or letters_of(node) - at.keys():
            return self.write(node, at).replace(" ", "") if not isinstance(node, Index) else (
                str(at[node.name]) if node.name in at else node.name[0]
            )  # fmt: skip
        if any(isinstance(n, Entry) for n in walk(node)) and not self.numbers:
            return self.write(node, at)
        return str(int(self.values.value(node, at)))

    def _entry(self, node: Entry | Softmax, at: Mapping[str, Any]) -> tuple[str, int]:
        if self.numbers and self.values is not None:
            return self._value(self.values.number(node, at), self.digits)
        indices = [":" if i is None else self.index(i, at) for i in node.indices]
        text = self.style.entry(node.name, indices)
        if isinstance(node, Softmax):
            return self.style.softmax(text, self.index(node.at, at)), ATOM
        return text, ATOM

    def _value(self, value: float, digits: int | None) -> tuple[str, int]:
        """A number; a negative one binds like a minus, so that products bracket it."""
        text = self.style.number(value, digits)
        return text, ADD if value < 0 else MUL if is_power(text) else ATOM

    # --- sums and products ------------------------------------------------------------------------

    def _sign_and(self, node: Node, at: Mapping[str, Any]) -> tuple[bool, str]:
        """Whether a term is subtracted, and the term."""
        if isinstance(node, Neg):
            text, own = self._written(node.of, at)
            return True, text if own >= MUL else self.style.group(text)
        text, own = self._written(node, at)
        if isinstance(node, Reduce) and not text.startswith(self.style.minus):
            return False, text  # the terms of a sum among others
        return False, self.style.group(text) if own < MUL else text

    def signed(self, terms: list[tuple[bool, str]]) -> str:
        """Terms with + and - between them."""
        text = ""
        for k, (negative, term) in enumerate(terms):
            if k:
                text += f" {self.style.minus if negative else '+'} {term}"
            else:
                text = f"{self.style.minus}{term}" if negative else term
        return text

    def _product(self, factors: tuple[Node, ...], at: Mapping[str, Any]) -> str:
        """Factors; a sum that is not written out stands in brackets unless it is the last."""
        written = []
        for k, factor in enumerate(factors):
            text, own = self._written(factor, at)
            open_sum = self.values is None and isinstance(factor, Reduce) and k < len(factors) - 1
            written.append(self.style.group(text) if own < MUL or open_sum else text)
        return self.times(written)

    def times(self, written: list[str]) -> str:
        """Factors that are written already; two numbers side by side get a dot in LaTeX too."""
        text = written[0]
        for left, right in itertools.pairwise(written):
            digits = (left[-1].isdigit() or self.numbers) and (right[0].isdigit() or self.numbers)
            text += (
                r" \cdot " if digits and self.style.times == r"\," else self.style.times
            ) + right
        return text

    def _bracket(self, node: Bracket, at: Mapping[str, Any]) -> str:
        if self.numbers and self.values is not None:
            return str(int(self.values.holds(node, at)))
        text = self.write(node.first, at)
        for sign, part in node.rest:
            text += f" {self.style.comparison(sign)} {self.write(part, at)}"
        return self.style.bracket(text)

    def _reduction(self, node: Reduce, at: Mapping[str, Any]) -> tuple[str, int]:
        if self.values is None:
            body = self.write(node.body, at, MUL)
            return self.style.reduction(node.kind, [i[0] for i in node.indices], body), MUL
        sizes = [range(self.values.size(i)) for i in node.indices]
        places = list(itertools.islice(itertools.product(*sizes), self.limit))
        here = [{**at, **dict(zip(node.indices, place, strict=True))} for place in places]
        left_out = 1
        for size in sizes:
            left_out *= len(size)
        left_out -= len(places)
        if node.kind == "Σ":
            return self._sum(node, at, here, left_out)
        level = MUL if node.kind == "Π" else ADD
        parts = [self.write(node.body, place, level) for place in here]
        if left_out:
            parts.append(self._more(node, at, len(here), left_out))
        if node.kind == "Π":
            return (self.times(parts) if parts else "1"), MUL if len(parts) > 1 else level
        return self.style.listed(node.kind, parts), ATOM

    def _sum(
        self, node: Reduce, at: Mapping[str, Any], here: list[dict[str, Any]], left_out: int
    ) -> tuple[str, int]:
        terms = [self._sign_and(node.body, place) for place in here]
        if left_out:
            terms.append((False, self._more(node, at, len(here), left_out)))
        return (self.signed(terms) or "0"), ADD if len(terms) > 1 else MUL

    def _more(self, node: Reduce, at: Mapping[str, Any], shown: int, left_out: int) -> str:
        """How many parts are left out, and in numbers what they come to."""
        assert self.values is not None
        total = self.values.rest(node, at, shown) if self.numbers else None
        text = "" if total is None else self.style.number(total, self.digits)
        return self.style.more(left_out, text)


def index_latex(formula: str) -> str:
    """An index formula in LaTeX: `\\mathrm{d}W_{d h} = \\sum_{n} X_{n d}\\,\\mathrm{d}Z_{n h}`.

    Raises:
        IndexFormulaError: The formula cannot be read.
    """
    tree = parse(formula)
    writer = Writer(Latex())
    left = [writer.write(e, {}) for e in tree.left]
    if len(left) == 2:
        left = [rf"\frac{{\partial {left[0]}}}{{\partial {left[1]}}}"]
    ends = ", ".join(f"{letter} < {size}" for letter, size in tree.ranges)
    return f"{left[0]} = {writer.write(tree.right, {})}" + (
        rf"\quad\text{{for }} {ends}" if ends else ""
    )
