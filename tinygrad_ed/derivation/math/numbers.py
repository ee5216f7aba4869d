"""Numbers in formulas: how they are written, and a formula with its numbers put in.

A literal of the program is written shortest and exact. A number put in by `substitute` is exact in
the code, which still runs, and is rounded only where it is written.
"""

import ast
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from ...ops.source import fresh

DIGITS = 4
_SMALLEST, _DIGITS_OF_LARGEST = 1e-4, 6

Code = TypeVar("Code", bound=ast.AST)


def decimal(value: float, digits: int | None = None) -> tuple[str, int | None]:
    """Digits and power of ten of a finite number that is not negative: ("1.5", -8).

    The power is None where the number is written out: from 0.0001 to a million, and for whole
    numbers below that. Without `digits` it is the shortest text that reads back as the same number.
    """
    value = abs(value)
    if isinstance(value, int) or (
        digits is not None and value % 1 == 0 and value < 10**_DIGITS_OF_LARGEST
    ):
        return str(int(value)), None
    shortest = repr(value) if digits is None else f"{value:.{digits - 1}e}"
    mantissa, _, power = shortest.partition("e")
    if digits is None:
        return mantissa.removesuffix(".0"), int(power) if power else None
    exponent = int(power)
    if not (value >= _SMALLEST and exponent < _DIGITS_OF_LARGEST):
        return _without_zeros(mantissa), exponent
    # The whole part is always written in full, also where it has more digits than asked for.
    places = max(0, digits - 1 - exponent)
    rounded = value if exponent >= digits else float(shortest)
    return _without_zeros(f"{rounded:.{places}f}"), None


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def digits_of(node: ast.Constant) -> int | None:
    """To how many digits a number is written: None for a literal of the program."""
    return getattr(node, "digits", None)


def substitute(code: Code, numbers: Mapping[str, Any], digits: int = DIGITS) -> Code:
    """A copy of the code with names replaced by numbers; it runs and gives the exact result.

    Args:
        code: An expression or statements; the names that are assigned to stay.
        numbers: Of each name its value: a number, a NumPy number or an array.
        digits: Significant digits when the result is rendered.

    Raises:
        ValueError: Not at least one digit.
        TypeError: A value is no number and no array of numbers.
    """
    if digits < 1:
        raise ValueError(f"substitute needs at least 1 significant digit, got digits={digits}")
    nodes = {name: number(value, digits, name) for name, value in numbers.items()}
    replaced: Code = _Substitute(nodes).visit(fresh(code))
    return ast.fix_missing_locations(replaced)


def number(value: Any, digits: int | None = DIGITS, name: str = "the value") -> ast.expr:
    """A number or an array of numbers as program text that gives back exactly the same.

    Raises:
        TypeError: It is something else.
    """
    if type(value) in (int, float, bool, complex):
        return _scalar(value, digits)
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} is {value!r:.80} of type {type(value).__name__}: only a number or an array "
            "of numbers can be put into a formula"
        )
    dtype = array.dtype.name
    if array.ndim == 0:
        return _call(f"np.{dtype}", [_scalar(array.item(), digits)])
    if array.size == 0:
        shape: ast.expr = ast.parse(repr(array.shape), mode="eval").body
        return _call("np.zeros", [shape], dtype)
    default = dtype in ("float64", "int64", "bool", "complex128")
    return _call("np.array", [_nested(array.tolist(), digits)], "" if default else dtype)


def _call(path: str, arguments: list[ast.expr], dtype: str = "") -> ast.Call:
    keywords = [ast.keyword("dtype", ast.Constant(dtype))] if dtype else []
    return ast.Call(ast.parse(path, mode="eval").body, arguments, keywords)


def _nested(value: Any, digits: int | None) -> ast.expr:
    if isinstance(value, list):
        return ast.List([_nested(v, digits) for v in value], ast.Load())
    return _scalar(value, digits)


def _scalar(value: Any, digits: int | None) -> ast.expr:
    """One number; the minus stands before the literal, so that the text of the code is right."""
    if isinstance(value, float) and not np.isfinite(value):
        node: ast.expr = ast.parse("np.nan" if np.isnan(value) else "np.inf", mode="eval").body
    else:
        constant = ast.Constant(value if isinstance(value, bool | complex) else abs(value))
        constant.digits = digits  # type: ignore[attr-defined]
        node = constant
    negative = isinstance(value, int | float) and np.copysign(1.0, value) < 0
    return ast.UnaryOp(ast.USub(), node) if negative else node


class _Substitute(ast.NodeTransformer):
    def __init__(self, nodes: Mapping[str, ast.expr]) -> None:
        self.nodes = nodes

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.nodes:
            return fresh(self.nodes[node.id])
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A function's own name is not a number's, even if they are spelled alike."""
        function = node.func
        self.generic_visit(node)
        if isinstance(function, ast.Name):
            node.func = function
        return node

    def _of_array(self, node: Any) -> Any:
        """x.size and x[0] ask for an array, also where x is a single number."""
        before = node.value
        self.generic_visit(node)
        if isinstance(before, ast.Name) and before is not node.value:
            plain = not isinstance(node.value, ast.Call)
            node.value = _call("np.asarray", [node.value]) if plain else node.value
        return node

    visit_Attribute = _of_array  # noqa: N815
    visit_Subscript = _of_array  # noqa: N815

    def _scope(self, node: Any) -> Any:
        """A lambda or comprehension: the names that it brings along are its own."""
        inside = list(ast.walk(node))
        own = {n.arg for n in inside if isinstance(n, ast.arg)}
        own |= {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        left = {k: v for k, v in self.nodes.items() if k not in own}
        return _Substitute(left).generic_visit(node)

    visit_Lambda = _scope  # noqa: N815 (ast asks for these names)
    visit_ListComp = _scope  # noqa: N815
    visit_SetComp = _scope  # noqa: N815
    visit_DictComp = _scope  # noqa: N815
    visit_GeneratorExp = _scope  # noqa: N815
