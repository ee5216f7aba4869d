"""Expressions of a scalar loop in C++, with the types and the roundings that Python and NumPy give.

C++ has its own rules where types meet: a quotient of whole numbers is whole, a mask takes part in a
sum as an int. So the type of every expression is followed, and whatever has to be converted is
converted in so many words.
"""

import ast
import math
from typing import Any, NamedTuple

import numpy as np

from .scalar_types import NotElementwise

CPP = {"float32": "float", "float64": "double", "int64": "long long", "bool": "bool"}
"""Number types, and what C++ calls them."""
RANKS = ("bool", "long long", "float", "double")
"""Where two types meet, the later one wins; a whole number and a float make a double."""

FUNCTIONS = {
    "absolute": "fabs", "math.asin": "asin", "math.acos": "acos", "math.atan": "atan",
    **{word: word for word in ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "sign")},
    **{word: word for word in ("maximum", "minimum")},
    **{f"np.{word}": word for word in ("floor", "ceil", "trunc", "rint", "log2", "log10", "exp2")},
    **{f"math.{word}": word for word in ("sqrt", "pow", "exp", "expm1", "log", "log1p", "sin")},
    **{f"math.{word}": word for word in ("cos", "tanh", "tan", "sinh", "cosh", "asinh", "acosh")},
    "math.atanh": "atanh",
}  # fmt: skip
"""Functions of floats, each of one name for float and for double in C++ or in `elementary.cuh`."""

