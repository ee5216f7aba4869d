"""The lines of a scalar loop while it is being written: those before the loop, those inside."""

import ast
import keyword
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .scalar_types import (
    BOOL,
    DType,
    Entry,
    Known,
    NotElementwise,
    Number,
    Value,
    call,
    literal,
    name,
    sample_of,
)

ELEMENTARY = frozenset(
    {"absolute", "cos", "exp", "expm1", "log", "log1p", "maximum", "minimum", "sign", "sin"}
    | {"tanh", "where"}
)
"""Functions of one entry that `kernels/cpu/elementary.py` has."""

RESERVED = ELEMENTARY | set(keyword.kwlist) | {"T", "np", "math", "float", "abs", "min", "max"}
RESERVED |= {"range"}


@dataclass(frozen=True)
class Line:
    """`target = value`."""

    target: str
    value: ast.expr

    def __str__(self) -> str:
        return f"{self.target} = {ast.unparse(self.value)}"


class Names:
    """Hands out names that are free."""

    def __init__(self, taken: Iterable[str] = RESERVED) -> None:
        self._used = set(taken)

    @property
    def taken(self) -> frozenset[str]:
        """The names in use."""
        return frozenset(self._used)

    def fresh(self, wanted: str) -> str:
        """The name if it is free, else with a number behind it."""
        found, k = wanted, 2
        while found in self._used:
            found, k = f"{wanted}_{k}", k + 1
        self._used.add(found)
        return found


class Lines(Names):
    """Collects lines and hands out names; types every number that enters the loop.

    Attributes:
        dtype: The kernel's own type, written T.
        before: Computed once, before the loop.
        inside: Computed for each entry.
        constants: Names of numbers that the caller hands over as data, with their values.
    """

    def __init__(self, dtype: DType) -> None:
        super().__init__()
        self.dtype = dtype
        self.before: list[Line] = []
        self.inside: list[Line] = []
        self.constants: dict[str, float] = {}

    def constant(self, value: float) -> ast.expr:
        """A number that LLVM must not see: the caller hands it over with the others.

        LLVM turns pow(x, 0.5) into a square root and pow(x, 2) into x x; Python calls the C
        library's pow, which rounds one result in a thousand the other way.
        """
        for known, held in self.constants.items():
            if held == value:
                return name(known)
        made = self.fresh("constant")
        self.constants[made] = value
        return name(made)

    def named(self, value: Entry, wanted: str = "part") -> Entry:
        """The entry under a name of its own, so that it can be read twice."""
        if isinstance(value.node, ast.Name):
            return value
        target = self.fresh(wanted)
        self.inside.append(Line(target, value.node))
        return Entry(name(target), value.dtype, value.spread)

    def cast(self, node: ast.expr, dtype: DType) -> ast.expr:
        """The expression converted to a type."""
        return call("T" if dtype == self.dtype else f"np.{dtype.name}", node)

    def typed(self, value: Value, dtype: DType) -> ast.expr:
        """A value as an operand of arithmetic in a type, inside the loop.

        Raises:
            NotElementwise: It is no number.
        """
        if isinstance(value, Entry):
            return value.node if value.dtype == dtype else self.cast(value.node, dtype)
        sample_of(value)
        if isinstance(value, Known):
            plain = value.value.item() if isinstance(value.value, np.generic) else value.value
            if dtype == BOOL:
                return ast.Constant(bool(plain))
            if not isinstance(plain, float):  # True is 1, and Numba has no integer beyond 64 bits
                plain = int(plain)
                if abs(plain) >= (2**1023 if dtype.kind == "f" else 2**63):
                    raise NotElementwise(f"a number of {plain.bit_length()} bits")
                plain = float(plain) if dtype.kind == "f" and abs(plain) > 2**53 else plain
            return self.cast(literal(plain), dtype)
        assert isinstance(value, Number)
        node = value.node
        if any(isinstance(part, ast.Call) for part in ast.walk(node)):
            node = self._before_the_loop(node)
        return self.cast(node, dtype)

    def _before_the_loop(self, node: ast.expr) -> ast.expr:
        """A number that takes a while, computed once."""
        text = ast.unparse(node)
        for line in self.before:
            if ast.unparse(line.value) == text:
                return name(line.target)
        target = self.fresh("number")
        self.before.append(Line(target, node))
        return name(target)

    def truth(self, value: Value) -> ast.expr:
        """A value as a condition: anything but zero holds, NaN too."""
        if isinstance(value, Entry):
            if value.dtype == BOOL:
                return value.node
            return ast.Compare(value.node, [ast.NotEq()], [self.typed(Known(0), value.dtype)])
        sample_of(value)
        if isinstance(value, Number):
            return value.node if value.sample is True else _not_zero(value.node)
        assert isinstance(value, Known)
        return ast.Constant(bool(value.value))


def _not_zero(node: ast.expr) -> ast.expr:
    return ast.Compare(node, [ast.NotEq()], [ast.Constant(0)])


def names_in(nodes: Iterable[ast.expr]) -> set[str]:
    """Every name that the expressions read."""
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def needed(lines: list[Line], wanted: set[str]) -> list[Line]:
    """The lines that the wanted names depend on, in order; adds to `wanted` what they read."""
    kept = []
    for line in reversed(lines):
        if line.target in wanted:
            wanted.discard(line.target)
            wanted |= names_in([line.value])
            kept.append(line)
    return kept[::-1]
