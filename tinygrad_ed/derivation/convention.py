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
from ..ops.source import fresh, names_bound, names_read
from .expressions import is_by_entry, replaced
from .steps import Array, Formula, Step

_REDUCTIONS = ("np.sum", "np.mean", "np.max", "np.min", "np.prod")


def turned(array: Any) -> Any:
    """A matrix transposed, a vector as a column; other arrays as they are."""
    if not isinstance(array, np.ndarray) or array.ndim not in (1, 2):
        return array
    return array.T if array.ndim == 2 else array[:, None]


def turned_place(place: tuple[int, ...]) -> tuple[int, ...]:
    """Where an entry of an array stands in the array turned."""
    return {1: (*place, 0), 2: place[::-1]}.get(len(place), place)


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
    formulas = tuple(turn.formula(f) for f in step.formulas)
    if all(map(turn.reaches, step.lines)):
        lines = tuple(turn.statement(line) for line in step.lines)
        values = {name: turned(value) for name, value in step.values.items()}
    else:  # what the step keeps to itself has samples as rows
        lines = tuple(turn.around(line, step) for line in step.lines)
        values = {**step.values, step.name: turned(step.value)}
    inputs = {name: turned(value) for name, value in step.inputs.items()}
    return replace(step, lines=lines, formulas=formulas, values=values, inputs=inputs)


class _Turn:
    """Transposes lines; ranks of sub-expressions come from running them."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = dict(scope)

    def reaches(self, line: ast.stmt) -> bool:
        """Whether a line can be turned by itself: it gives one array or number its name."""
        if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
            return False  # it writes into an array
        return not isinstance(self.value(line.value), tuple | list)

    def statement(self, line: ast.stmt) -> ast.stmt:
        """A line of which every array is turned."""
        assert isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        code = ast.Assign([fresh(line.targets[0])], self.of(line.value))
        return ast.fix_missing_locations(code)

    def formula(self, formula: Formula) -> Formula:
        if isinstance(formula.code, str):
            return replace(formula, code=turned_index(formula.code, self.scope))
        return replace(formula, code=ast.fix_missing_locations(self.of(formula.code)))

    def around(self, line: ast.stmt, step: Step) -> ast.stmt:
        """A line as it was, with only what comes in and the result turned."""
        own = {name for part in step.lines for name in names_bound(part)}
        found = {name: self.back(name) for name in names_read(line) - own - {"np"}}
        line = replaced(line, {name: code for name, code in found.items() if code is not None})
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == step.name:
            line.value = _with_axes(line.value, step.value.ndim)
        return ast.fix_missing_locations(line)

    def value(self, code: ast.expr) -> Any:
        """The value of an expression, samples as rows."""
        whole = ast.fix_missing_locations(ast.Expression(fresh(code)))
        with np.errstate(all="ignore"):
            return eval(compile(whole, "<derivation>", "eval"), self.scope)

    def rank(self, code: ast.expr) -> int:
        """How many axes the value of an expression has."""
        return int(np.ndim(self.value(code)))

    def back(self, name: str) -> ast.expr | None:
        """A name with samples as rows again; None if it is the same."""
        array = self.scope.get(name)
        rank = array.ndim if isinstance(array, np.ndarray) else 0
        text = {2: f"{name}.T", 1: f"{name}[:, 0]"}.get(rank)
        return None if text is None else ast.parse(text, mode="eval").body

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
        found = {n.id: self.back(n.id) for n in ast.walk(code) if isinstance(n, ast.Name)}
        inside = replaced(code, {k: v for k, v in found.items() if v is not None})
        return _with_axes(inside, self.rank(code))


def _with_axes(code: ast.expr, rank: int) -> ast.expr:
    """An expression that gives samples as rows, turned."""
    if rank == 2:
        turned_back: ast.expr = _Untwisted().visit(ast.Attribute(code, "T", ast.Load()))
        return turned_back
    code = _Untwisted().visit(code)
    if rank == 1:
        column = ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load())
        return ast.Subscript(code, column, ast.Load())
    return code


class _Untwisted(ast.NodeTransformer):
    """X.T.T is X."""

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        inside = node.value
        both = node.attr == "T" and isinstance(inside, ast.Attribute) and inside.attr == "T"
        return inside.value if both and isinstance(inside, ast.Attribute) else node
