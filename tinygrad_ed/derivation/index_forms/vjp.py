"""The gradient of an index formula, as an index formula: where the transpose comes from.

    >>> vjp_formula("Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]", "W")
    'dW[d,h] = Σ_n X[n,d] * dZ[n,h]'

The rules are in `index_calculus`; each term that they give meets the upstream gradient, and the
Kronecker deltas remove the sums over the operand's own indices. What is printed is what is run:
the tests execute every derived formula against the VJP of its op.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from ...ops.index.parse import parse
from ...ops.index.text import Formula
from ...ops.index.tree import (
    Entry,
    Index,
    Node,
    Number,
    Reduce,
    Size,
    Softmax,
    rebuilt,
    walk,
)
from .calculus import Differentiation, NoRuleError
from .names import Classes, Namer, unique
from .sum import merged, together
from .terms import Term, simplified, with_softmax, without_deltas
from .tidy import by_name, tidied, with_intervals, with_logarithm, worth_naming

Shapes = Mapping[str, tuple[int, ...] | None]


def vjp_formula(formula: str, operand: str, shapes: Shapes | None = None) -> str:
    """The gradient of one operand, from the gradient `d` + result of the result.

    It may use the operands, the result and its gradient by their names.

    Args:
        formula: An index formula, such as `op.index_for(operands, params)`.
        operand: Whose gradient.
        shapes: Shapes by name: with them a bracket that always holds is left out.

    Returns:
        `dW[d,h] = Σ_n X[n,d] * dZ[n,h]`; "" where the operand has no gradient (labels, one that
        does not occur) or no rule reaches it.

    Raises:
        IndexFormulaError: The formula cannot be read.
    """
    return _derived(formula, operand, _known(operand, shapes), False)


def jacobian_formula(formula: str, operand: str, shapes: Shapes | None = None) -> str:
    """Every single derivative: `∂Z[n,h]/∂W[d,k] = X[n,d] * [k == h]`.

    Args and Raises: as for `vjp_formula`.
    """
    return _derived(formula, operand, _known(operand, shapes), True)


def _known(operand: str, shapes: Shapes | None) -> tuple[int, ...] | None:
    return None if shapes is None else shapes.get(operand)


@lru_cache(maxsize=1024)
def _derived(text: str, operand: str, shape: tuple[int, ...] | None, jacobian: bool) -> str:
    tree = parse(text)
    try:
        found = _Derivation(tree, operand, shape, jacobian).formula()
    except NoRuleError:
        return ""
    return str(found) if found is not None and _says_its_sizes(found) else ""


def _says_its_sizes(formula: Formula) -> bool:
    """Whether every index runs over an axis of something in the formula: Σ_n 1 says no size."""
    known = {letter for letter, _ in formula.ranges}
    asked = set()
    for node in (*formula.left, *walk(formula.right)):
        if isinstance(node, Entry | Softmax):
            known |= {i.name for i in node.indices if isinstance(i, Index)}
        elif isinstance(node, Reduce):
            asked |= set(node.indices)
        elif isinstance(node, Size):
            asked.add(node.of)
    return asked <= known


class _Derivation:
    """One derivative of one formula."""

    def __init__(
        self, tree: Formula, operand: str, shape: tuple[int, ...] | None, jacobian: bool
    ) -> None:
        self.operand, self.jacobian = operand, jacobian
        self.ranges = dict(tree.ranges)
        self.kept: dict[str, int] = {}  # of these, those that a sum still runs over
        left = {i.name for i in tree.result.indices if isinstance(i, Index)}
        right = with_softmax(unique(_numbered(tree.right, self.ranges), set(left)))
        self.tree = Formula(tree.left, right, tree.ranges)
        self.left = left
        occurrences = [
            n.entry if isinstance(n, Softmax) else n
            for n in walk(right)
            if isinstance(n, Entry | Softmax) and n.name == operand
        ]
        self.first = occurrences[0].indices if occurrences else ()
        # An axis of size 1 that is always read at 0 stays 0.
        single = {
            k for k, n in enumerate(shape or ())
            if n == 1 and any(o.indices[k : k + 1] == (Number(0),) for o in occurrences)
        }  # fmt: skip
        self.places: tuple[Node, ...] = tuple(
            Number(0) if k in single else Index(f"@{k}") for k in range(len(self.first))
        )
        self.extents = {
            place.name: shape[k] if shape else None
            for k, place in enumerate(self.places)
            if isinstance(place, Index)
        }
        self.occurs = bool(occurrences)
        classes = Classes(self.tree)
        bare = {n.name for n in walk(right) if isinstance(n, Entry) and not n.indices}
        avoid = {c for name in (*bare, tree.result.name) if len(name) == 1 for c in (name.lower(),)}
        letters = [n.name[0] for n in (*tree.result.indices, *walk(right)) if isinstance(n, Index)]
        avoid = avoid - left - set(letters)
        self.namer = Namer(classes, operand, avoid, list(dict.fromkeys(letters)))

    def formula(self) -> Formula | None:
        """The derived formula; None where the derivative is zero everywhere."""
        if not self.occurs:
            return None
        terms = Differentiation(self.operand, self.places).terms(self.tree.right)
        finished = [t for t in map(self._finished, terms) if t is not None]
        if not finished:
            return None
        names = {i: self.namer.letter(i, set()) for i in sorted(self.left)} if self.jacobian else {}
        for place, index in zip(self.places, self.first, strict=True):
            if isinstance(place, Index):
                preferred = index.name[0] if isinstance(index, Index) else ""
                names[place.name] = self.namer.letter(place.name, set(names.values()), preferred)
        named = merged([self._named(t, names) for t in finished])
        if not named:
            return None
        right = tidied(self.namer.with_sizes(together(named)))
        at = tuple(Index(names[p.name]) if isinstance(p, Index) else p for p in self.places)
        result = self.tree.result
        if self.jacobian:
            ranges = tuple((names[i], n) for i, n in self.ranges.items() if i in names)
            return Formula((result, Entry(self.operand, at)), right, ranges)
        return Formula((Entry(f"d{self.operand}", at),), right, self._ranges(right, names))

    def _ranges(self, right: Node, names: dict[str, str]) -> tuple[tuple[str, int], ...]:
        """How far those indices run that stand at axes of unequal size.

        Raises:
            NoRuleError: That is not known.
        """
        own = {names[place]: place for place in self.extents}
        axes: dict[str, set[object]] = {}
        for node in walk(right):
            if isinstance(node, Entry):
                result = self.tree.result.name
                name = result if node.name == f"d{result}" else node.name
                for k, index in enumerate(node.indices):
                    if isinstance(index, Index):
                        axes.setdefault(index.name, set()).add(self.namer.classes.find((name, k)))
        found = []
        for letter, classes in axes.items():
            if letter in own:
                classes.add(self.namer.size_class(own[letter]))
            if len(classes) > 1:
                size = self.extents[own[letter]] if letter in own else self.kept.get(letter)
                if size is None:
                    raise NoRuleError(f"nothing says how far {letter} runs")
                found.append((letter, size))
        return tuple(found)

    def _finished(self, term: Term) -> Term | None:
        """Upstream gradient in its place, deltas used up, brackets and names put in order."""
        if not self.jacobian:
            upstream = Entry(f"d{self.tree.result.name}", self.tree.result.indices)
            term = replace(term, before=(*term.before, upstream))
            left = [i.name for i in self.tree.result.indices if isinstance(i, Index)]
            term = replace(term, binders=(*left, *term.binders))
        unknown = {place for place, size in self.extents.items() if size is None}
        done = without_deltas(term, self.ranges, unknown)
        if done is None:
            return None
        done = simplified(done)
        if worth_naming(self.tree):
            done = with_logarithm(done, self.tree)
            done = replace(
                done,
                before=tuple(by_name(f, self.tree) for f in done.before),
                after=tuple(by_name(f, self.tree) for f in done.after),
                below=tuple(by_name(f, self.tree) for f in done.below),
            )
        return with_intervals(done, self.extents)

    def _named(self, term: Term, names: dict[str, str]) -> Term:
        names = dict(names)
        for token in term.binders:
            names[token] = self.namer.letter(token, set(names.values()))
            if token in self.ranges:
                self.kept[names[token]] = self.ranges[token]

        def changed(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
            return tuple(self.namer.named(n, names) for n in nodes)

        return replace(
            term,
            before=changed(term.before),
            after=changed(term.after),
            below=changed(term.below),
            binders=tuple(names[b] for b in term.binders),
        )


def _numbered(node: Node, ranges: dict[str, int]) -> Node:
    """Sizes that the formula states as numbers."""
    if isinstance(node, Size) and node.of in ranges:
        return Number(ranges[node.of])
    return rebuilt(node, lambda child: _numbered(child, ranges))
