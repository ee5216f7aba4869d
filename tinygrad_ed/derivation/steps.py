"""What a derivation consists of: steps, formulas, values."""

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ops.registry import Op
from .expressions import in_one

Array = np.ndarray[Any, Any]

SHORT = 60
"""Parts that a formula has at most to be shown as one."""


@dataclass(frozen=True)
class Formula:
    """A formula that stands beside what runs.

    Attributes:
        role: "textbook" (the form of the books, where another one runs), "local derivative",
            "index" (one entry of the result).
        left: What it says a value of.
        code: Python over NumPy in the network's names: one expression, or an index formula as text.
        by: Of a derivative: with respect to what.
    """

    role: str
    left: str
    code: ast.expr | str
    by: str = ""


@dataclass(frozen=True)
class Entry:
    """One entry of a result, with the numbers that make it.

    Attributes:
        place: Which one.
        symbols: The formula for this entry, in symbols.
        numbers: The same with the run's numbers.
        value: What comes out.
        meets: For a sum of products: which row of one operand meets which column of the other.
    """

    place: tuple[int, ...]
    symbols: str
    numbers: str
    value: float
    meets: Mapping[str, str] = field(default_factory=dict)
    latex: str = ""


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Attributes:
        number: Counted from 1.
        phase: "forward", "backward" or "update".
        kind: "result", and on the way back "seed", "gradient", "sum" (over broadcast axes), "cast"
            and "add" (paths meet); "update" of an optimiser.
        name: What it computes.
        title: What happens, in words.
        lines: The statements that run; the last one gives the name its value.
        values: The value of each name that the lines assign, the result's last.
        inputs: The values that the lines read.
        formulas: What stands beside the lines.
        entry: One entry with its numbers, if there is a short way to say it.
        op: The op that it belongs to, if any.
        through: Of a gradient: the result that the way back comes through.
    """

    number: int
    phase: str
    kind: str
    name: str
    title: str
    lines: tuple[ast.stmt, ...]
    values: Mapping[str, Array]
    inputs: Mapping[str, Array]
    formulas: tuple[Formula, ...] = ()
    entry: Entry | None = None
    op: Op | None = None
    through: str | None = None

    @property
    def value(self) -> Array:
        """What comes out."""
        return self.values[self.name]

    @property
    def changes_it(self) -> bool:
        """Whether the name had a value before, as a weight has that is updated."""
        return self.name in self.inputs

    @property
    def shown(self) -> ast.expr:
        """The formula to read: the textbook's where another one runs, else what runs."""
        for formula in self.formulas:
            if formula.role == "textbook" and isinstance(formula.code, ast.expr):
                return formula.code
        return self._whole or self._last

    @property
    def runs_otherwise(self) -> bool:
        """Whether the lines that run are to be shown beside the formula to read."""
        if any(formula.role == "textbook" for formula in self.formulas):
            return True
        return len(self.lines) > 1 and self._whole is None

    @property
    def _last(self) -> ast.expr:
        last = self.lines[-1]
        assert isinstance(last, ast.Assign)
        return last.value

    @functools.cached_property
    def _whole(self) -> ast.expr | None:
        """The lines as one expression, if it is short."""
        whole = in_one(self.lines[:-1], self._last)
        short = whole is not None and sum(1 for _ in ast.walk(whole)) <= SHORT
        return whole if short else None

    @property
    def code(self) -> str:
        """The lines as Python."""
        return "\n".join(ast.unparse(line) for line in self.lines)
