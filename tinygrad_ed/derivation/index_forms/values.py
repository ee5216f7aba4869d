"""What an index formula gives at one place, fast: the sums as NumPy sums.

`ops.index.formula.interpret` is the slow and plain reading of the same language; the tests hold
the two together. Here every summed index is an array along an axis of its own, and NumPy
broadcasts. The logarithm of a sum of exponentials and the softmax are shifted, so that they are
finite where the op's own value is.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...ops.index.formula import COMPARE, FUNCTION_VALUES, check_picked, sizes_of
from ...ops.index.parse import check_letters
from ...ops.index.text import Formula
from ...ops.index.tokens import IndexFormulaError
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
)
from .terms import softmax_of

Array = Any
Place = Mapping[str, Any]

FUNCTIONS: dict[str, Any] = {
    **FUNCTION_VALUES,
    "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(0, x),
    "sigmoid": lambda x: np.exp(-np.logaddexp(0, -np.asarray(x))),
}
"""The same functions as the interpreter's, finite over the whole range."""


REDUCTIONS: dict[str, Any] = {"Σ": np.sum, "Π": np.prod, "max": np.max, "min": np.min}


class Values:
    """The value of a formula's nodes, where its indices have values.

    Args:
        tree: The formula.
        arrays: Operands by name, and the result or gradients where the formula names them.

    Raises:
        IndexFormulaError: The formula does not fit the shapes.
    """

    def __init__(self, tree: Formula, arrays: Mapping[str, Array]) -> None:
        check_letters(tree)
        self.tree, self.arrays = tree, arrays
        self.sizes = sizes_of(tree, arrays)

    def number(self, node: Node, at: Place) -> float:
        """A node's value, where every index has one value."""
        with np.errstate(all="ignore"):
            return float(self.value(node, at))

    def rest(self, node: Reduce, at: Place, shown: int) -> float:
        """What the parts of a sum, product, maximum or minimum come to after the first ones."""
        with np.errstate(all="ignore"):
            parts = self._spread(node.body, node.indices, at, 0, True).reshape(-1)[shown:]
            return float(REDUCTIONS[node.kind](parts))

    def grid(self, letters: tuple[str, ...], at: Place) -> dict[str, Any]:
        """The place with these indices as arrays, each along an axis of its own."""
        n = len(letters)
        arrays = {
            letter: np.arange(self.size(letter)).reshape((-1, *[1] * (n - 1 - k)))
            for k, letter in enumerate(letters)
        }
        return {**at, **arrays}

    def size(self, letter: str) -> int:
        """How far an index runs; one that was renamed (`n'1`) as far as its letter."""
        return self.sizes[letter[0]]

    def value(self, node: Node, at: Place, depth: int = 0, allowed: Any = True) -> Any:
        """The node's value, an array where indices are arrays.

        Args:
            node: What to evaluate.
            at: The indices' values.
            depth: How many axes the arrays among them have.
            allowed: Where it counts: elsewhere an index may reach outside of an operand.
        """
        match node:
            case Number(number):
                return number
            case Index(name):
                return at[name]
            case Size(of):
                return self.size(of)
            case Entry():
                return self._entry(node, at, depth, allowed)
            case Softmax():
                return np.exp(self._log_softmax(node, at, depth))
            case Add(terms):
                return sum(self.value(t, at, depth, allowed) for t in terms)
            case Neg(of):
                return -self.value(of, at, depth, allowed)
            case Mul(factors):
                return self._product(factors, at, depth, allowed)
            case Div(top, bottom) if (row := softmax_of(top, bottom)) is not None:
                return self.value(row, at, depth, allowed)
            case Div(top, bottom):
                above = self.value(top, at, depth, allowed)
                return np.true_divide(above, self.value(bottom, at, depth, allowed))
            case Pow(base, exponent):
                power = self.value(exponent, at, depth, allowed)
                return np.power(1.0 * self.value(base, at, depth, allowed), power)
            case Call("log", Softmax() as row):
                return self._log_softmax(row, at, depth)
            case Call("log", Reduce("Σ", indices, Call("exp", inside))):
                exponents = self._spread(inside, indices, at, depth, allowed)
                return np.logaddexp.reduce(
                    exponents.reshape((-1, *exponents.shape[len(indices) :]))
                )
            case Call(function, argument):
                return FUNCTIONS[function](self.value(argument, at, depth, allowed))
            case Reduce():
                return self._reduced(node, at, depth, allowed)
            case Bracket():
                return np.asarray(self.holds(node, at, depth, allowed)).astype(int)

    def holds(self, node: Bracket, at: Place, depth: int = 0, allowed: Any = True) -> Any:
        """Where a bracket's comparisons hold."""
        left, found = self.value(node.first, at, depth, allowed), np.True_
        for comparison, part in node.rest:
            right = self.value(part, at, depth, allowed)
            if comparison == "==" and isinstance(part, Entry):
                check_picked(self.tree, part, right)
            found = found & COMPARE[comparison](left, right)
            left = right
        return found

    def _array(self, name: str) -> Array:
        if name not in self.arrays:
            raise IndexFormulaError(f"'{self.tree}' needs {name}: give it among the arrays")
        return np.asarray(self.arrays[name])

    def _entry(self, node: Entry, at: Place, depth: int, allowed: Any) -> Any:
        array = self._array(node.name)
        place = []
        for index, size in zip(node.indices, array.shape, strict=True):
            k = np.asarray(self.value(index, at, depth, allowed))
            outside = (k < 0) | (k >= size)
            if np.any(outside):
                if np.any(outside & allowed):
                    worst = int(np.broadcast_to(k, outside.shape)[outside][0])
                    raise IndexFormulaError(
                        f"'{self.tree}' reaches index {worst} of {node.name} {array.shape}; "
                        f"indices count from 0, also those that are picked from an array"
                    )
                if not size:
                    return 0.0
                k = np.clip(k, 0, size - 1)
            place.append(k)
        found = array[tuple(place)]
        return found.astype(np.float64) if array.dtype.kind == "f" else found

    def _log_softmax(self, node: Softmax, at: Place, depth: int) -> Any:
        array = np.moveaxis(self._array(node.name), node.axis, -1)
        outer = tuple(np.asarray(self.value(i, at, depth)) for i in node.indices if i is not None)
        rows = array[outer].astype(np.float64)  # (..., K)
        logs = rows - np.logaddexp.reduce(rows, axis=-1, keepdims=True)
        k = np.asarray(self.value(node.at, at, depth))
        shape = np.broadcast_shapes(rows.shape[:-1], k.shape)
        every = np.broadcast_to(logs, (*shape, rows.shape[-1]))
        return np.take_along_axis(every, np.broadcast_to(k, shape)[..., None], -1)[..., 0]

    def _product(self, factors: tuple[Node, ...], at: Place, depth: int, allowed: Any) -> Any:
        mask: Any = np.True_
        for factor in factors:
            if isinstance(factor, Bracket):
                mask = mask & self.holds(factor, at, depth, allowed)
        product: Any = 1.0
        for factor in factors:
            if not isinstance(factor, Bracket):
                product = product * self.value(factor, at, depth, allowed & mask)
        return product if mask is np.True_ else np.where(mask, product, 0.0)

    def _spread(
        self, body: Node, indices: tuple[str, ...], at: Place, depth: int, allowed: Any
    ) -> Any:
        """A body's values with the indices as its leading axes."""
        n = len(indices)
        here = dict(at)
        for k, letter in enumerate(indices):
            here[letter] = np.arange(self.size(letter)).reshape((-1, *[1] * (depth + n - 1 - k)))
        found = np.asarray(self.value(body, here, depth + n, allowed))
        rest = np.broadcast_shapes(found.shape, (1,) * (depth + n))[n:]
        return np.broadcast_to(found, (*(self.size(i) for i in indices), *rest))

    def _reduced(self, node: Reduce, at: Place, depth: int, allowed: Any) -> Any:
        spread = self._spread(node.body, node.indices, at, depth, allowed)
        if not spread.size and node.kind in ("max", "min"):
            raise IndexFormulaError(f"'{self.tree}': the {node.kind} of nothing has no value")
        return REDUCTIONS[node.kind](spread, axis=tuple(range(len(node.indices))))
