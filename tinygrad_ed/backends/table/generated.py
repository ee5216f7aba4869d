"""Kernels made from an op's or an optimiser rule's own source (`scalar_loops`)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...ops.registry import Array
from ..scalar_loops import Operand, ScalarLoop
from .environment import Environment, Library


def annotation_of(operand: Operand) -> str:
    """What a kernel's parameter is annotated with: a name in `kernels/operands.py`."""
    if operand.kind in ("real", "int"):
        return "Real" if operand.kind == "real" else "Int"
    if operand.dtype == "bool":
        return "Mask"
    if operand.dtype == "int64":
        return "Labels"
    return {"in": "Flat", "out": "FlatOut", "inout": "FlatInOut"}[operand.kind]


@dataclass(frozen=True, eq=False)
class Generated:
    """A generated kernel and how to call it.

    Attributes:
        loop: Its text and operands.
        kernel: The kernel.
        launch: Runs it.
    """

    loop: ScalarLoop
    kernel: Any
    launch: Callable[..., bool]

    def run(
        self,
        arrays: Mapping[str, Array],
        numbers: Mapping[str, Any],
        outputs: Mapping[str, Array],
    ) -> bool:
        """The kernel on these operands, by the names of the function's arguments and results."""
        given: list[Any] = []
        for operand in self.loop.operands:
            if operand.kind == "out":
                given.append(outputs[operand.of])
            elif operand.constant is not None:
                given.append(operand.constant)
            elif operand.kind in ("real", "int"):
                value = numbers[operand.of]
                given.append(value if operand.index is None else value[operand.index])
            else:
                given.append(arrays[operand.of])
        return self.launch(*given)


def kernel_of(library: Library, loop: ScalarLoop, dtype: str) -> Any:
    """The kernel of a loop, compiled at most once on a machine; the library remembers its loop."""
    whole = [o.argument for o in loop.operands if o.pattern == "full"]
    broadcast = any(o.pattern in ("row", "column") for o in loop.operands)
    results = [o.argument for o in loop.operands if o.kind in ("out", "inout")]
    kernel = library.generated(
        loop.name,
        dtype,
        loop.text,
        annotations={o.argument: annotation_of(o) for o in loop.operands},
        split=() if broadcast else (*results[:1], *(w for w in whole if w != results[0])),
        work=results[:1],
    )
    library.loops[kernel] = loop
    return kernel


def made(environment: Environment, loop: ScalarLoop, dtype: str) -> Generated:
    """A loop's kernel, as an environment runs it."""
    kernel = kernel_of(environment.library, loop, dtype)
    return Generated(loop, kernel, environment.launcher(kernel))


def pattern_of(array: Array, shape: tuple[int, ...]) -> str | None:
    """How an array lies against a result of this shape: full, scalar, row or column; else None."""
    own = array.shape
    if array.size == math.prod(shape):  # also with fewer axes of size 1
        return "full"
    if array.size == 1:
        return "scalar"
    while own and own[0] == 1:
        own = own[1:]
    if 0 < len(own) <= len(shape) and own == shape[len(shape) - len(own) :]:
        return "row"
    if array.ndim == len(shape):
        kept = next((k for k in range(len(shape)) if array.shape[k:] != shape[k:]), None)
        ones = len(shape)
        while ones and array.shape[ones - 1] == 1:
            ones -= 1
        if kept is not None and array.shape[:ones] == shape[:ones]:
            return "column"
    return None
