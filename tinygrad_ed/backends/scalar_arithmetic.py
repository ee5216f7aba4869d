"""Operators and functions of an op's source as expressions of one entry, with NumPy's bits.

Sums, products, quotients, roots and comparisons give exactly what NumPy gives, type by type.
Exponentials and their kin come from `kernels/cpu/elementary.py`, within the bounds stated there.
"""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .scalar_lines import Lines
from .scalar_types import (
    BOOL,
    FLOATS,
    INT,
    UNKNOWN,
    DType,
    Entry,
    Known,
    NotElementwise,
    Number,
    Value,
    call,
    common_type,
    floating,
    has_entry,
    literal,
    sample_of,
    spread_of,
)

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Pow: operator.pow, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
    ast.Not: operator.not_, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_,
    ast.IsNot: operator.is_not, ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
"""What Python makes of an operator, for values that are known."""

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
LOGICAL = (ast.BitAnd, ast.BitOr, ast.BitXor)
ORDER = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
WHOLE_TO_WHOLE = {"maximum", "minimum", "sign", "absolute", "np.floor", "np.ceil", "np.trunc"}
"""Functions that leave whole numbers whole; our twins are for floats."""


def fold(function: Callable[..., Any], *values: Any, **options: Any) -> Known:
    """What the function makes of known values.

    Raises:
        NotElementwise: It raises; the formula will, too, and say so better.
    """
    try:
        return Known(function(*values, **options))
    except Exception as error:
        raise NotElementwise(f"{type(error).__name__}: {error}") from error


def now_of(value: Value) -> Any:
    """The value at present."""
    return value.value if isinstance(value, Known) else getattr(value, "now", UNKNOWN)


def worked_out(function: Callable[..., Any], *values: Value) -> Any:
    """What the function makes of the present values, or UNKNOWN."""
    present = [now_of(value) for value in values]
    if any(value is UNKNOWN for value in present):
        return UNKNOWN
    try:
        return function(*present)
    except (ArithmeticError, TypeError, ValueError):
        return UNKNOWN  # 1 / 0, math.sqrt(-1): Python raises where the kernel computes inf or NaN


def of_numbers(value: Value) -> ast.expr:
    """A number in the arithmetic before the loop, which is Python's own."""
    if isinstance(value, Number):
        return value.node
    assert isinstance(value, Known)
    plain = value.value
    return literal(plain.item() if isinstance(plain, np.generic) else plain)


