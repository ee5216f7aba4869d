"""Which functions of NumPy and Python an elementwise formula may call, and what they become.

Functions are looked up by what they are, not by what they are called: `np.exp`, `numpy.exp` and
`from numpy import exp` are one. Everything else is refused, reductions and `out=` among it.
"""

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .scalar_arithmetic import Arithmetic, fold
from .scalar_types import Entry, Known, NotElementwise, Number, Value, call, floating, has_entry

TWINS: dict[Any, str] = {
    np.exp: "exp", np.expm1: "expm1", np.log: "log", np.log1p: "log1p", np.tanh: "tanh",
    np.sin: "sin", np.cos: "cos", np.sign: "sign", np.abs: "absolute", np.fabs: "absolute",
    abs: "absolute", np.sqrt: "math.sqrt", np.tan: "math.tan", np.arcsin: "math.asin",
    np.arccos: "math.acos", np.arctan: "math.atan", np.sinh: "math.sinh", np.cosh: "math.cosh",
    np.arcsinh: "math.asinh", np.arccosh: "math.acosh", np.arctanh: "math.atanh",
    np.floor: "np.floor", np.ceil: "np.ceil", np.trunc: "np.trunc", np.rint: "np.rint",
    np.log2: "np.log2", np.log10: "np.log10", np.exp2: "np.exp2",
    np.maximum: "maximum", np.minimum: "minimum",
}  # fmt: skip
"""Functions of floats, and their scalar twins: ours, or the C library's (right, but one by one)."""

BINARY: dict[Any, ast.operator] = {
    np.add: ast.Add(), np.subtract: ast.Sub(), np.multiply: ast.Mult(), np.divide: ast.Div(),
    np.power: ast.Pow(), np.bitwise_and: ast.BitAnd(), np.bitwise_or: ast.BitOr(),
}  # fmt: skip
LOGICAL: dict[Any, ast.operator] = {
    np.logical_and: ast.BitAnd(), np.logical_or: ast.BitOr(), np.logical_xor: ast.BitXor(),
}  # fmt: skip
COMPARISONS: dict[Any, ast.cmpop] = {
    np.equal: ast.Eq(), np.not_equal: ast.NotEq(), np.less: ast.Lt(), np.less_equal: ast.LtE(),
    np.greater: ast.Gt(), np.greater_equal: ast.GtE(),
}  # fmt: skip
NUMBER_FUNCTIONS: dict[Any, str] = {
    getattr(module, function): function
    for module in (math, np)
    for function in ("sqrt", "exp", "log", "log1p", "expm1", "sin", "cos", "tanh")
}
PURE = {abs, min, max, round, float, int, bool, len, pow, sum, tuple, np.dtype, np.finfo, np.iinfo}
"""Python functions that are worked out while emitting if all they are given is known."""


def is_pure(function: Any) -> bool:
    """Whether the function's value depends on its arguments alone."""
    if isinstance(function, type) and issubclass(function, np.generic):
        return True
    in_math = getattr(math, getattr(function, "__name__", ""), None) is function
    return isinstance(function, np.ufunc) or in_math or _in(function, PURE)


def _in(function: Any, table: Any) -> bool:
    try:
        return function in table
    except TypeError:  # unhashable: nothing of ours
        return False


def applied(
    arithmetic: Arithmetic, function: Any, values: list[Value], options: dict[str, Value]
) -> Value:
    """What a call of a NumPy or Python function makes of these values.

    Raises:
        NotElementwise: It is none of the functions that become loops, or not on such values.
    """
    word = getattr(function, "__name__", repr(function))
    everything = [*values, *options.values()]
    if all(isinstance(v, Known) for v in everything) and is_pure(function):
        known = {k: v.value for k, v in options.items() if isinstance(v, Known)}
        return fold(function, *(v.value for v in values if isinstance(v, Known)), **known)
    if options:
        raise NotElementwise(f"{word} with {', '.join(options)}=")
    if function is np.where and len(values) == 3:
        return arithmetic.where(*values)
    if not has_entry(*values):
        return _of_numbers(arithmetic, function, word, values)
    if _in(function, TWINS) and len(values) == _arity(function):
        return arithmetic.elementary(TWINS[function], *values)
    if len(values) == 2:
        return _of_two(arithmetic, function, word, *values)
    if len(values) == 3 and function is np.clip:
        return _clipped(arithmetic, *values)
    if len(values) == 1 and isinstance(values[0], Entry):
        return _of_one(arithmetic, function, word, values[0])
    raise NotElementwise(f"{word} is no function of one entry")


def _arity(function: Any) -> int:
    return function.nin if isinstance(function, np.ufunc) else 1


def _of_numbers(arithmetic: Arithmetic, function: Any, word: str, values: list[Value]) -> Value:
    """Functions of numbers that are read at run time, computed before the loop."""
    if len(values) == 1 and isinstance(values[0], Number):
        number = values[0]
        if _in(function, NUMBER_FUNCTIONS):
            strong = isinstance(function, np.ufunc)
            return arithmetic.number_function(NUMBER_FUNCTIONS[function], strong, number)
        if function is float:
            return arithmetic.number(call("float", number.node), float, number)
    raise NotElementwise(f"{word} of numbers that are read at run time")


def _of_one(arithmetic: Arithmetic, function: Any, word: str, x: Entry) -> Value:
    zero: dict[Callable[..., Any], int] = {np.zeros_like: 0, np.ones_like: 1}
    if _in(function, zero):
        return arithmetic.constant_like(x, zero[function])
    if function is np.square:
        x = arithmetic.lines.named(x)
        return arithmetic.binary(ast.Mult(), x, x)
    if function is np.reciprocal and x.dtype == floating(x.dtype):
        return arithmetic.binary(ast.Div(), Known(1), x)
    if function in (np.negative, np.positive):
        return arithmetic.unary(ast.USub() if function is np.negative else ast.UAdd(), x)
    if function is np.logical_not:
        return Entry(ast.UnaryOp(ast.Not(), arithmetic.lines.truth(x)), np.dtype(bool), x.spread)
    if function is np.isnan:
        x = arithmetic.lines.named(x)
        return arithmetic.compare(ast.NotEq(), x, x)
    if function in (np.isfinite, np.isinf):
        size = arithmetic.elementary("absolute", x)
        op = ast.Lt() if function is np.isfinite else ast.Eq()
        return arithmetic.compare(op, size, Known(math.inf))
    raise NotElementwise(f"{word} is no function of one entry")


def _of_two(arithmetic: Arithmetic, function: Any, word: str, a: Value, b: Value) -> Value:
    if _in(function, BINARY):
        return arithmetic.binary(BINARY[function], a, b)
    if _in(function, LOGICAL):
        return arithmetic.logical(LOGICAL[function], a, b)
    if _in(function, COMPARISONS):
        return arithmetic.compare(COMPARISONS[function], a, b)
    raise NotElementwise(f"{word} is no function of one entry")


def _clipped(arithmetic: Arithmetic, x: Value, low: Value, high: Value) -> Value:
    """`np.clip(x, low, high)`; None is no bound."""
    for bound, function in ((low, "maximum"), (high, "minimum")):
        if not (isinstance(bound, Known) and bound.value is None):
            x = arithmetic.elementary(function, x, bound)
    return x
