"""Fusions: fewer passes over memory, never another bit.

Each rule joins two launches into one that a kernel offers, where the array between them is read by
nobody else: it is then never written. The kernels promise that the bits are those of the two.

    product, bias              -> product with bias
    product, ReLU              -> product with activation
    product, slope of f        -> product times f'(y)
    loss, gradient of the loss -> both in one pass
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..ops.registry import Array
from .instructions import Instruction, Launch, memory_of

LOSSES = {"bce_with_logits": 2, "mse": 2, "cross_entropy_labels": 2}
"""Kernels that give a loss, its gradient or both; where the loss stands among their operands."""
SLOPES = {"relu_vjp": 1, "sigmoid_vjp": 2, "tanh_vjp": 3}
"""Generated kernels (dy, y, dz) that the product can apply, by the code of the activation."""
LEFT, RIGHT, RESULT, BIAS, ACTIVATION, GATE, KIND = range(7)
"""The operands of `product`."""


def fused(
    lines: Sequence[Instruction], kept: Sequence[Array], inputs: Sequence[Array]
) -> list[Instruction]:
    """The same program with launches joined, where that is possible.

    Args:
        lines: The program.
        kept: Arrays that must be in memory at the end.
        inputs: Arrays that the program is given.
    """
    program = list(lines)
    outside = {id(memory_of(a)) for a in [*kept, *inputs]}
    k = 0
    while k < len(program):
        line = program[k]
        joined = _join(k, line, program, outside) if isinstance(line, Launch) else None
        if joined is None:
            k += 1
            continue
        second, both = joined
        program[k] = both
        del program[second]  # and look again: the result may be joined with the next one
    return program


def _join(
    k: int, line: Launch, program: list[Instruction], outside: set[int]
) -> tuple[int, Launch] | None:
    """A later line that this one can be joined with, and the two in one."""
    if line.kernel.name in LOSSES:
        return _loss(k, line, program)
    if line.kernel.name.startswith("product"):
        return _product(k, line, program, outside)
    return None


def _loss(k: int, line: Launch, program: list[Instruction]) -> tuple[int, Launch] | None:
    at = LOSSES[line.kernel.name]
    scores, targets, loss, gradient = line.args[:4]
    if loss is None or gradient is not None:
        return None
    written = {id(memory_of(scores)), id(memory_of(targets))}
    for j in range(k + 1, len(program)):
        other = program[j]
        if (
            isinstance(other, Launch)
            and other.kernel is line.kernel
            and other.args[at] is None
            and _same(other.args[0], scores)
            and _same(other.args[1], targets)
            and other.args[5:] == line.args[5:]
        ):
            seed = id(memory_of(other.args[4]))
            if any(id(memory_of(a)) == seed for p in program[k:j] for a in p.operands("out")):
                return None
            args = [scores, targets, loss, *other.args[3:]]
            return j, replace(line, args=args, purpose=f"{line.purpose} and its gradient")
        if any(id(memory_of(a)) in written for a in other.operands("out")):
            return None
    return None


def _product(
    k: int, line: Launch, program: list[Instruction], outside: set[int]
) -> tuple[int, Launch] | None:
    result = line.args[RESULT]
    memory = id(memory_of(result))
    if memory in outside or result.base is not None:
        return None
    readers = Counter(
        j for j, p in enumerate(program) for a in p.operands("in") if id(memory_of(a)) == memory
    )
    if len(readers) != 1:
        return None
    j = next(iter(readers))
    other = program[j]
    if j <= k or not isinstance(other, Launch) or readers[j] != 1:
        return None
    args = list(line.args)
    plain = args[ACTIVATION] == 0 and args[KIND] == 0
    name = other.kernel.name
    if name == "add_forward" and plain and args[BIAS] is None:
        left, right, target = other.args
        bias = right if _same(left, result) else left
        if bias.shape != result.shape[1:]:
            return None
        args[RESULT], args[BIAS] = target, bias
    elif name == "relu_forward" and plain:
        args[RESULT], args[ACTIVATION] = other.args[1], 1
    elif name == "slope" and plain and args[BIAS] is None and _same(other.args[1], result):
        target, _, gate, kind = other.args
        args[RESULT], args[GATE], args[KIND] = target, gate, kind
    elif name in SLOPES and plain and args[BIAS] is None and _same(other.args[0], result):
        _, gate, target = other.args
        args[RESULT], args[GATE], args[KIND] = target, gate, SLOPES[name]
    else:
        return None
    if args[RESULT].shape != result.shape or not args[RESULT].flags.c_contiguous:
        return None
    if _is_late(k, j, program, args):
        return None
    purpose = line.purpose if line.purpose == other.purpose else f"{line.purpose}, {other.purpose}"
    return j, replace(line, args=args, purpose=purpose)


def _is_late(k: int, j: int, program: list[Instruction], args: list[object]) -> bool:
    """Whether what the joined line needs is written only between the two."""
    needed = {
        id(memory_of(a)) for a in (args[BIAS], args[GATE]) if isinstance(a, np.ndarray)
    }
    target = args[RESULT]
    assert isinstance(target, np.ndarray)
    touched = {id(memory_of(a)) for p in program[k:j] for a in p.operands("out")}
    used = {id(memory_of(a)) for p in program[k + 1 : j] for a in p.operands("in")}
    return bool(needed & touched) or id(memory_of(target)) in touched | used


def _same(a: Array, b: Array) -> bool:
    """Whether two arrays are the same entries."""
    place = "__array_interface__"
    return (
        getattr(a, place)["data"] == getattr(b, place)["data"]
        and a.shape == b.shape
        and a.strides == b.strides
        and a.dtype == b.dtype
    )