class Arithmetic:
    """Writes operators; a part that is read twice gets a line of its own."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    # --- numbers among themselves -----------------------------------------------------------

    def number(self, made: ast.expr, function: Callable[..., Any], *values: Value) -> Number:
        """The number that Python's function makes of these numbers."""
        sample = type(function(*(sample_of(v) for v in values)))(1)
        if not isinstance(sample, bool | int | float):  # np.float64 is a float
            raise NotElementwise(f"a number of type {type(sample).__name__}")
        return Number(made, sample, worked_out(function, *values))

    def _number_operator(self, op: ast.operator, a: Value, b: Value) -> Number:
        function = OPERATORS[type(op)]
        if not isinstance(op, ARITHMETIC):
            raise NotElementwise(f"{type(op).__name__} of numbers that are read at run time")
        if not isinstance(op, ast.Pow):
            return self.number(ast.BinOp(of_numbers(a), op, of_numbers(b)), function, a, b)
        if not any(isinstance(sample_of(v), float) for v in (a, b)):
            raise NotElementwise("an integer to an integer power, both read at run time")
        parts = [
            self.lines.constant(float(v.value))
            if isinstance(v, Known)
            else v.node
            if isinstance(v, Number) and isinstance(v.sample, float)
            else call("float", of_numbers(v))
            for v in (a, b)
        ]
        return self.number(call("math.pow", *parts), function, a, b)

    # --- operators ---------------------------------------------------------------------------

    def binary(self, op: ast.operator, a: Value, b: Value) -> Value:
        """`a op b`."""
        if isinstance(a, Known) and isinstance(b, Known):
            return fold(OPERATORS[type(op)], a.value, b.value)
        if not has_entry(a, b):
            return self._number_operator(op, a, b)
        dtype = common_type(a, b)
        if isinstance(op, ast.Pow):
            return self._power(a, b, dtype)
        if isinstance(op, LOGICAL) and dtype == BOOL:
            pass
        elif isinstance(op, ast.Div):
            dtype = floating(dtype)
        elif not isinstance(op, ARITHMETIC) or dtype not in (*FLOATS, INT):
            raise NotElementwise(f"{type(op).__name__} of {dtype} arrays")
        typed = self.lines.typed
        return Entry(ast.BinOp(typed(a, dtype), op, typed(b, dtype)), dtype, spread_of(a, b))

    def _power(self, a: Value, b: Value, dtype: DType) -> Value:
        """a ** b; NumPy has shortcuts for the plain exponents -1, 0, 1/2, 1 and 2, kept here."""
        if dtype not in FLOATS:
            raise NotElementwise(f"a power of {dtype} arrays")
        exponent = b.value if isinstance(b, Known) and type(b.value) in (int, float) else None
        if isinstance(a, Entry) and a.dtype in FLOATS and exponent in (-1, 0, 0.5, 1, 2, 3, 4):
            one, spread = self.lines.typed(Known(1), dtype), a.spread
            if exponent == 0:
                return Entry(one, dtype, spread)
            if exponent == 0.5:
                return Entry(call("math.sqrt", a.node), dtype, spread)
            x = self.lines.named(a)
            product = x.node
            for _ in range(abs(int(exponent)) - 1 if exponent != 4 else 1):
                product = ast.BinOp(product, ast.Mult(), x.node)
            if exponent == 4:  # (x x)(x x): one rounding less than x x x x
                product = ast.BinOp(product, ast.Mult(), product)
            if exponent == -1:
                product = ast.BinOp(one, ast.Div(), x.node)
            return Entry(product, dtype, spread)
        typed = self.lines.typed
        return Entry(call("math.pow", typed(a, dtype), typed(b, dtype)), dtype, spread_of(a, b))

    def unary(self, op: ast.unaryop, a: Value) -> Value:
        """`op a`."""
        if isinstance(a, Known):
            return fold(OPERATORS[type(op)], a.value)
        if isinstance(a, tuple) or (isinstance(a, Entry) and isinstance(op, ast.Not)):
            raise NotElementwise("`not` asks for the truth of a whole array")
        if isinstance(a, Number):
            if isinstance(op, ast.Invert):
                raise NotElementwise("~ of a number that is read at run time")
            node = self.lines.truth(a) if isinstance(op, ast.Not) else a.node
            return self.number(ast.UnaryOp(op, node), OPERATORS[type(op)], a)
        if isinstance(op, ast.Invert) and a.dtype == BOOL:
            return Entry(ast.UnaryOp(ast.Not(), a.node), BOOL, a.spread)
        if isinstance(op, ast.Invert) or a.dtype not in (*FLOATS, INT):
            raise NotElementwise(f"{type(op).__name__} of {a.dtype} arrays")
        if isinstance(op, ast.UAdd):
            return Entry(a.node, a.dtype, a.spread)
        return Entry(ast.UnaryOp(op, a.node), a.dtype, a.spread)

    def compare(self, op: ast.cmpop, a: Value, b: Value) -> Value:
        """`a op b`; an entry or a number is never None."""
        function = OPERATORS[type(op)]
        if isinstance(a, Known) and isinstance(b, Known):
            return fold(function, a.value, b.value)
        if isinstance(op, ast.Is | ast.IsNot) and _any_none(a, b):
            return Known(isinstance(op, ast.IsNot))
        if not isinstance(op, ORDER):
            raise NotElementwise(f"{type(op).__name__} of what is read at run time")
        if not has_entry(a, b):
            return self.number(
                ast.Compare(of_numbers(a), [op], [of_numbers(b)]),
                lambda *v: bool(function(*v)),
                a,
                b,
            )
        dtype, typed = common_type(a, b), self.lines.typed
        return Entry(ast.Compare(typed(a, dtype), [op], [typed(b, dtype)]), BOOL, spread_of(a, b))

    # --- functions ----------------------------------------------------------------------------

    def elementary(self, function: str, *values: Value) -> Entry:
        """A function from floats to one float: `exp(x)`, `maximum(a, b)`, `math.sqrt(x)`."""
        dtype = floating(common_type(*values))
        if function in WHOLE_TO_WHOLE and dtype != common_type(*values):
            raise NotElementwise(f"{function} of whole numbers")
        typed = [self.lines.typed(v, dtype) for v in values]
        return Entry(call(function, *typed), dtype, spread_of(*values))

    def where(self, condition: Value, a: Value, b: Value) -> Entry:
        """`np.where(condition, a, b)`."""
        dtype, spread = common_type(a, b), spread_of(condition, a, b)
        branches = [self.lines.typed(v, dtype) for v in (a, b)]
        return Entry(call("where", self.lines.truth(condition), *branches), dtype, spread)

    def logical(self, op: ast.operator, a: Value, b: Value) -> Entry:
        """`np.logical_and(a, b)` and its kin."""
        node = ast.BinOp(self.lines.truth(a), op, self.lines.truth(b))
        return Entry(node, BOOL, spread_of(a, b))

    def astype(self, a: Entry, dtype: DType) -> Entry:
        """`a.astype(dtype)`."""
        if dtype == BOOL:
            return Entry(self.lines.truth(a), BOOL, a.spread)
        if dtype not in FLOATS and not (dtype == INT and a.dtype.kind in "biu"):
            raise NotElementwise(f"a cast from {a.dtype} to {dtype}")
        return Entry(self.lines.typed(a, dtype), dtype, a.spread)

    def constant_like(self, a: Entry, value: int) -> Entry:
        """`np.zeros_like(a)`, `np.ones_like(a)`."""
        return Entry(self.lines.typed(Known(value), a.dtype), a.dtype, a.spread)

    def number_function(self, function: str, strong: bool, value: Number) -> Number:
        """`math.exp(t)` of a number; NumPy's twin gives an np.float64."""
        numpy_twin: Callable[[Any], Any] = lambda x: np.float64(getattr(math, function)(x))  # noqa: E731
        python: Callable[[Any], Any] = numpy_twin if strong else getattr(math, function)
        argument = value.node if isinstance(value.sample, float) else call("float", value.node)
        made = call(f"math.{function}", argument)
        return Number(made, np.float64(1) if strong else 1.0, worked_out(python, value))


def _any_none(*values: Value) -> bool:
    return any(isinstance(v, Known) and v.value is None for v in values)
