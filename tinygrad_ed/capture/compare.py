"""Whether two traces of a step are the same program: what a step computes must not change."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from ..ops.registry import Array
from ..ops.counted import Counted
from .instructions import Instruction, Launch, memory_of
from .settings import Setting


class Difference(Exception):  # noqa: N818 (two programs differ: not an error in itself)
    """Where two traces part, in words."""


class _Names:
    """Numbers for the memories of one trace, in the order of their first appearance."""

    def __init__(self, inputs: Sequence[Array]) -> None:
        self.numbers = {id(memory_of(a)): k for k, a in enumerate(inputs)}
        self.written: set[int] = set(self.numbers)

    def place(self, array: Array) -> tuple[Any, ...]:
        owner = memory_of(array)
        number = self.numbers.setdefault(id(owner), len(self.numbers))
        offset = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        return number, offset, array.shape, array.strides, array.dtype.str


def check_same(
    first: Sequence[Instruction],
    second: Sequence[Instruction],
    first_inputs: Sequence[Array],
    second_inputs: Sequence[Array],
) -> None:
    """Two traces of one step must be the same program.

    Raises:
        Difference: They part; the message says at which line, and how.
    """
    names = _Names(first_inputs), _Names(second_inputs)
    for one, other in zip_longest(first, second):
        if one is None or other is None:
            longer = one or other
            raise Difference(f"{longer.where}: {longer.purpose} was computed in one run only")
        if type(one) is not type(other) or _what(one) != _what(other):
            raise Difference(
                f"{other.where}: {other.purpose} ({_what(other)}) where the first run computed "
                f"{one.purpose} ({_what(one)}) at {one.where}"
            )
        for name, line in zip(names, (one, other), strict=True):
            name.written.update(id(memory_of(a)) for a in line.operands("out"))
        for a, b in zip_longest(_values(one), _values(other)):
            _check_value(a, b, names, other)


def _what(line: Instruction) -> str:
    if isinstance(line, Launch):
        return f"kernel {line.kernel.name}, {line.kernel.signature.dtype}"
    return str(getattr(line.function, "__name__", line.function))


def _values(line: Instruction) -> Iterator[Any]:
    if isinstance(line, Launch):
        yield from line.args
    else:
        yield from line.inputs
        yield from line.outputs
        yield from sorted(line.params.items(), key=lambda item: item[0])


def _check_value(a: Any, b: Any, names: tuple[_Names, _Names], line: Instruction) -> None:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if names[0].place(a) != names[1].place(b):
            raise Difference(
                f"{line.where}: {line.purpose} works on another array than in the first run "
                f"({b.dtype} {b.shape}, before {a.dtype} {a.shape})"
            )
        one, other = memory_of(a), memory_of(b)
        is_constant = id(one) not in names[0].written and id(other) not in names[1].written
        if is_constant and one is not other and not _equal(one, other):
            raise Difference(
                f"{line.where}: {line.purpose} uses an array of shape {b.shape} that the step made "
                f"anew with other values. Pass what changes from step to step as an argument"
            )
    elif isinstance(a, tuple | list) and isinstance(b, tuple | list) and len(a) == len(b):
        for x, y in zip(a, b, strict=True):
            _check_value(x, y, names, line)
    elif isinstance(a, Counted | Setting) and type(a) is type(b):
        if not a.same_as(b):
            raise Difference(f"{line.where}: {line.purpose} counts something else than before")
    elif not _equal(a, b):
        raise Difference(
            f"{line.where}: {line.purpose} was given {b!r}, in the first run {a!r}. A number that "
            f"changes from step to step must be an argument (an array), or belong to an optimizer"
        )


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        nan = a.dtype.kind == "f"
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=nan)
    if type(a) is not type(b):
        return False
    return bool(a == b) or (isinstance(a, float) and a != a and b != b)


