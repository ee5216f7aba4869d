"""How the functions of NumPy, and the helpers of the ops, are written.

A call with arguments that its written form could not show (`dtype=`, `where=`) is written as a
plain function of its arguments: nothing is left out.
"""

import ast
from typing import TYPE_CHECKING

from .functions import RENAMED, WRITERS, Arguments, along, big, cast
from .pieces import Piece
from .shapes import called

if TYPE_CHECKING:
    from .walk import Walk

_OPERATORS: dict[str, ast.operator] = {
    **{"add": ast.Add(), "subtract": ast.Sub(), "multiply": ast.Mult(), "divide": ast.Div()},
    **{"true_divide": ast.Div(), "floor_divide": ast.FloorDiv(), "mod": ast.Mod()},
    **{"remainder": ast.Mod(), "power": ast.Pow(), "matmul": ast.MatMult()},
    **{"bitwise_and": ast.BitAnd(), "bitwise_or": ast.BitOr(), "bitwise_xor": ast.BitXor()},
}
_COMPARISONS: dict[str, ast.cmpop] = {
    **{"equal": ast.Eq(), "not_equal": ast.NotEq(), "less": ast.Lt(), "greater": ast.Gt()},
    **{"less_equal": ast.LtE(), "greater_equal": ast.GtE()},
}
_SIGNED = {"negative": ast.USub, "positive": ast.UAdd, "logical_not": ast.Not}
_ALONG = ("max", "min", "amax", "amin", "any", "all", "var", "std", "argmax", "argmin", "cumsum")
_HELPERS = ("softmax", "log_softmax", "logsumexp")
_CASTS = ("float16", "float32", "float64", "int32", "int64", "uint64", "complex64", "complex128")


def render(walk: "Walk", node: ast.Call) -> Piece:
    """A call as it is written."""
    name, arguments = called(node)
    keywords = {k.arg: k.value for k in node.keywords if k.arg is not None}
    clean = len(keywords) == len(node.keywords) and not any(
        isinstance(a, ast.Starred) for a in arguments
    )
    if clean:
        found = None
        if is_numpy(node.func):
            found = _of_numpy(walk, name, arguments, keywords)
        elif name in _HELPERS:
            found = along(walk, name, arguments, keywords)
        if found is not None:
            return found
    return _plain(walk, name, arguments, node.keywords)


def is_numpy(function: ast.expr) -> bool:
    """Whether it is a function of NumPy or a method: a helper may have the same name."""
    return isinstance(function, ast.Attribute)


def _of_numpy(
    walk: "Walk", name: str, arguments: Arguments, keywords: dict[str, ast.expr]
) -> Piece | None:
    if name in ("sum", "prod", "mean"):
        return big(walk, name, arguments, keywords)
    if name in _ALONG:
        return along(walk, name, arguments, keywords)
    if keywords or not arguments:
        return None
    if name in _OPERATORS and len(arguments) == 2:
        return walk.piece(ast.BinOp(arguments[0], _OPERATORS[name], arguments[1]))
    if name in _COMPARISONS and len(arguments) == 2:
        return walk.piece(ast.Compare(arguments[0], [_COMPARISONS[name]], [arguments[1]]))
    if name in _SIGNED and len(arguments) == 1:
        return walk.piece(ast.UnaryOp(_SIGNED[name](), arguments[0]))
    if name in _CASTS and len(arguments) == 1:
        return cast(walk, name, arguments)
    writer = WRITERS.get((name, len(arguments)))
    return writer(walk, arguments) if writer is not None else None


def _plain(walk: "Walk", name: str, arguments: Arguments, keywords: list[ast.keyword]) -> Piece:
    """A function of its arguments."""
    known = walk.alphabet.functions.get(name)
    if known is None or (name == "sigmoid" and walk.is_name("σ")):
        known = walk.alphabet.operator(RENAMED.get(name, name))
    texts = [walk.inside(a) for a in arguments]
    for keyword in keywords:
        value = walk.inside(keyword.value)
        texts.append(walk.alphabet.keyword(keyword.arg, value) if keyword.arg else f"**{value}")
    return Piece(walk.alphabet.call(known, texts))
