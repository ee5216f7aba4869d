"""Copies in a program: left out where a launch can write in place, else made by a kernel."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..backends.base import copied
from ..backends.table.environment import SERVED, Library
from ..ops.registry import Array, registry
from .arrays import memory_of
from .graph import Graph, same
from .instructions import Context, Formula, Instruction, Launch
from .traced import second


def drop_copies(program: Graph) -> None:
    """A launch whose only result is copied and then forgotten writes to where the copy is.

    So is the sum of two paths' gradients written to where the optimizer reads it.
    """
    for j, line in enumerate(program.lines):
        if line is None or not _is_copy(line):
            continue
        target, source = _copy_of(line)
        writers = program.writers.get(id(memory_of(source)), [])
        k = writers[0] if len(writers) == 1 else None
        first = None if k is None else program.lines[k]
        if k is None or not isinstance(first, Launch) or program.only_reader(k, source) != j:
            continue
        results = list(first.operands("out"))
        if len(results) != 1 or not same(results[0], source) or not _alike(target, source):
            continue
        if program.touched(target, k, j - 1, read=True):
            continue
        args = [target if a is results[0] else a for a in first.args]
        program.join(k, j, replace(first, args=args))


def _is_copy(line: Instruction) -> bool:
    if not isinstance(line, Formula) or line.params.get("dtype") is not None:
        return False
    copying = any(line.function is f for f in (second, copied, np.array))
    return copying and line.outputs[0] is not None


def _copy_of(line: Any) -> tuple[Array, Array]:
    return line.outputs[0], line.inputs[-1]


def _alike(a: Array, b: Array) -> bool:
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.flags.c_contiguous)


def as_launches(lines: Sequence[Instruction], library: Library) -> list[Instruction]:
    """The program with copies into C order made by a kernel."""
    return [_copying(line, library) or line for line in lines]


def _copying(line: Any, library: Library) -> Instruction | None:
    """The launch that copies what a formula copies; None if it does more, or no kernel can."""
    if _is_copy(line):
        target, source = _copy_of(line)
    elif isinstance(line, Formula) and _is_reshaping(line):
        target, source = line.outputs[0], line.inputs[0]  # what is no view is a copy
    else:
        return None
    if target.dtype != source.dtype or target.size != source.size or not target.flags.c_contiguous:
        return None
    if source.flags.c_contiguous:
        first = library.arrays.zeros(1, np.int64)
        args = [as_bytes(target), as_bytes(source), first, 0, 1]
        kernel = library.get("gather", "uint8")
    else:
        args, dtype = [target, as_matrix(source)], SERVED.get(source.dtype)
        if args[1] is None or dtype is None:
            return None
        kernel = library.get("ordered", dtype)
    return Launch(kernel, args, line.where, Context("copy"))


def _is_reshaping(line: Formula) -> bool:
    reshape = registry["reshape"]
    return line.function in (reshape.forward, reshape.backward) and line.outputs[0] is not None


def as_matrix(array: Array) -> Array | None:
    """The same entries in the same order with two axes; None if the strides do not allow it."""
    axes: list[list[int]] = []  # size and stride
    for size, stride in zip(array.shape, array.strides, strict=True):
        if axes and axes[-1][1] == size * stride:
            axes[-1] = [axes[-1][0] * size, stride]
        elif size != 1:
            axes.append([size, stride])
    if len(axes) > 2:
        return None
    (R, _), (C, _) = [[1, 0]] * (2 - len(axes)) + axes
    view = array.reshape(R, C)
    return view if memory_of(view) is memory_of(array) else None


def as_bytes(array: Array) -> Array:
    """The same memory as bytes."""
    return array.reshape(-1).view(np.uint8)