TERNARY, LOGIC, EQUAL, ORDER, SUM, PRODUCT, SIGN, ATOM = range(1, 9)
ARITHMETIC: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM), ast.Sub: ("-", SUM), ast.Mult: ("*", PRODUCT), ast.Div: ("/", PRODUCT),
}  # fmt: skip
LOGICAL: dict[type[ast.operator], str] = {ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&"}
COMPARISONS: dict[type[ast.cmpop], tuple[str, int]] = {
    ast.Eq: ("==", EQUAL), ast.NotEq: ("!=", EQUAL), ast.Lt: ("<", ORDER), ast.LtE: ("<=", ORDER),
    ast.Gt: (">", ORDER), ast.GtE: (">=", ORDER),
}  # fmt: skip
"""Operators, and how closely each binds."""


class Cpp(NamedTuple):
    """An expression.

    Attributes:
        text: In C++.
        type: Its type there.
        binds: How closely its outermost operator binds.
        value: The number that it is, if it is one.
    """

    text: str
    type: str
    binds: int = ATOM
    value: Any = None

    def within(self, binds: int) -> str:
        """The text as a part of an operator that binds so closely."""
        return self.text if self.binds >= binds else f"({self.text})"


def number(value: Any, type: str) -> Cpp:
    """A number that stands in the text: the nearest of its type.

    Raises:
        NotElementwise: It is out of the range of whole numbers.
    """
    if type == "bool":
        return Cpp("true" if value else "false", type, ATOM, bool(value))
    if type == "long long":
        if abs(value) >= 2**63:
            raise NotElementwise(f"a number of {int(value).bit_length()} bits")
        text = str(int(value)) if abs(value) < 2**31 else f"{int(value)}ll"
    else:
        value = float(value)  # -0 is not 0
        with np.errstate(over="ignore"):
            rounded: Any = np.float32(value) if type == "float" else np.float64(value)
        size = abs(rounded)
        text = str(size) + ("f" if type == "float" else "")
        if not np.isfinite(size):
            text = "not_a_number()" if np.isnan(size) else "infinity()"
            text = text if type == "float" else f"double({text})"
        text = "-" + text if math.copysign(1, rounded) < 0 and not np.isnan(size) else text
    return Cpp(text, type, SIGN if text.startswith("-") else ATOM, value)


def converted(given: Cpp, type: str) -> Cpp:
    """The expression in a type."""
    if given.type == type:
        return given
    if given.value is not None:
        return number(given.value, type)
    if type == "bool":
        return Cpp(f"{given.within(EQUAL)} != 0", type, EQUAL)
    if " " in type:
        return Cpp(f"({type}){given.within(SIGN)}", type, SIGN)
    return Cpp(f"{type}({given.text})", type)


def common(*types: str) -> str:
    """The type that values of these types are computed in."""
    if {"float", "long long"} <= set(types):
        return "double"
    return max(types, key=RANKS.index)


class Expressions:
    """Translates syntax trees.

    Attributes:
        own: The kernel's number type.
        variables: The names that may occur, in C++.
    """

    def __init__(self, own: str) -> None:
        self.own = own
        self.variables: dict[str, Cpp] = {}

    def of(self, node: ast.expr) -> Cpp:
        """An expression.

        Raises:
            NotElementwise: There is no counterpart.
        """
        if isinstance(node, ast.Name):
            return self.variables[node.id]
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
            kinds = {bool: "bool", int: "long long", float: "double"}
            return number(node.value, kinds[type(node.value)])
        if isinstance(node, ast.Attribute) and node.attr in ("inf", "nan"):
            return number(getattr(np, node.attr), "double")
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.IfExp):
            return self._choice(node.test, node.body, node.orelse)
        if isinstance(node, ast.Call):
            return self._call(ast.unparse(node.func), node.args)
        raise NotElementwise(f"`{ast.unparse(node)}` has no counterpart in C++")

    def _alike(self, *nodes: ast.expr) -> list[Cpp]:
        """Expressions in their common type."""
        parts = [self.of(node) for node in nodes]
        type = common(*(part.type for part in parts))
        return [converted(part, type) for part in parts]

    def _binary(self, node: ast.BinOp) -> Cpp:
        a, b = self._alike(node.left, node.right)
        if type(node.op) in LOGICAL:
            text = f"{a.within(SUM)} {LOGICAL[type(node.op)]} {b.within(SUM)}"
            return Cpp(text, a.type, LOGIC)
        sign, binds = ARITHMETIC[type(node.op)]
        if a.type in ("bool", "long long"):  # masks are added as numbers, quotients have fractions
            kind = "double" if sign == "/" else "long long"
            a, b = converted(a, kind), converted(b, kind)
        return Cpp(f"{a.within(binds)} {sign} {b.within(binds + 1)}", a.type, binds)

    def _unary(self, node: ast.UnaryOp) -> Cpp:
        a = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return Cpp(f"!{converted(a, 'bool').within(SIGN)}", "bool", SIGN)
        a = converted(a, "long long") if a.type == "bool" else a
        if isinstance(node.op, ast.UAdd):
            return a
        if a.value is not None:
            return number(-a.value, a.type)
        return Cpp(f"-{a.within(ATOM)}", a.type, SIGN)

    def _comparison(self, node: ast.Compare) -> Cpp:
        sign, binds = COMPARISONS[type(node.ops[0])]
        a, b = self._alike(node.left, node.comparators[0])
        return Cpp(f"{a.within(binds + 1)} {sign} {b.within(binds + 1)}", "bool", binds)

    def _choice(self, test: ast.expr, yes: ast.expr, no: ast.expr) -> Cpp:
        a, b = self._alike(yes, no)
        asked = converted(self.of(test), "bool").within(TERNARY + 1)
        text = f"{asked} ? {a.within(TERNARY + 1)} : {b.within(TERNARY)}"
        return Cpp(text, a.type, TERNARY)

    def _call(self, function: str, nodes: list[ast.expr]) -> Cpp:
        if function == "where":
            return self._choice(*nodes)
        made = {"T": self.own, "float": "double"}.get(function)
        made = made or CPP.get(function.removeprefix("np."))
        if made is not None:
            return converted(self.of(nodes[0]), made)
        if function not in FUNCTIONS:
            raise NotElementwise(f"{function} has no counterpart in C++")
        parts = self._alike(*nodes)
        if parts[0].type not in ("float", "double"):
            parts = [converted(part, "double") for part in parts]
        arguments = ", ".join(part.text for part in parts)
        return Cpp(f"{FUNCTIONS[function]}({arguments})", parts[0].type)
