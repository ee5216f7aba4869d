"""What a captured program is made of: kernel launches, and formulas where there is no kernel."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import CaptureError
from ..ops.registry import Array, Op
from .arrays import arrays_in, is_array


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
    _found: Any = field(default=None, init=False, repr=False)

    def operands(self, role: str) -> Sequence[Array]:
        """The arrays that it reads ("in") or writes ("out"); "in out" are both."""
        if self._found is None:
            args = self.args
            reads, writes = (
                [a for k in places if is_array(a := args[k])] for places in _places(self.kernel)
            )
            self._found = {"in": reads, "out": writes}
        found: Sequence[Array] = self._found[role]
        return found


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

    def operands(self, role: str) -> Sequence[Array]:
        """The arrays that it reads ("in") or writes ("out")."""
        args = self.outputs if role == "out" else (*self.inputs, *self.params.values())
        return [array for arg in args for array in arrays_in(arg)]

    def run(self) -> None:
        """The results, into their arrays."""
        params = {k: v.now() if isinstance(v, Count) else v for k, v in self.params.items()}
        results = self.function(*self.inputs, **params)
        each = results if isinstance(results, tuple | list) else (results,)
        for array, result in zip(self.outputs, each, strict=True):
            if array is not None:
                if np.shape(result) != array.shape:
                    raise CaptureError(
                        f"{self.where}: {self.context.purpose} gave an array of shape "
                        f"{np.shape(result)}, and {array.shape} when it was captured: what depends "
                        f"on numbers in this way cannot be captured"
                    )
                array[...] = result


Instruction = Launch | Formula


@functools.cache
def _places(kernel: Any) -> tuple[list[int], list[int]]:
    """Which operands a kernel reads, and which it writes."""
    roles = kernel.signature.roles
    return [k for k, r in enumerate(roles) if "in" in r], [
        k for k, r in enumerate(roles) if "out" in r
    ]
