"""A whole index formula, and how its tree is written out so that it reads back the same."""

from dataclasses import dataclass

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
    walk,
)


@dataclass(frozen=True)
class Formula:
    """A whole formula.

    Attributes:
        left: What it defines; two entries for a derivative `∂Z[n,h]/∂W[d,k]`.
        right: The expression.
        ranges: How far an index runs, where it says so.
    """

    left: tuple[Entry, ...]
    right: Node
    ranges: tuple[tuple[str, int], ...] = ()

    @property
    def indices(self) -> tuple[Node, ...]:
        """All indices of the left side: letters, and 0 for an axis of size 1."""
        return tuple(i for entry in self.left for i in entry.indices)

    @property
    def result(self) -> Entry:
        """What it defines."""
        return self.left[0]

    def __str__(self) -> str:
        left = "/".join(("∂" if len(self.left) > 1 else "") + text(e) for e in self.left)
        ends = ", ".join(f"{letter} < {size}" for letter, size in self.ranges)
        return f"{left} = {text(self.right)}{f' for {ends}' if ends else ''}"


ADD, MUL, POWER, ATOM = range(4)


def text(node: Node) -> str:
    """The node as the parser reads it."""
    return _text(node, ADD, True)


def _text(node: Node, level: int, last: bool) -> str:
    """Written so that it can stand where operators of a level bind.

    Args:
        node: What to write.
        level: In brackets if it binds more loosely than this.
        last: Whether nothing follows on the right that an open Σ would swallow.
    """
    own, open_end = _binding(node)
    if own < level or (open_end and not last):
        return f"({_text(node, ADD, True)})"
    match node:
        case Number(value):
            return repr(value)
        case Index(name):
            return name
        case Size(of):
            return of.upper()
        case Entry(name, indices):
            return f"{name}[{_listed(indices)}]" if indices else name
        case Softmax(name, indices, at):
            return f"softmax({name}[{_listed(indices)}])[{text(at)}]"
        case Add(terms):
            return _sum(terms)
        case Neg(of):
            return f"-{_text(of, MUL, last)}"
        case Mul(factors):
            ends = [False] * (len(factors) - 1) + [last]
            first = [MUL] + [POWER] * (len(factors) - 1)
            # A minus inside a product stands in brackets: a * (-b).
            parts = [_text(f, k, e) for f, k, e in zip(factors, first, ends, strict=True)]
            return " * ".join(f"({p})" if p.startswith("-") else p for p in parts)
        case Div(top, bottom):
            above = _text(top, MUL, False)
            above = f"({above})" if above.startswith("-") else above
            return f"{above} / {_text(bottom, POWER, last)}"
        case Pow(base, exponent):
            return f"{_text(base, ATOM, False)}**{_text(exponent, ATOM, False)}"
        case Call(function, argument):
            return f"{function}({text(argument)})"
        case Reduce(kind, indices, body):
            return " ".join(f"{kind}_{i}" for i in indices) + " " + _text(body, MUL, True)
        case Bracket(first_part, rest):
            compared = "".join(f" {op} {_compact(part)}" for op, part in rest)
            return f"[{_compact(first_part)}{compared}]"


def _binding(node: Node) -> tuple[int, bool]:
    """How tightly a node's operator binds, and whether it ends in an open Σ."""
    match node:
        case Add():
            return ADD, False
        case Neg() | Mul() | Div():
            return MUL, False
        case Reduce():
            return POWER, True
        case Pow():
            return POWER, False
        case Number(value) if value < 0:
            return MUL, False
    return ATOM, False


def _sum(terms: tuple[Node, ...]) -> str:
    written = _text(terms[0], MUL, True)
    for term in terms[1:]:
        if isinstance(term, Neg):
            written += f" - {_text(term.of, MUL, True)}"
        else:
            written += f" + {_text(term, MUL, True)}"
    return written


def _compact(node: Node) -> str:
    """A whole-number expression without spaces: `2*i+1`."""
    whole = all(isinstance(n, Index | Number | Size | Add | Neg | Mul) for n in walk(node))
    return text(node).replace(" ", "") if whole else text(node)


def _listed(indices: tuple[Node | None, ...]) -> str:
    return ",".join(":" if i is None else text(i).replace(" ", "") for i in indices)
