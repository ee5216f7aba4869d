"""The same derivation with samples as columns, as the documents 000, 002 and 004 write it.

Here a batch is rows: Z = X W + b. There it is columns: Z = W X + b. Every matrix of the one is the
transpose of its namesake in the other, and a vector of ours, which numpy spreads along rows, is a
column there. So a step is rewritten by transposing both sides of each line: (A B)ᵀ = Bᵀ Aᵀ, a sum
over axis 0 becomes a sum over axis 1, and what goes entry by entry stays as it is. A line that
these rules do not reach is written with explicit transposes.
"""

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..ops.index.parse import parse
from ..ops.index.tree import Entry, Mul, Node, Softmax, rebuilt
from ..ops.source import fresh
from .expressions import is_by_entry, replaced
from .steps import Array, Formula, Step

_REDUCTIONS = ("np.sum", "np.mean", "np.max", "np.min", "np.prod")


def turned(array: Any) -> Any:
    """A matrix transposed, a vector as a column; other arrays as they are."""
    if not isinstance(array, np.ndarray) or array.ndim not in (1, 2):
        return array
    return array.T if array.ndim == 2 else array[:, None]


def turned_index(formula: str, values: Mapping[str, Array]) -> str:
    """An index formula with the two indices of every matrix exchanged, and W before X."""

    def is_matrix(node: Node) -> bool:
        return isinstance(node, Entry) and np.ndim(values.get(node.name, 0)) == 2

    def swapped(node: Node) -> Node:
        node = rebuilt(node, swapped)
        if isinstance(node, Mul) and len(node.factors) == 2 and all(map(is_matrix, node.factors)):
            return Mul(node.factors[::-1])
        if isinstance(node, Softmax) and np.ndim(values.get(node.name, 0)) == 2:
            return replace(node, indices=node.indices[::-1])
        if isinstance(node, Entry) and is_matrix(node):
            return replace(node, indices=node.indices[::-1])
        return node

    parsed = parse(formula)
    left = tuple(entry for entry in map(swapped, parsed.left) if isinstance(entry, Entry))
    return str(replace(parsed, left=left, right=swapped(parsed.right)))


def in_columns(step: Step, scope: Mapping[str, Any]) -> Step:
    """The step with samples as columns.

    Args:
        step: With samples as rows.
        scope: Every value that its lines read or assign, samples as rows.
    """
    turn = _Turn({**scope, **step.values, **step.inputs})
    lines = tuple(turn.statement(line) for line in step.lines)
    formulas = tuple(turn.formula(f) for f in step.formulas)
    values = {name: turned(value) for name, value in step.values.items()}
    inputs = {name: turned(value) for name, value in step.inputs.items()}
    return replace(step, lines=lines, formulas=formulas, values=values, inputs=inputs)


class _Turn:
    """Transposes lines; ranks of sub-expressions come from running them."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = dict(scope)

    def statement(self, line: ast.stmt) -> ast.stmt:
        if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
            return line
        code = ast.Assign([fresh(line.targets[0])], self.of(line.value))
        return ast.fix_missing_locations(code)

    def formula(self, formula: Formula) -> Formula:
        if isinstance(formula.code, str):
            return replace(formula, code=turned_index(formula.code, self.scope))
        return replace(formula, code=ast.fix_missing_locations(self.of(formula.code)))

    def rank(self, code: ast.expr) -> int:
        """How many axes the value of an expression has."""
        whole = ast.fix_missing_locations(ast.Expression(fresh(code)))
        with np.errstate(all="ignore"):
            return int(np.ndim(eval(compile(whole, "<derivation>", "eval"), self.scope)))

    def of(self, code: ast.expr) -> ast.expr:
        """The transpose of an expression, in the transposes of its names."""
        if isinstance(code, ast.Name | ast.Constant):
            return code
        if isinstance(code, ast.BinOp) and isinstance(code.op, ast.MatMult):
            if self.rank(code.left) == 2 == self.rank(code.right):
                return ast.BinOp(self.of(code.right), ast.MatMult(), self.of(code.left))
        elif isinstance(code, ast.BinOp) and self.rank(code) <= 2:
            return ast.BinOp(self.of(code.left), code.op, self.of(code.right))
        elif isinstance(code, ast.UnaryOp) and self.rank(code) <= 2:
            return ast.UnaryOp(code.op, self.of(code.operand))
        elif isinstance(code, ast.Compare) and self.rank(code) <= 2:
            return ast.Compare(
                self.of(code.left), code.ops, [self.of(part) for part in code.comparators]
            )
        elif isinstance(code, ast.Attribute) and code.attr == "T" and self.rank(code) == 2:
            return ast.Attribute(self.of(code.value), "T", ast.Load())
        elif isinstance(code, ast.Call):
            turned_call = self._call(code)
            if turned_call is not None:
                return turned_call
        return self._wrapped(code)

    def _call(self, code: ast.Call) -> ast.expr | None:
        if is_by_entry(ast.Call(code.func, [], [])) and not code.keywords and self.rank(code) <= 2:
            return ast.Call(code.func, [self.of(a) for a in code.args], [])
        if ast.unparse(code.func) not in _REDUCTIONS or len(code.args) != 1:
            return None
        if self.rank(code.args[0]) != 2:
            return None
        options = {k.arg: ast.unparse(k.value) for k in code.keywords}
        axis, kept = options.get("axis", "None"), options.get("keepdims") == "True"
        inside = self.of(code.args[0])
        if axis == "None" and not kept:
            return ast.Call(code.func, [inside], [])
        other = {"0": 1, "-2": 1, "1": 0, "-1": 0}.get(axis)
        if other is None or (other == 0 and not kept):  # a number for each sample: no column
            return None
        keywords = [
            ast.keyword("axis", ast.Constant(other)),
            ast.keyword("keepdims", ast.Constant(True)),
        ]
        return ast.Call(code.func, [inside], keywords)

    def _wrapped(self, code: ast.expr) -> ast.expr:
        """The expression as it was, on names turned back, and its value turned."""
        names = {n.id for n in ast.walk(code) if isinstance(n, ast.Name)}
        found = {name: _turned_code(name, np.ndim(self.scope.get(name, 0))) for name in names}
        inside = replaced(code, {k: v for k, v in found.items() if v is not None})
        rank = self.rank(code)
        if rank == 2:
            return ast.Attribute(inside, "T", ast.Load())
        if rank == 1:
            column = ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load())
            return ast.Subscript(inside, column, ast.Load())
        return inside


def _turned_code(name: str, rank: int) -> ast.expr | None:
    """A name with samples as rows again; None if it is the same."""
    text = {2: f"{name}.T", 1: f"{name}[:, 0]"}.get(rank)
    return None if text is None else ast.parse(text, mode="eval").body
