"""Reading index formulas: text to the trees of `tree`.

    formula   left = sum [for i < 3, j < 4]         left: L, Z[n,h], y[n,0] (an axis of size 1)
    sum       [-] term {+ term | - term}
    term      factor {* factor | / factor}
    factor    Σ_i term                              reaches to the next + or - outside brackets
            | atom [** factor]
    atom      number | (sum) | [sum == sum] | exp(sum) | softmax(z[n,:])[k] | X[n,2*d+1] | n | N

An index is one small letter; a capital that is no operand is the size of that index. `xs[1][n,d]`
is an entry of the second of several operands.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .text import Formula
from .tokens import COMPARISONS, FUNCTIONS, REDUCTIONS, IndexFormulaError, tokens_of
from .tree import (
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
    rebuilt,
    walk,
)


@dataclass
class _Reader:
    """Where in a text we are."""

    whole: str
    tokens: list[str]
    at: int = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.at += 1
        return token

    def expect(self, token: str, after: str) -> None:
        if self.take() != token:
            self.at -= 1
            raise self.error(f"{token!r} is missing after {after}")

    def error(self, what: str) -> IndexFormulaError:
        found = f"found {self.next!r}" if self.next else "the text ends there"
        return IndexFormulaError(
            f"cannot read the index formula {self.whole!r}: {what}; {found} "
            f"(part {self.at + 1} of {len(self.tokens)}). "
            f"A formula looks like 'Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]'"
        )

    # --- from the loosest operator to the tightest ------------------------------------------------

    def sum(self) -> Node:
        terms = [self.signed()]
        while self.next in ("+", "-"):
            sign = self.take()
            term = self.signed()
            terms.append(term if sign == "+" else Neg(term))
        return terms[0] if len(terms) == 1 else Add(tuple(terms))

    def signed(self) -> Node:
        if self.next == "-":
            self.take()
            return Neg(self.signed())
        if self.next == "+":
            self.take()
            return self.signed()
        return self.term()

    def term(self) -> Node:
        left = self.factor()
        while self.next in ("*", "/"):
            sign = self.take()
            right = self.factor()
            if sign == "/":
                left = Div(left, right)
            elif isinstance(left, Mul):
                left = Mul((*left.factors, right))
            else:
                left = Mul((left, right))
        return left

    def factor(self) -> Node:
        kind, _, index = self.next.partition("_")
        if kind in REDUCTIONS and len(index) == 1:
            self.take()
            body = self.signed()
            if isinstance(body, Reduce) and body.kind == kind:
                return Reduce(kind, (index, *body.indices), body.body)
            return Reduce(kind, (index,), body)
        base = self.atom()
        if self.next == "**":
            self.take()
            if self.next == "-":
                self.take()
                return Pow(base, Neg(self.factor()))
            return Pow(base, self.factor())
        return base

    def atom(self) -> Node:
        token = self.take()
        if token == "(":
            inside = self.sum()
            self.expect(")", "what stands in brackets")
            return inside
        if token == "[":
            return self.bracket()
        if token[:1].isdigit():
            return Number(int(token)) if token.isdigit() else Number(float(token))
        if token == "softmax" and self.next == "(":
            return self.softmax()
        if token.isidentifier() and self.next == "(":
            if token not in FUNCTIONS:
                raise self.error(f"unknown function {token!r}; there are {', '.join(FUNCTIONS)}")
            self.take()
            argument = self.sum()
            self.expect(")", f"the argument of {token}")
            return Call(token, argument)
        if token.isidentifier():
            return self.entry(token)
        self.at -= 1
        raise self.error("a number, an operand or a bracket should stand here")

    def bracket(self) -> Node:
        first, rest = self.sum(), []
        while self.next in COMPARISONS:
            comparison = self.take()
            rest.append((comparison, self.sum()))
        if not rest:
            raise self.error("a bracket [ ] holds a comparison, like [k == labels[n]]")
        self.expect("]", "a comparison")
        return Bracket(first, tuple(rest))

    def softmax(self) -> Node:
        self.take()
        name = self.take()
        self.expect("[", "softmax(" + name)
        indices: list[Node | None] = []
        while True:
            if self.next == ":":
                self.take()
                indices.append(None)
            else:
                indices.append(self.sum())
            if self.next != ",":
                break
            self.take()
        self.expect("]", "the indices")
        self.expect(")", "the row")
        self.expect("[", "softmax(…)")
        at = self.sum()
        self.expect("]", "the place in the row")
        if indices.count(None) != 1:
            raise self.error("softmax takes one row: exactly one ':' among the indices")
        return Softmax(name, tuple(indices), at)

    def entry(self, name: str) -> Entry:
        if self.next != "[":
            return Entry(name)
        ahead = self.tokens[self.at + 1 : self.at + 4]
        if len(ahead) == 3 and ahead[0].isdigit() and ahead[1:] == ["]", "["]:
            name = f"{name}[{ahead[0]}]"  # one of several operands: xs[1][n,d]
            self.at += 3
        self.take()
        indices = [self.sum()]
        while self.next == ",":
            self.take()
            indices.append(self.sum())
        self.expect("]", "the indices")
        return Entry(name, tuple(indices))


def _all(whole: str, part: str) -> Node:
    reader = _Reader(whole, tokens_of(whole, part))
    node = reader.sum()
    if reader.next:
        raise reader.error("an operator should stand here")
    return node


@lru_cache(maxsize=1024)
def parse(formula: str) -> Formula:
    """The formula as a tree.

    Raises:
        IndexFormulaError: It cannot be read; the message says where and what is expected.
    """
    sides = re.split(r"\s=\s", formula)
    if len(sides) != 2:
        raise IndexFormulaError(
            f"the index formula {formula!r} needs one ' = ' between its result and its terms"
        )
    right, _, ends = sides[1].partition(" for ")
    ranges = []
    for end in filter(None, (part.strip() for part in ends.split(","))):
        found = re.fullmatch(r"([a-z]) < (\d+)", end)
        if found is None:
            raise IndexFormulaError(
                f"the index formula {formula!r} ends with {end!r}; a range is written 'for i < 3'"
            )
        ranges.append((found[1], int(found[2])))
    left = _left(formula, sides[0])
    node = _all(formula, right)
    indices = {i for part in left for i in part.indices}
    letters = {i.name for i in indices if isinstance(i, Entry)}
    letters |= {i for n in walk(node) if isinstance(n, Reduce) for i in n.indices}
    named = [
        Entry(e.name, tuple(Index(i.name) if isinstance(i, Entry) else i for i in e.indices))
        for e in left
    ]
    return Formula(tuple(named), _with_letters(node, letters), tuple(ranges))


def _left(whole: str, side: str) -> list[Entry]:
    parts = [part.lstrip("∂ ") for part in side.split("/")]
    left = [_all(whole, part) for part in parts]
    for entry in left:
        plain = isinstance(entry, Entry) and all(
            (isinstance(i, Entry) and not i.indices and re.fullmatch("[a-z]", i.name))
            or i == Number(0)
            for i in entry.indices
        )
        if not plain:
            raise IndexFormulaError(
                f"the left side of {whole!r} must be a result with plain indices, like Z[n,h] or L"
            )
    return [entry for entry in left if isinstance(entry, Entry)]


def _with_letters(node: Node, letters: set[str]) -> Node:
    """Bare names that are indices, or the sizes of indices, as such."""
    if isinstance(node, Entry) and not node.indices:
        if node.name in letters:
            return Index(node.name)
        if len(node.name) == 1 and node.name.isupper() and node.name.lower() in letters:
            return Size(node.name.lower())
        return node
    return rebuilt(node, lambda child: _with_letters(child, letters))


def fits(formula: str, shapes: Mapping[str, tuple[int, ...] | None]) -> bool:
    """Whether a formula gives each operand as many indices as it has axes."""
    used = (n for n in walk(parse(formula).right) if isinstance(n, Entry | Softmax))
    ranks = {name: shape if shape is None else len(shape) for name, shape in shapes.items()}
    return all(ranks.get(node.name) == len(node.indices) for node in used)


def check_letters(formula: Formula) -> None:
    """Every index is on the left or under a Σ.

    Raises:
        IndexFormulaError: One is neither.
    """
    bound = {i.name for i in formula.indices if isinstance(i, Index)}
    loose = letters_of(formula.right) - bound
    if loose:
        raise IndexFormulaError(
            f"{formula}: index {', '.join(sorted(loose))} is neither on the left nor under a Σ"
        )
