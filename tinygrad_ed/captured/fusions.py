"""Fusions: fewer passes over memory, never another bit.

Each rule joins two launches into one that a kernel offers, where the array between them is read by
nobody else: it is then never written. The kernels promise that the bits are those of the two.

    product, bias              -> product with bias
    product, ReLU              -> product with activation
    product, slope of f        -> product times f'(y)
    loss, gradient of the loss -> both in one pass
    dropout's slope, ReLU's    -> both in one pass, which draws no mask
    two elementwise loops      -> one, on CUDA (see `chains.py`)

A joined line is looked at again: product, bias, ReLU become one.
"""

from dataclasses import replace
from typing import Any

from ..backends.table.products import CODES
from ..ops.registry import Op, registry
from .arrays import is_array, memory_of
from .chains import chain
from .graph import Graph, same
from .instructions import Context, Count, Launch

LOSSES = {"bce_with_logits": 2, "mse": 2, "cross_entropy_labels": 2}
"""Kernels that give a loss, its gradient or both; where the loss stands among their operands."""
LEFT, RIGHT, RESULT, BIAS, ACTIVATION, GATE, KIND = range(7)
"""The operands of `product`."""


def fuse(program: Graph) -> None:
    """Joins launches, where that is possible."""
    for k in range(len(program.lines)):
        while isinstance(line := program.lines[k], Launch):
            joined = _join(k, line, program)
            if joined is None:
                break
            program.join(k, *joined)


def _join(k: int, line: Launch, program: Graph) -> tuple[int, Launch] | None:
    """A later line that this one can be joined with, and the two in one."""
    if line.kernel.name in LOSSES:
        return _loss(k, line, program)
    if line.kernel.name.startswith("product") and line.kernel.signature.split == "self":
        return _product(k, line, program)
    if line.kernel.name == "dropout":
        return _dropped(k, line, program)
    return chain(k, line, program)


def _dropped(k: int, line: Launch, program: Graph) -> tuple[int, Launch] | None:
    """The slope of the ReLU that a dropout followed: both let through where its result is > 0."""
    upstream, result, *how = line.args
    j = program.only_reader(k, result)
    slope = None if j is None else program.lines[j]
    if j is None or not isinstance(slope, Launch):
        return None
    if slope.kernel.name != "slope":
        return None
    target, given, value, kind = slope.args
    if kind != CODES["relu"] or not same(given, result):
        return None
    for i in program.readers.get(id(memory_of(value)), []):
        forward = program.lines[i]
        if i >= k or not isinstance(forward, Launch) or forward.kernel is not line.kernel:
            continue
        if same(forward.args[0], value) and _same_mask(i, forward.args[2:], k, how, program):
            dropped = forward.args[1]
            late = any(program.touched(a, i + 1, j - 1) for a in (dropped, value))
            if late or program.touched(target, k, j - 1, read=True):
                return None
            kernel = program.library.get("slope_of_dropped", line.kernel.signature.dtype)
            args = [target, upstream, dropped, how[0]]
            return j, replace(line, kernel=kernel, args=args, context=_both(line, slope))
    return None


def _same_mask(i: int, one: list[Any], k: int, other: list[Any], program: Graph) -> bool:
    """Whether dropout draws the same mask in two lines: chance, seed, and the call as counted."""
    if one[:2] != other[:2] or type(one[2]) is not type(other[2]):
        return False
    if not isinstance(one[2], Count):
        return bool(one[2] == other[2])
    a, b = one[2], other[2]
    counted_on = program.touched(a.counter, i, k)
    return same(a.counter, b.counter) and a.offset == b.offset and not counted_on


def _loss(k: int, line: Launch, program: Graph) -> tuple[int, Launch] | None:
    """The gradient of this loss, computed in the same pass."""
    at = LOSSES[line.kernel.name]
    scores, targets, loss, gradient = line.args[:4]
    if loss is None or gradient is not None:
        return None
    for j in program.readers.get(id(memory_of(scores)), []):
        other = program.lines[j]
        if (
            j > k
            and isinstance(other, Launch)
            and other.kernel is line.kernel
            and other.args[at] is None
            and same(other.args[0], scores)
            and same(other.args[1], targets)
            and other.args[5:] == line.args[5:]
        ):
            result, seed = other.args[3:5]
            late = any(program.touched(a, k, j - 1) for a in (scores, targets, seed))
            if late or program.touched(result, k, j - 1, read=True):
                return None
            args = [scores, targets, loss, *other.args[3:]]
            return j, replace(line, args=args, context=_both(line, other))
    return None


def _product(k: int, line: Launch, program: Graph) -> tuple[int, Launch] | None:
    """What is done with this product, done by the product."""
    result = line.args[RESULT]
    j = program.only_reader(k, result)
    other = None if j is None else program.lines[j]
    if j is None or not isinstance(other, Launch):
        return None
    args = list(line.args)
    plain = args[ACTIVATION] == 0 and args[KIND] == 0
    if not plain:
        return None
    if _is(other, "add") and args[BIAS] is None and len(other.args) == 3:
        left, right, target = other.args
        bias = right if same(left, result) else left
        if not (same(left, result) or same(right, result)) or not is_array(bias):
            return None
        if bias.shape != result.shape[1:]:
            return None
        args[RESULT], args[BIAS] = target, bias
    elif _is(other, "relu") and same(other.args[0], result):
        args[RESULT], args[ACTIVATION] = other.args[1], CODES["relu"]
    elif other.kernel.name == "slope" and args[BIAS] is None and same(other.args[1], result):
        target, _, gate, kind = other.args
        args[RESULT], args[GATE], args[KIND] = target, gate, kind
    elif (name := _slope_of(other)) and args[BIAS] is None and same(other.args[0], result):
        _, gate, target = other.args
        args[RESULT], args[GATE], args[KIND] = target, gate, CODES[name]
    else:
        return None
    target, needed = args[RESULT], (args[BIAS], args[GATE])
    if target.shape != result.shape or not target.flags.c_contiguous:
        return None
    if args[GATE] is not None and args[GATE].shape != result.shape:
        return None
    late = any(a is not None and program.touched(a, k, j - 1) for a in needed)
    if late or program.touched(target, k, j - 1, read=True):
        return None
    return j, replace(line, args=args, context=_both(line, other))


def _is(line: Launch, name: str) -> bool:
    """Whether a line is the value of the library's own op of this name."""
    return line.context.op is not None and line.context.op is registry.get(name)


def _slope_of(line: Launch) -> str | None:
    """The activation of which a line is the VJP (dy, y, dz), if the product can apply it."""
    op: Op | None = line.context.grads
    if op is None or op.name not in CODES or op is not registry.get(op.name):
        return None
    return op.name if len(line.args) == 3 else None


def _both(line: Launch, other: Launch) -> Context:
    """What the two are for; a refusal can only come from the first."""
    one, two = line.context, other.context
    words = [one.purpose, *([two.purpose] if two.purpose != one.purpose else [])]
    return replace(one, purpose=", ".join(words), grads=one.grads or two.grads)
