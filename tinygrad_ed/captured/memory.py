"""The memory of a program: one piece, on the borders of cache lines, that nobody else sees.

A step is traced on arrays that others may keep: a gradient that was read, a tensor that the step
put aside. So a program does not run on them. Everything that it writes moves to a piece of memory
of its own, and every array of its instructions is replaced by the same view of that piece. What it
shares with others (parameters, what optimizers keep) stays where it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..ops.registry import Array
from .arrays import address_of, bounds_of, is_array, memory_of, view_of
from .instructions import Instruction, Launch

LINE = 64
"""Bytes of a cache line, and of the widest vector."""


class Memory:
    """Where a program's arrays are.

    Args:
        owners: The arrays whose memory is to be the program's own.
        arrays: The array module of the device.
    """

    def __init__(self, owners: Iterable[Array], arrays: Any) -> None:
        self.starts: dict[int, tuple[int, int]] = {}  # id of an owner -> where it was, where it is
        self.known: dict[int, tuple[Array, Array]] = {}
        owners = list(owners)
        size = LINE
        for owner in owners:
            low, high = bounds_of(owner)
            self.starts[id(owner)] = low, size
            size += -(-max(1, high - low) // LINE) * LINE  # no two begin at one address
        self.piece = arrays.zeros(size, np.uint8)
        start = address_of(self.piece)
        self.shift = -start % LINE - LINE  # so that offset LINE becomes the first border
        for owner in owners:
            self.moved(owner)[...] = owner

    def moved(self, array: Array) -> Array:
        """The same array in the program's memory; itself if it does not belong there."""
        found = self.known.get(id(array))
        if found is not None:
            return found[1]
        place = self.starts.get(id(memory_of(array)))
        new = array
        if place is not None:
            was, now = place
            offset = address_of(array) - was + now + self.shift
            new = view_of(self.piece, offset, array)
        self.known[id(array)] = array, new
        return new

    def everywhere(self, value: Any) -> Any:
        """The same value with all arrays in it moved."""
        if is_array(value):
            return self.moved(value)
        if type(value) in (tuple, list):
            return type(value)(map(self.everywhere, value))
        if type(value) is dict:
            return {k: self.everywhere(v) for k, v in value.items()}
        return value

    def instruction(self, line: Instruction) -> Instruction:
        """The same instruction on the program's memory."""
        context, everywhere = line.context, self.everywhere
        if context.op is not None and context.op.validate is not None:
            operands, params = everywhere(context.operands), everywhere(context.params)
            context = replace(context, operands=operands, params=params)
        if isinstance(line, Launch):
            return replace(line, args=everywhere(line.args), context=context)
        inputs, outputs = everywhere(line.inputs), everywhere(line.outputs)
        params = everywhere(line.params)
        return replace(line, inputs=inputs, params=params, outputs=outputs, context=context)


def own_memory(
    lines: Sequence[Instruction],
    inputs: Sequence[Array],
    outside: Mapping[int, Array],
    arrays: Any,
) -> Memory:
    """Memory for everything that these instructions write, and for what they are given."""
    written = [*inputs, *(a for line in lines for a in line.operands("out"))]
    owners = {id(owner): owner for owner in map(memory_of, written)}
    return Memory((owner for key, owner in owners.items() if key not in outside), arrays)
