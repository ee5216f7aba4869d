"""What a captured program is made of: kernel launches, and formulas where there is no kernel."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops.registry import Array, Op


@dataclass(eq=False, slots=True)
class Context:
    """What an instruction belongs to.

    Attributes:
        purpose: In words: "linear", "linear backward".
        op: The op whose value it computes; None for a gradient and for all else.
        grads: The op whose gradients it computes, or None.
        operands, params: What the op was given, so that its own check can explain a refusal.
    """

    purpose: str
    op: Op | None = None
    grads: Op | None = None
    operands: list[Any] | None = None
    params: dict[str, Any] | None = None

    def check(self) -> None:
        """The op's own check of the numbers in its operands; raises what is wrong with them."""
        if self.op is not None and self.op.validate is not None and self.operands is not None:
            self.op.validate(*self.operands, **(self.params or {}))


@dataclass(frozen=True, eq=False, slots=True)
class Count:
    """A number that is counted: so far from what the counter holds when it is needed.

    Attributes:
        counter: int64 entries, all equal.
        offset: What is added.
    """

    counter: Array
    offset: int

    def now(self) -> int:
        """Its present value."""
        return int(self.counter[0]) + self.offset


@dataclass(eq=False, slots=True)
class Launch:
    """One kernel on arrays and numbers.

    Attributes:
        kernel: What runs.
        args: Its operands, in the order of the kernel's signature.
        where: The user's line that it comes from.
        context: What it belongs to.
    """

    kernel: Any
    args: list[Any]
    where: str
    context: Context

    def operands(self, role: str) -> Iterator[Array]:
        """The arrays that it reads ("in") or writes ("out"); "in out" are both."""
        for arg, has in zip(self.args, self.kernel.signature.roles, strict=True):
            if isinstance(arg, np.ndarray) and role in has:
                yield arg


@dataclass(eq=False, slots=True)
class Formula:
    """An op's own function, in Python, between two tables.

    Attributes:
        function: What runs.
        inputs: Its positional arguments.
        params: Its keyword arguments.
        outputs: The arrays that its results go to (None for a result that is not wanted).
        where, context: As for `Launch`.
    """

    function: Callable[..., Any]
    inputs: list[Any]
    params: dict[str, Any]
    outputs: list[Array | None]
    where: str
    context: Context

    def operands(self, role: str) -> Iterator[Array]:
        """The arrays that it reads ("in") or writes ("out")."""
        for arg in self.outputs if role == "out" else (*self.inputs, *self.params.values()):
            yield from arrays_in(arg)

    def run(self) -> None:
        """The results, into their arrays."""
        params = {k: v.now() if isinstance(v, Count) else v for k, v in self.params.items()}
        results = self.function(*self.inputs, **params)
        each = results if isinstance(results, tuple | list) else (results,)
        for array, result in zip(self.outputs, each, strict=True):
            if array is not None:
                array[...] = result


Instruction = Launch | Formula


def arrays_in(value: Any) -> Iterator[Array]:
    """The arrays in an argument: itself, or parts of a tuple (an index)."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from arrays_in(part)


def address_of(array: Array) -> int:
    """Where its first entry lies."""
    address: int = array.__array_interface__["data"][0]
    return address


def memory_of(array: Array) -> Array:
    """The array that owns the memory: views of one memory have one owner."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
