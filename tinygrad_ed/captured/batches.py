"""Batches gathered on the device, and their losses collected there: an epoch without the host."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..kernels.cuda import Cell, Launch
from ..kernels.cuda.persistent import Persistent
from ..ops.registry import Array
from .arrays import address_of, on_host, put
from .copies import as_bytes


def launch(launches: Sequence[Launch]) -> None:
    """Makes launches one after the other."""
    for one in launches:
        one.run()


class Batches:
    """Rows of a data set, batch by batch, as a recorded step finds them.

    A counter on the device says at which place of the order the batch begins. A step that was
    stopped does not move it on, nor do those after it, so it also says how many steps were taken.

    Args:
        inputs: Where the step reads its batch.
        data: All rows, in C order, one array for each input.
        size: Rows in a batch.
        loss: Where the step leaves its loss, one number.
        kernels: The library of kernels.
        scratch: The program's scratch memory, with the mark of a kernel that objects.
        persistent: Whether many steps are one launch.
    """

    def __init__(
        self,
        inputs: Sequence[Array],
        data: Sequence[Array],
        size: int,
        loss: Array,
        kernels: Any,
        scratch: Array,
        persistent: bool,
    ) -> None:
        self.inputs, self.data, self.size, self.loss = inputs, list(data), size, loss
        self.kernels, self.scratch = kernels, scratch
        self.place = kernels.arrays.zeros(1, np.int64)
        self.order = self.collected = kernels.arrays.zeros(0, np.int64)
        self.persistent = persistent
        self.take: Callable[[int], Any] = lambda count: None

    def are_of(self, data: Sequence[Array], size: int, loss: Array) -> bool:
        """Whether they are rows of the same arrays: then what was recorded still holds."""
        return size == self.size and loss is self.loss and all(
            a is b for a, b in zip(data, self.data, strict=True)
        )  # fmt: skip

    def recorded(self, order: Array, step: Sequence[Launch]) -> Callable[[int], Any]:
        """Takes so many steps, each on a batch gathered for it; made anew for a longer order."""
        if len(order) > len(self.order):
            arrays, room = self.kernels.arrays, max(len(order), len(self.data[0]))
            self.order = arrays.zeros(room, np.int64)
            self.collected = arrays.zeros(room // self.size, self.loss.dtype)
            before, after = self._launches()
            self.take = self._taking([*before, *step, *after])
        put(self.order[: len(order)], order)
        return self.take

    def _taking(self, launches: Sequence[Launch]) -> Callable[[int], Any]:
        if self.persistent:
            return Persistent(self.kernels, launches).run
        one = self.kernels.machine.recorded(functools.partial(launch, launches))

        def take(count: int) -> None:
            for _ in range(count):
                one()

        return take

    def _launches(self) -> tuple[list[Launch], list[Launch]]:
        library, at = self.kernels, Cell(address_of(self.place), 0, self.place)
        gather, advance = library.get("gather", "uint8"), library.get("advance", "float32")
        collect = library.get("collect", self.loss.dtype.name)
        before = [
            gather.prepared([as_bytes(mine), as_bytes(rows), self.order, at, len(mine)])
            for mine, rows in zip(self.inputs, self.data, strict=True)
        ]
        after = [
            collect.prepared([self.collected, self.loss, at, self.size]),
            advance.prepared([self.place, self.size], self.scratch),
        ]
        assert None not in (*before, *after)
        return before, after

    def start(self, first: int) -> None:
        """The next step is on batch number `first`."""
        put(self.place, np.array([first * self.size]))

    def done(self) -> int:
        """The number of the first batch whose step was not taken; waits for the device."""
        return int(self.place[0]) // self.size

    def losses(self, first: int, count: int) -> Array:
        """The losses of some batches, on the host."""
        return on_host(self.collected[first : first + count])
