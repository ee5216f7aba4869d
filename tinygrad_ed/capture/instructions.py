"""What a captured program is made of: kernel launches, and formulas where there is no kernel."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops.counted import Counted
from ..ops.registry import Array


@dataclass(eq=False, slots=True)
class Context:
    """Which op an instruction belongs to, so that a refusal can be explained by the op's own check.

    Attributes:
        purpose: In words.
        check: Raises what is wrong with the numbers, or None.
    """

    purpose: str
    check: Callable[[], None] | None

@dataclass(eq=False, slots=True)
class Launch:
    """One kernel on arrays and numbers.

    Attributes:
        kernel: What runs.
        args: Its operands, in the order of the kernel's signature.
        where: The user's line that it comes from.
        purpose: What the line computes, in words: "linear", "linear backward".
        context: The op that it belongs to.
    """

    kernel: Any
    args: list[Any]
    where: str
    purpose: str
    context: Any

    def operands(self, role: str) -> Iterator[Array]:
        """The arrays that it reads ("in") or writes ("out"); "in out" are both."""
        for arg, has in zip(self.args, self.kernel.signature.roles, strict=True):
            if isinstance(arg, np.ndarray) and role in has.split():
                yield arg


@dataclass(eq=False, slots=True)
class Formula:
    """An op's own function, in Python, between two tables.

    Attributes:
        function: What runs.
        inputs: Its positional arguments.
        params: Its keyword arguments.
        outputs: The arrays that its results go to (None for a result that is not wanted).
        where, purpose, context: As for `Launch`.
    """

    function: Callable[..., Any]
    inputs: list[Any]
    params: dict[str, Any]
    outputs: list[Array | None]
    where: str
    purpose: str
    context: Any

    def operands(self, role: str) -> Iterator[Array]:
        """The arrays that it reads ("in") or writes ("out")."""
        for arg in self.inputs if role == "in" else self.outputs:
            if isinstance(arg, np.ndarray):
                yield arg

    def run(self, starts: Mapping[int, int] | None = None) -> None:
        """The results, into their arrays.

        Args:
            starts: Where each counter stood when the step began, by its address.
        """
        params = self.params
        if starts and any(isinstance(v, Counted) for v in params.values()):
            params = {k: _now(v, starts) for k, v in params.items()}
        results = self.function(*self.inputs, **params)
        each = results if isinstance(results, tuple | list) else (results,)
        for array, result in zip(self.outputs, each, strict=True):
            if array is not None:
                array[...] = result


def _now(value: Any, starts: Mapping[int, int]) -> Any:
    """A counted number in this run: as far from where its counter began as when it was traced."""
    if not isinstance(value, Counted):
        return value
    return starts[address_of(value.counter)] + value.offset


Instruction = Launch | Formula


def address_of(array: Array) -> int:
    """Where its entries begin."""
    address: int = array.__array_interface__["data"][0]
    return address


def memory_of(array: Array) -> Array:
    """The array that owns the memory: views of one memory have one owner."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
