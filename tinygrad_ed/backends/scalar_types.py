"""What a name stands for while an op's source becomes a scalar loop, and which type NumPy gives it.

Three kinds of value meet in an elementwise formula:

Known   decided while emitting: None, a flag, a literal, a module's constant
Number  a plain Python number that is read at run time: a learning rate, a step counter
Entry   one entry of an array, inside the loop

What Known values and Numbers make among themselves is a number again, in Python's own arithmetic
(float64), computed once before the loop. Where a number meets an Entry it is rounded to the array's
type first: NumPy 2's weak promotion, NEP 50. Every literal in the loop is typed for that reason; an
untyped one would make Numba compute in float64.
"""

import ast
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

DType: TypeAlias = np.dtype[Any]
FLOATS = (np.dtype("float32"), np.dtype("float64"))
BOOL = np.dtype("bool")
INT = np.dtype("int64")


class NotElementwise(Exception):  # noqa: N818 (not for a loop, yet not an error: the formula runs)
    """The function cannot become a loop over entries; the message says why."""


UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda self: "unknown"})()
"""The present value of a number of which only the type is known."""


@dataclass(frozen=True)
class Varying:
    """A number that is read at run time; while emitting, only whether it is 0 is known of it.

    So `if weight_decay != 0` is decided, and yet 0.01 and 0.02 share one kernel. An `if` that asks
    for more is refused: another value would want another kernel.
    """

    value: Any

    @property
    def now(self) -> Any:
        """What an `if` may know of it."""
        return NOT_ZERO if self.value != 0 else self.value


class _NotZero:
    """Compares with 0; whatever else is asked of it raises a TypeError."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | float) and other == 0:
            return False
        raise TypeError("all that is known of this number is that it is not 0")


NOT_ZERO: Any = _NotZero()
"""Stands for the present value of a number that varies."""


@dataclass(frozen=True)
class Known:
    """A value that is known while emitting."""

    value: Any


@dataclass(frozen=True)
class Number:
    """A number that is computed at run time, before the loop.

    Attributes:
        node: The expression that reads or computes it.
        sample: A one of its type (True, 1, 1.0 or np.float64(1)): what promotion looks at.
        now: Its present value, NOT_ZERO or UNKNOWN.
    """

    node: ast.expr
    sample: Any
    now: Any = UNKNOWN


@dataclass(frozen=True)
class Entry:
    """One entry of an array.

    Attributes:
        node: The expression inside the loop.
        dtype: The array's type.
        spread: The patterns ("full", "row", "column") of the arrays that it was computed from.
        argument: The argument that this is, unchanged; "" for a computed one.
    """

    node: ast.expr
    dtype: DType
    spread: frozenset[str]
    argument: str = ""

    @property
    def is_full(self) -> bool:
        """Whether it differs from entry to entry of the whole result."""
        return "full" in self.spread or self.spread >= {"row", "column"}


Value: TypeAlias = Known | Number | Entry | tuple["Value", ...]


def name(identifier: str) -> ast.Name:
    """The expression that reads a variable."""
    return ast.Name(identifier, ast.Load())


def call(function: str, *arguments: ast.expr) -> ast.Call:
    """The expression `function(arguments)`; a dot in the name is an attribute of a module."""
    head, _, last = function.rpartition(".")
    target = ast.Attribute(name(head), last, ast.Load()) if head else name(last)
    return ast.Call(target, list(arguments), [])


def literal(value: Any) -> ast.expr:
    """A plain number as it stands in the text; infinities and NaN by their NumPy names."""
    if isinstance(value, float) and not math.isfinite(value):
        word = "nan" if math.isnan(value) else "inf"
        found: ast.expr = ast.Attribute(name("np"), word, ast.Load())
        return ast.UnaryOp(ast.USub(), found) if value == -math.inf else found
    return ast.Constant(value)


def sample_of(value: Value) -> Any:
    """A one of the number's type: Python's are weak in promotion, NumPy's are not.

    Raises:
        NotElementwise: It is no number.
    """
    if isinstance(value, Number):
        return value.sample
    held = value.value if isinstance(value, Known) else value
    if isinstance(held, bool | int | float | np.bool | np.integer | np.floating):
        return type(held)(1)
    what = "an array from outside" if isinstance(held, np.ndarray) else repr(held)
    raise NotElementwise(f"{what} stands where a number or an argument is needed")


def common_type(*values: Value) -> DType:
    """The type that NumPy computes in when these meet."""
    return np.result_type(*(v.dtype if isinstance(v, Entry) else sample_of(v) for v in values))


def floating(dtype: DType) -> DType:
    """The type that NumPy divides and takes roots in: float64 for whole numbers.

    Raises:
        NotElementwise: NumPy would choose a type that has no kernels (float16 for small integers).
    """
    if dtype in FLOATS:
        return dtype
    if dtype.kind in "iu" and dtype.itemsize >= 4:
        return np.dtype("float64")
    raise NotElementwise(f"{dtype} arrays have no floating-point kernels")


def spread_of(*values: Value) -> frozenset[str]:
    """The patterns of all entries among these."""
    return frozenset().union(*(v.spread for v in values if isinstance(v, Entry)))


def has_entry(*values: Value) -> bool:
    """Whether an array takes part."""
    return any(isinstance(v, Entry) for v in values)
