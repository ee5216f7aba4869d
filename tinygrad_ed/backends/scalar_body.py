"""A scalar loop: what it is given, what it does to one entry, and its text in some language."""

import ast
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..ops.source import globals_of
from .scalar_lines import Line, Names
from .scalar_types import DType


@dataclass(frozen=True)
class Operand:
    """One argument of a kernel, in the order of the text.

    Attributes:
        argument: Its name in the text.
        kind: "in", "inout" or "out" for arrays; "real" (float64) or "int" (int64) for numbers.
        of: The function's argument that is read, or the output that is written; "" for a constant.
        index: Which part of a tuple argument (betas), else None.
        pattern: How an array lies against the result.
        dtype: An array's type.
        output: For "out" and "inout": which of the function's results.
        constant: The number to hand over where it is none of the function's arguments.
    """

    argument: str
    kind: str
    of: str = ""
    index: int | None = None
    pattern: str = ""
    dtype: str = ""
    output: int | None = None
    constant: float | None = None


@dataclass(frozen=True)
class Array:
    """An array of the kernel: its argument, the variable that holds one entry, and its pattern.

    `variable` is "" where the entries are only written.
    """

    argument: str
    variable: str
    pattern: str


@dataclass(frozen=True)
class Store:
    """One result: `argument[i] = value`."""

    argument: str
    value: ast.expr


@dataclass(frozen=True)
class Body:
    """What a loop does, written in no language yet; expressions are Python's syntax trees.

    Attributes:
        dtype: The kernel's own type, T in the expressions.
        arrays: The arrays among its operands, results included (those have the pattern "full").
        before: Computed once, before the loop.
        inside: Computed for each entry.
        stores: What is written where, when all of `inside` has been computed.
        taken: The names in use.
    """

    dtype: DType
    arrays: tuple[Array, ...]
    before: tuple[Line, ...]
    inside: tuple[Line, ...]
    stores: tuple[Store, ...]
    taken: frozenset[str]

    def names(self) -> Names:
        """Hands out names that are free."""
        return Names(self.taken)


@dataclass(frozen=True)
class ScalarLoop:
    """A kernel's text and how to call it.

    Attributes:
        name: The function's name in the text.
        text: A module with that one function; "" if nothing has to be computed.
        operands: What it takes.
        aliases: Results that are an argument, unchanged: output index -> argument.
        nothing: Results that are None.
        outside: What was read from outside, built in: (function, name) -> value.
        language: What the text is written in: "numba" or "cuda".
        body: What the text was made of; None if there is nothing to compute.
    """

    name: str
    text: str
    operands: tuple[Operand, ...]
    aliases: Mapping[int, str]
    nothing: frozenset[int]
    outside: Mapping[tuple[Callable[..., Any], str], Any] = field(repr=False)
    language: str = "numba"
    body: Body | None = field(default=None, compare=False, repr=False)

    def is_current(self) -> bool:
        """Whether the module constants and helpers that are built in are still the same."""
        for function, seen, identifier, value in self._seen:
            names = globals_of(function) if seen is None else seen
            if names.get(identifier, value) is not value:
                return False
        return True

    @functools.cached_property
    def _seen(self) -> list[tuple[Callable[..., Any], dict[str, Any] | None, str, Any]]:
        """Function, the module's names (None: the name is a closure's), name, value."""
        return [
            (f, None if name in f.__code__.co_freevars else f.__globals__, name, value)
            for (f, name), value in self.outside.items()
        ]
