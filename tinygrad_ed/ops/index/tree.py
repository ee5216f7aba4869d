"""Index formulas as trees: `Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]`.

    X[n,d]              Entry: an entry of an operand; its indices are whole-number expressions
    n, N                Index: the index's own value; Size: how far it runs (its capital letter)
    Σ_d, Π_d, max_d     Reduce: over everything to the next + or - outside brackets
    [k == labels[n]]    Bracket: 1 where it holds, 0 elsewhere [Iverson 1962; Knuth 1992]
    softmax(z[n,:])[k]  Softmax: an entry of the softmax of a row
    + - * / ** exp(…)   Add, Neg, Mul, Div, Pow, Call

A product with a bracket that is 0 is 0, whatever else stands in it: `[1 <= i] * x[i-1]` never looks
at x[-1]. `for i < 3` after a formula says how far an index runs that no operand shows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Number:
    """A literal."""

    value: int | float


@dataclass(frozen=True)
class Index:
    """The value of an index."""

    name: str


@dataclass(frozen=True)
class Size:
    """How far an index runs: `N` for n."""

    of: str


@dataclass(frozen=True)
class Entry:
    """An entry of an operand, or a whole operand that has no axis."""

    name: str
    indices: tuple["Node", ...] = ()


@dataclass(frozen=True)
class Softmax:
    """An entry of the softmax of one row of an operand; None marks the axis along which it lies."""

    name: str
    indices: tuple["Node | None", ...]
    at: "Node"

    @property
    def axis(self) -> int:
        """Which axis the row lies along."""
        return self.indices.index(None)

    @property
    def entry(self) -> Entry:
        """The operand's entry at the same place."""
        return Entry(self.name, tuple(self.at if k is None else k for k in self.indices))


@dataclass(frozen=True)
class Add:
    """A sum of written-out terms."""

    terms: tuple["Node", ...]


@dataclass(frozen=True)
class Neg:
    """Minus a term."""

    of: "Node"


@dataclass(frozen=True)
class Mul:
    """A product."""

    factors: tuple["Node", ...]


@dataclass(frozen=True)
class Div:
    """A quotient."""

    top: "Node"
    bottom: "Node"


@dataclass(frozen=True)
class Pow:
    """A power."""

    base: "Node"
    exponent: "Node"


@dataclass(frozen=True)
class Call:
    """A function of one number, by its name in `FUNCTIONS`."""

    function: str
    argument: "Node"


@dataclass(frozen=True)
class Reduce:
    """Σ, Π, max or min over one index or several."""

    kind: str
    indices: tuple[str, ...]
    body: "Node"


@dataclass(frozen=True)
class Bracket:
    """A chain of comparisons, 1 where all hold: `[1 <= i < 4]`."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


Node: TypeAlias = (
    Number | Index | Size | Entry | Softmax | Add | Neg | Mul | Div | Pow | Call | Reduce | Bracket
)
"""Any part of a formula."""


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below a node."""
    for field in fields(node):
        yield from _nodes(getattr(node, field.name))


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, tuple):
        for part in value:
            yield from _nodes(part)
    elif value is not None and not isinstance(value, str | int | float):
        yield value


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each node directly below it changed."""

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(changed(part) for part in value)
        if value is None or isinstance(value, str | int | float):
            return value
        return change(value)

    kept = {f.name: getattr(node, f.name) for f in fields(node)}
    return replace(node, **{name: changed(value) for name, value in kept.items()})


def letters_of(node: Node) -> set[str]:
    """The indices that a node depends on: used in it and not summed over inside."""
    if isinstance(node, Index):
        return {node.name}
    found: set[str] = set().union(*(letters_of(child) for child in children(node)))
    return found - set(node.indices) if isinstance(node, Reduce) else found


def substituted(node: Node, values: Mapping[str, Node]) -> Node:
    """Indices replaced by expressions; the size of a renamed index is renamed with it.

    Nothing is captured as long as no expression uses an index that a Σ inside binds: callers give
    every Σ an index of its own first.
    """
    if isinstance(node, Index):
        return values.get(node.name, node)
    if isinstance(node, Size):
        new = values.get(node.of)
        return Size(new.name) if isinstance(new, Index) else node
    if isinstance(node, Reduce):
        values = {k: v for k, v in values.items() if k not in node.indices}
    return rebuilt(node, lambda child: substituted(child, values))
