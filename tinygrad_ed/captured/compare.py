"""Whether two traces of a step are the same program: what a step computes must not change."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from ..ops.registry import Array
from .arrays import address_of, is_array, memory_of, same_bytes
from .instructions import Count, Instruction, Launch
from .settings import Setting
from .trace import Trace


class Difference(Exception):  # noqa: N818 (two programs differ: not an error in itself)
    """Where two traces part, in words."""


class _Side:
    """One of the two traces: numbers for its memories, in the order of their first appearance."""

    def __init__(self, trace: Trace) -> None:
        self.numbers = {id(memory_of(a)): k for k, a in enumerate(trace.given)}
        self.written: set[int] = set(self.numbers)
        self.outside = trace.outside

    def place(self, array: Array, owner: Array) -> tuple[int, int]:
        number = self.numbers.setdefault(id(owner), len(self.numbers))
        return number, 0 if owner is array else address_of(array) - address_of(owner)

    def is_constant(self, owner: Array) -> bool:
        return id(owner) not in self.written


def check_same(first: Trace, second: Trace, one_result: Any, other_result: Any) -> None:
    """Two traces of one step, with what the step returned, must be the same program.

    Raises:
        Difference: They part; the message says at which line, and how.
    """
    sides = _Side(first), _Side(second)
    for one, other in zip_longest(first.instructions, second.instructions):
        if one is None or other is None:
            longer = one or other
            raise Difference(f"{longer.where}: {_text(longer)} was computed in one run only")
        if type(one) is not type(other) or _what(one) != _what(other):
            raise Difference(
                f"{other.where}: {_text(other)} was computed where the first run computed "
                f"{_text(one)} ({one.where})"
            )
        for side, line in zip(sides, (one, other), strict=True):
            side.written.update(id(memory_of(a)) for a in line.operands("out"))
        for a, b in zip_longest(_values(one), _values(other)):
            if a is not b or is_array(a):
                _check_value(a, b, sides, other)
    _check_value(one_result, other_result, sides, None)


def begin_alike(one: Trace, other: Trace) -> bool:
    """Whether two runs found the same gradients there, if none was cleared first."""
    mine, theirs = one.gradients.before, other.gradients.before
    return mine.keys() == theirs.keys() and all(
        (mine[leaf] is None) == (theirs[leaf] is None) for leaf in mine
    )


def _what(line: Instruction) -> Any:
    if isinstance(line, Launch):
        return line.kernel
    return getattr(line.function, "__name__", line.function)


def _text(line: Instruction) -> str:
    what = line.kernel.name if isinstance(line, Launch) else str(_what(line))
    return f"{line.context.purpose} ({what})" if line.context.purpose != what else what


def _values(line: Instruction) -> Sequence[Any]:
    if isinstance(line, Launch):
        return line.args
    return [*line.inputs, *line.outputs, *(line.params[name] for name in sorted(line.params))]


def _where(line: Instruction | None) -> str:
    return f"{line.where}: {line.context.purpose}" if line else "what the step returns"


def _check_value(a: Any, b: Any, sides: tuple[_Side, _Side], line: Instruction | None) -> None:
    if is_array(a) and is_array(b):
        _check_array(a, b, sides, line)
    elif isinstance(a, tuple | list) and type(a) is type(b) and len(a) == len(b):
        for x, y in zip(a, b, strict=True):
            _check_value(x, y, sides, line)
    elif isinstance(a, dict) and isinstance(b, dict) and list(a) == list(b):
        for key in a:
            _check_value(a[key], b[key], sides, line)
    elif isinstance(a, Count) and isinstance(b, Count):
        if a.offset != b.offset or address_of(a.counter) != address_of(b.counter):
            raise Difference(f"{_where(line)} counts something else than in the first run")
    elif isinstance(a, Setting) and isinstance(b, Setting):
        if not a.same_as(b):
            raise Difference(f"{_where(line)} takes another hyper-parameter than in the first run")
    elif not _equal(a, b):
        raise Difference(
            f"{_where(line)} was given {b!r}, in the first run {a!r}. A number that changes from "
            f"step to step must be an argument of the step (an array), or belong to an optimizer"
        )


def _check_array(a: Array, b: Array, sides: tuple[_Side, _Side], line: Instruction | None) -> None:
    one, other = memory_of(a), memory_of(b)
    same = a is b or (a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides)
    if not same or sides[0].place(a, one) != sides[1].place(b, other):
        raise Difference(
            f"{_where(line)} works on another array than in the first run ({b.dtype} {b.shape}, "
            f"before {a.dtype} {a.shape})"
        )
    if one is other:
        return
    if id(one) in sides[0].outside or id(other) in sides[1].outside:
        raise Difference(f"{_where(line)} works on another parameter or optimizer than before")
    if sides[0].is_constant(one) and sides[1].is_constant(other) and not _equal(one, other):
        raise Difference(
            f"{_where(line)} uses an array of shape {b.shape} that the step made anew with other "
            f"values. Pass what changes from step to step as an argument"
        )


def _equal(a: Any, b: Any) -> bool:
    if is_array(a) and is_array(b):
        return same_bytes(a, b)
    if type(a) is not type(b):
        return False
    return a is b or bool(a == b) or (isinstance(a, float) and a != a and b != b)
