"""Differentiating an index formula: product, quotient, power and chain rule on its tree.

The result is a list of terms (`index_terms`). An entry x[e1,e2] differentiated by x[a1,a2] is the
Kronecker delta [e1 == a1] [e2 == a2]; everything else follows from it.
"""

from collections.abc import Callable
from dataclasses import replace
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
    substituted,
    walk,
)
from .terms import ONE, Term, parts, powered


class NoRuleError(Exception):
    """The rules here do not reach this formula."""


def minus(node: Node) -> Node:
    """1 - node."""
    return Add((ONE, Neg(node)))


SLOPES: dict[str, Callable[[Node], Node]] = {
    "exp": lambda u: Call("exp", u),
    "log": lambda u: Div(ONE, u),
    "sqrt": lambda u: Div(ONE, Mul((Number(2), Call("sqrt", u)))),
    "tanh": lambda u: minus(Pow(Call("tanh", u), Number(2))),
    "sigmoid": lambda u: Mul((Call("sigmoid", u), minus(Call("sigmoid", u)))),
    # > 0 in the value as in the argument: so the result can stand for it
    "relu": lambda u: Bracket(Call("relu", u), ((">", Number(0)),)),
    "softplus": lambda u: Call("sigmoid", u),
    "abs": lambda u: Call("sign", u),
    "sin": lambda u: Call("cos", u),
    "cos": lambda u: Neg(Call("sin", u)),
}
"""f'(u) for the functions of the language; sign has slope 0 and needs no entry."""


class Differentiation:
    """Derivatives by one operand.

    Attributes:
        operand: Its name.
        places: The indices of the derivative, one for each axis of the operand.
    """

    def __init__(self, operand: str, places: tuple[Node, ...]) -> None:
        self.operand, self.places = operand, places
        self.copies = 0

    def has(self, node: Node) -> bool:
        """Whether the operand occurs in a node."""
        return any(isinstance(n, Entry | Softmax) and n.name == self.operand for n in walk(node))

    def terms(self, node: Node) -> list[Term]:
        """The derivative of a node.

        Raises:
            NoRuleError: The operand stands where no rule reaches it: in an index, in an equality.
        """
        if not self.has(node):
            return []
        match node:
            case Entry(indices=indices):
                self._only_outside(indices)
                return [Term(deltas=tuple(zip(indices, self.places, strict=True)))]
            case Softmax():
                return self._softmax(node)
            case Add(terms):
                return [t for part in terms for t in self.terms(part)]
            case Neg(of):
                return [replace(t, coefficient=-t.coefficient) for t in self.terms(of)]
            case Mul(factors):
                return [
                    t.times(*factors[:k], before=True).times(*factors[k + 1 :])
                    for k, factor in enumerate(factors)
                    for t in self.terms(factor)
                ]
            case Div(top, bottom):
                above = [t.over(bottom) for t in self.terms(top)]
                below = [
                    replace(t.times(top), coefficient=-t.times(top).coefficient)
                    .over(bottom)
                    .over(bottom)
                    for t in self.terms(bottom)
                ]
                return above + below
            case Pow():
                return self._power(node)
            case Call(function, argument):
                if function == "sign":
                    return []
                slope = SLOPES[function](argument)
                return [t.times(slope) for t in self.terms(argument)]
            case Reduce():
                return self._reduced(node)
            case Bracket():
                return self._bracket(node)
        raise NoRuleError(type(node).__name__)

    def _only_outside(self, indices: tuple[Node | None, ...]) -> None:
        if any(i is not None and self.has(i) for i in indices):
            raise NoRuleError("the operand picks an index")

    def _softmax(self, node: Softmax) -> list[Term]:
        """∂p_k/∂z_j = p_k ([k == j] - p_j), for the row that both lie in."""
        self._only_outside((*node.indices, node.at))
        if node.name != self.operand:
            raise NoRuleError("the operand picks an index")
        same_row = tuple(
            (i, a) for i, a in zip(node.indices, self.places, strict=True) if i is not None
        )
        there = self.places[node.axis]
        other = replace(node, at=there)
        return [
            Term(after=(node,), deltas=(*same_row, (node.at, there))),
            Term(Fraction(-1), after=(node, other), deltas=same_row),
        ]

    def _power(self, node: Pow) -> list[Term]:
        base, exponent = node.base, node.exponent
        found = []
        number, above, below = parts(exponent)
        if not (above or below):
            slope = powered(base, number - 1) if number != 1 else ONE
            found = [t.times(exponent, slope) for t in self.terms(base)]
        else:
            lower = Pow(base, Add((exponent, Neg(ONE))))
            found = [t.times(exponent, lower) for t in self.terms(base)]
        return found + [t.times(node, Call("log", base)) for t in self.terms(exponent)]

    def _reduced(self, node: Reduce) -> list[Term]:
        inside = self.terms(node.body)
        if node.kind == "Π":
            rest = self._others(node)
            inside = [t.times(rest) for t in inside]
        elif node.kind in ("max", "min"):
            # Entries that tie for the extreme one share the slope equally.
            chosen = Bracket(node.body, (("==", node),))
            ties = self._copy(Reduce("Σ", node.indices, chosen))
            inside = [t.times(chosen).over(ties) for t in inside]
        return [replace(t, binders=(*node.indices, *t.binders)) for t in inside]

    def _others(self, node: Reduce) -> Node:
        """Π over the other entries: each to the power 1, the one at hand to the power 0."""
        copy = self._copy(node)
        same = [
            Bracket(Index(new), (("==", Index(old)),))
            for new, old in zip(copy.indices, node.indices, strict=True)
        ]
        if len(same) == 1:
            exponent: Node = Bracket(same[0].first, (("!=", same[0].rest[0][1]),))
        else:
            exponent = minus(Mul(tuple(same)))
        return Reduce("Π", copy.indices, Pow(copy.body, exponent))

    def _copy(self, node: Reduce) -> Reduce:
        """The same with indices of its own, named like the old ones with a mark."""
        self.copies += 1
        new = {i: f"{i}'{self.copies}" for i in node.indices}
        body = substituted(node.body, {i: Index(n) for i, n in new.items()})
        return Reduce(node.kind, tuple(new.values()), body)

    def _bracket(self, node: Bracket) -> list[Term]:
        """Constant on both sides of its border; where labels are compared there is no slope."""
        comparisons = [comparison for comparison, _ in node.rest]
        if any(comparison in ("==", "!=") for comparison in comparisons):
            raise NoRuleError("the operand is compared")
        return []
