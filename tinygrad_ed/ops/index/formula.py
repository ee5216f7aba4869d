"""A naive interpreter of index formulas: `Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]`.

It does what the formula says, one entry and one term at a time, and is slow. It is the oracle of
the structured ops, and of the derivatives that are derived from their formulas. The language stands
in `parse`, the trees in `tree`.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..registry import Array, Op
from .parse import check_letters, parse
from .text import Formula
from .tokens import IndexFormulaError
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


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Any) -> Any:
    return np.log(1 + np.exp(x))


FUNCTION_VALUES: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "tanh": np.tanh, "sigmoid": _sigmoid,
    "relu": lambda x: np.where(np.real(x) > 0, x, 0), "softplus": _softplus, "abs": np.abs,
    "sign": np.sign, "sin": np.sin, "cos": np.cos,
}  # fmt: skip
"""What the functions of the language compute, as a book has them."""

COMPARE: dict[str, Any] = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


def sizes_of(formula: str | Formula, arrays: Mapping[str, Array]) -> dict[str, int]:
    """How far each index runs: as it says itself ("for i < 3"), or as an operand's axis shows.

    The result may be among the arrays; for a gradient `dW` that is not, the operand W serves.

    Raises:
        IndexFormulaError: Two operands disagree, an operand has another number of axes, or
            nothing shows how far an index runs.
    """
    tree = parse(formula) if isinstance(formula, str) else formula
    sizes = dict(tree.ranges)

    def note(letter: str, size: int, where: str) -> None:
        if sizes.setdefault(letter, size) != size:
            raise IndexFormulaError(
                f"index {letter} of '{tree}' runs to {sizes[letter]} in one place and "
                f"to {size} in {where}"
            )

    for name, indices in _indexed(tree, arrays):
        shape = np.shape(arrays[name])
        if len(indices) != len(shape):
            raise IndexFormulaError(
                f"'{tree}' gives {name} {len(indices)} indices, but its shape is {shape}"
            )
        for index, size in zip(indices, shape, strict=True):
            if isinstance(index, Index) and index.name not in dict(tree.ranges):
                note(index.name, size, f"{name} {shape}")
    needed = {n.name for n in (*tree.indices, *walk(tree.right)) if isinstance(n, Index)}
    needed |= {i for n in walk(tree.right) if isinstance(n, Reduce) for i in n.indices}
    needed |= {n.of for n in walk(tree.right) if isinstance(n, Size)}
    if unknown := sorted(needed - sizes.keys()):
        left = " or ".join(dict.fromkeys(n for e in tree.left for n in (e.name, base_name(e.name))))
        raise IndexFormulaError(
            f"nothing shows how far index {', '.join(unknown)} of '{tree}' runs: "
            f"give {left} among the arrays, or end the formula with 'for {unknown[0]} < 3'"
        )
    return sizes


def _indexed(
    tree: Formula, arrays: Mapping[str, Array]
) -> Iterator[tuple[str, tuple[Node | None, ...]]]:
    """Every operand with indices that stand at it."""
    for entry in tree.left:
        name = entry.name if entry.name in arrays else base_name(entry.name)
        if name in arrays:
            yield name, entry.indices
    for node in walk(tree.right):
        if isinstance(node, Softmax):
            node = node.entry
        if isinstance(node, Entry) and node.name in arrays:
            yield node.name, node.indices


def base_name(name: str) -> str:
    """What a gradient is a gradient of: W for dW."""
    return name[1:] if name.startswith("d") and len(name) > 1 else name


def operands_by_name(op: Op, operands: Sequence[Array]) -> dict[str, Array]:
    """The operands as a formula calls them, those that were left out not among them."""
    names = op.names_of(len(operands))
    given = zip(names, operands, strict=False)
    return {name: np.asarray(value) for name, value in given if value is not None}


def evaluate(op: Op, *operands: Array, **params: Any) -> Array:
    """The op's value by its index formula.

    Raises:
        ValueError: The op states none for these operands, or their shapes contradict it.
    """
    formula = op.index_for(operands, params)
    if not formula:
        shapes = ", ".join(str(np.shape(x)) for x in operands if x is not None)
        raise ValueError(f"op {op.name!r} states no index formula for operands {shapes} {params}")
    return interpret(formula, operands_by_name(op, operands))


def interpret(formula: str | Formula, arrays: Mapping[str, Array]) -> Array:
    """What the formula gives for these operands, term by term.

    Raises:
        IndexFormulaError: The formula cannot be read, does not fit the shapes, names an operand
            that is not given, or reaches outside of one.
    """
    tree = parse(formula) if isinstance(formula, str) else formula
    check_letters(tree)
    sizes = sizes_of(tree, arrays)
    shape = tuple(sizes[i.name] if isinstance(i, Index) else 1 for i in tree.indices)
    used = {n.name for n in walk(tree.right) if isinstance(n, Entry | Softmax)}
    kinds = [np.asarray(arrays[name]).dtype for name in sorted(used & arrays.keys())]
    result = np.zeros(shape, np.result_type(*kinds, np.float32))
    machine = _Interpreter(tree, arrays, sizes)
    with np.errstate(all="ignore"):
        for place in itertools.product(*(range(n) for n in shape)):
            pairs = zip(tree.indices, place, strict=True)
            here = {i.name: k for i, k in pairs if isinstance(i, Index)}
            result[place] = machine.value(tree.right, here)
    return result


def check_picked(tree: Formula, entry: Entry, values: Any) -> None:
    """Refuses a negative index in an array: a formula counts from 0, NumPy also from the end."""
    if np.asarray(values).dtype.kind == "i" and np.any(np.less(values, 0)):
        raise IndexFormulaError(
            f"'{tree}': {entry.name} holds a negative index; formulas count from 0: "
            f"add the size of the axis to the negative ones"
        )


class _Interpreter:
    """The value of a node where the indices have values."""

    def __init__(self, tree: Formula, arrays: Mapping[str, Array], sizes: dict[str, int]) -> None:
        self.tree, self.arrays, self.sizes = tree, arrays, sizes

    def value(self, node: Node, at: dict[str, int]) -> Any:
        match node:
            case Number(value):
                return value
            case Index(name):
                return at[name]
            case Size(of):
                return self.sizes[of]
            case Entry():
                return self.entry(node, at)
            case Softmax():
                return self.softmax(node, at)
            case Add(terms):
                return sum(self.value(t, at) for t in terms)
            case Neg(of):
                return -self.value(of, at)
            case Mul(factors):
                # Brackets first: where one is 0 the others may reach outside of an operand.
                ordered = sorted(factors, key=lambda f: not isinstance(f, Bracket))
                product: Any = 1
                for factor in ordered:
                    product = product * self.value(factor, at)
                    if isinstance(factor, Bracket) and not product:
                        return 0
                return product
            case Div(top, bottom):
                return np.true_divide(self.value(top, at), self.value(bottom, at))
            case Pow(base, exponent):
                return np.power(self.value(base, at) * 1.0, self.value(exponent, at))
            case Call(function, argument):
                return FUNCTION_VALUES[function](self.value(argument, at))
            case Reduce():
                return self.reduced(node, at)
            case Bracket(first, rest):
                return self.holds(first, rest, at)

    def entry(self, node: Entry, at: dict[str, int]) -> Any:
        array = self.array(node.name)
        place = tuple(int(self.value(i, at)) for i in node.indices)
        if not all(0 <= k < n for k, n in zip(place, array.shape, strict=True)):
            raise IndexFormulaError(
                f"'{self.tree}' reaches {node.name}{list(place)}, outside its shape {array.shape}; "
                f"indices count from 0, also those that are picked from an array"
            )
        return array[place]

    def softmax(self, node: Softmax, at: dict[str, int]) -> Any:
        array = self.array(node.name)
        place = tuple(slice(None) if i is None else self.value(i, at) for i in node.indices)
        row = array[place]
        return np.exp(row[self.value(node.at, at)]) / sum(np.exp(entry) for entry in row)

    def array(self, name: str) -> Array:
        if name not in self.arrays:
            raise IndexFormulaError(f"'{self.tree}' needs {name}: give it among the arrays")
        return np.asarray(self.arrays[name])

    def reduced(self, node: Reduce, at: dict[str, int]) -> Any:
        terms = [
            self.value(node.body, {**at, **dict(zip(node.indices, place, strict=True))})
            for place in itertools.product(*(range(self.sizes[i]) for i in node.indices))
        ]
        if node.kind == "Σ":
            return sum(terms)
        if node.kind == "Π":
            product: Any = 1
            for term in terms:
                product = product * term
            return product
        if not terms:
            raise IndexFormulaError(f"'{self.tree}': the {node.kind} of nothing has no value")
        return (np.max if node.kind == "max" else np.min)(terms)

    def holds(self, first: Node, rest: tuple[tuple[str, Node], ...], at: dict[str, int]) -> int:
        left, found = self.value(first, at), 1
        for comparison, part in rest:
            right = self.value(part, at)
            if comparison == "==" and isinstance(part, Entry):
                check_picked(self.tree, part, right)
            found = found and int(COMPARE[comparison](left, right))
            left = right
        return found
