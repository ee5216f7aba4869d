"""Small rewritings of formulas: one expression out of several lines, factors of 1 left out."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..ops.source import fresh


class _Replace(ast.NodeTransformer):
    def __init__(self, found: Mapping[str, ast.expr]) -> None:
        self.found = found

    def visit_Name(self, node: ast.Name) -> ast.expr:
        reads = isinstance(node.ctx, ast.Load)
        return fresh(self.found.get(node.id, node)) if reads else node


Code = TypeVar("Code", bound=ast.AST)


def replaced(code: Code, found: Mapping[str, ast.expr]) -> Code:
    """A copy of the code with names replaced by expressions, except where they are assigned to."""
    result: Code = _Replace(found).visit(fresh(code))
    return ast.fix_missing_locations(result)


def in_one(statements: Sequence[ast.stmt], result: ast.expr) -> ast.expr | None:
    """Straight lines and what they return as one expression; None if a line is no assignment."""
    found: dict[str, ast.expr] = {}
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            return None
        found[statement.targets[0].id] = replaced(statement.value, found)
    return replaced(result, found)


class _WithoutOnes(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = node.left, node.right
        if isinstance(node.op, ast.Mult):
            if _is_number(left, 1):
                return right
            if _is_number(right, 1):
                return left
            if _is_number(left, -1):
                return ast.UnaryOp(ast.USub(), right)
        if isinstance(node.op, ast.Div) and _is_number(right, 1):
            return left
        return node


def _is_number(code: ast.expr, value: int) -> bool:
    try:
        return bool(ast.literal_eval(code) == value)
    except (ValueError, TypeError, SyntaxError):
        return False


def without_ones(code: ast.expr) -> ast.expr:
    """The expression without factors of 1."""
    result: ast.expr = _WithoutOnes().visit(fresh(code))
    return ast.fix_missing_locations(result)


class _WithPowers(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        plain = isinstance(node.left, ast.Constant)
        if isinstance(node.op, ast.Mult) and not plain and same(node.left, node.right):
            return ast.BinOp(node.left, ast.Pow(), ast.Constant(2))
        return node


def same(a: ast.AST, b: ast.AST) -> bool:
    """Whether two expressions are written alike."""
    return ast.dump(a) == ast.dump(b)


def with_powers(code: ast.expr) -> ast.expr:
    """x * x as x ** 2, as formulas write it: with numbers put in, 2 · 2 need not be a square."""
    result: ast.expr = _WithPowers().visit(fresh(code))
    return ast.fix_missing_locations(result)


_BY_ENTRY = frozenset(
    {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)} - {"matmul", "vecdot"}
    | {"where", "clip", "ones_like", "zeros_like", "asarray"}
) - {"matvec", "vecmat"}
_SAFE = (
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.Name, ast.Constant, ast.operator, ast.unaryop),
    *(ast.cmpop, ast.expr_context, ast.Call, ast.Attribute),
)


def is_by_entry(code: ast.expr) -> bool:
    """Whether each entry of the result comes from the same entry of what goes in."""
    for node in ast.walk(code):
        if not isinstance(node, _SAFE) or isinstance(node, ast.MatMult):
            return False
        if isinstance(node, ast.Call) and (node.keywords or not _is_ufunc(node.func)):
            return False
        if isinstance(node, ast.Attribute) and not _is_ufunc(node):
            return False
    return True


def _is_ufunc(code: Any) -> bool:
    return (
        isinstance(code, ast.Attribute)
        and isinstance(code.value, ast.Name)
        and code.value.id == "np"
        and code.attr in _BY_ENTRY
    )
