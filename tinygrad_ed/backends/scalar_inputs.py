"""What a scalar loop is given: arrays that lie in some pattern against the result, and numbers."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .scalar_lines import Lines
from .scalar_types import UNKNOWN, DType, Entry, Known, Number, Value, Varying, name

Layout: TypeAlias = str | tuple[str, str]
"""How an array lies against the result, one of PATTERNS; in a pair with its dtype."""

PATTERNS = ("full", "row", "column", "scalar")


@dataclass(frozen=True)
class InputArray:
    """An array argument: `of` in the function, `argument` in the kernel, `variable` in the loop."""

    of: str
    argument: str
    variable: str
    pattern: str
    dtype: DType


@dataclass(frozen=True)
class InputNumber:
    """A number that the kernel reads: `of` (its part `index`) in the function."""

    of: str
    index: int | None
    argument: str
    kind: str


class Inputs:
    """The arguments of a function under their names in the kernel.

    Attributes:
        lines: Which names are taken.
        arrays: The array arguments.
        numbers: The numbers that are read at run time.
        values: What each argument of the function stands for.
        variables: The entries that are read anew for each i, so that they may be assigned again.
    """

    def __init__(
        self, lines: Lines, arrays: Mapping[str, Layout], numbers: Mapping[str, Any]
    ) -> None:
        self.lines = lines
        self.arrays: list[InputArray] = []
        self.numbers: list[InputNumber] = []
        self.values: dict[str, Value] = {}
        self.variables: dict[str, Entry] = {}
        for argument, given in numbers.items():
            if isinstance(given, tuple):
                parts = enumerate(given)
                self.values[argument] = tuple(self._number(argument, g, k) for k, g in parts)
            else:
                self.values[argument] = self._number(argument, given)
        variables = {argument: lines.fresh(argument) for argument in arrays}
        for argument, layout in arrays.items():
            self._array(argument, variables[argument], layout)

    def _array(self, argument: str, variable: str, layout: Layout) -> None:
        pattern, dtype = layout if isinstance(layout, tuple) else (layout, self.lines.dtype.name)
        if pattern not in PATTERNS:
            raise ValueError(f"{argument}: unknown pattern {pattern!r}; one of {PATTERNS}")
        given = self.lines.fresh(f"{argument}_")
        self.arrays.append(InputArray(argument, given, variable, pattern, np.dtype(dtype)))
        spread = frozenset() if pattern == "scalar" else frozenset({pattern})
        entry = Entry(name(variable), np.dtype(dtype), spread, argument)
        self.values[argument] = entry
        if pattern in ("full", "row"):
            self.variables[argument] = entry

    def _number(self, of: str, given: Any, index: int | None = None) -> Value:
        """A type or a `Varying` number is read at run time; anything else is built in."""
        kind, now = given, UNKNOWN
        if isinstance(given, Varying):
            kind, now = type(given.value), given.now
            if kind not in (float, int, bool):
                raise TypeError(f"{of}: only a plain Python number varies, got {given!r}")
        if not any(kind is k for k in (float, int, bool)):
            return Known(given)
        argument = self.lines.fresh(of if index is None else f"{of}_{index}")
        self.numbers.append(InputNumber(of, index, argument, "real" if kind is float else "int"))
        node: ast.expr = name(argument)
        if kind is bool:
            node = ast.Compare(node, [ast.NotEq()], [ast.Constant(0)])
        return Number(node, kind(1), now)
