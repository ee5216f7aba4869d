"""Launches of CUDA kernels, recorded once and made again as they stand: on a GPU, one CUDA graph.

What changes from run to run lies in memory: a kernel finds a counted number at its counter
(`counters.py`), and a hyper-parameter among `values`.

A kernel that objects to its numbers, such as a label that is no class, leaves a mark in the
program's scratch memory. The launches after it that change what others see look at the mark first
and do nothing. The host reads it when it waits for the GPU anyway, and before the next run.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..kernels.cuda import Cell
from ..kernels.cuda import Launch as Prepared
from ..ops.registry import Array
from .arrays import address_of, fits, memory_of, put
from .batches import Batches, launch
from .counters import Counters
from .instructions import Count, Launch
from .runs import Runs, Steps, objection
from .settings import Setting


class LaunchList(Runs):
    """A program's launches with their arguments; it keeps every array that those point to.

    Args:
        launches: What runs.
        inputs: The arrays that a run is given: a batch is copied into them.
        kernels: The library of kernels.
        outside: Memory that others see, by id of the array that owns it.
        persistent: Whether an epoch is one launch.
    """

    copies = True

    def __init__(
        self,
        launches: Sequence[Launch],
        inputs: Sequence[Array],
        kernels: Any,
        outside: set[int],
        persistent: bool,
    ) -> None:
        self.launches, self.inputs, self.kernels = list(launches), inputs, kernels
        arrays = kernels.arrays
        self.scratch = kernels.new_scratch()
        self.counters = Counters(launches, arrays)
        self.settings = [a for line in launches for a in line.args if isinstance(a, Setting)]
        self.values = arrays.zeros(max(1, len(self.settings)), np.float64)
        self._sent: list[float] = []
        self._taken = 0
        self.prepared = [self._prepared(line) for line in launches]
        self.work = float(sum(a.size for line in launches for a in line.operands("out")))
        self.refresh()
        self.mark = kernels.machine.mark(self.scratch)
        self.may_refuse = any(line.kernel.declared.refuses for line in launches)
        self.stretches = [
            kernels.machine.recorded(functools.partial(launch, self.prepared[begin:end]))
            for begin, end in self._cut(outside)
            if begin < end
        ]
        self.persistent = persistent
        self._is_open = False  # a run's mark was not looked at yet
        self._batches: Batches | None = None

    def _prepared(self, line: Launch) -> Prepared:
        counts = line.kernel.name == "advance"
        args = [self._operand(a, counts) for a in line.args]
        found: Prepared | None = line.kernel.prepared(args, self.scratch)
        assert found is not None, f"{line.kernel.name} takes other operands"
        return found

    def _operand(self, arg: Any, counts: bool) -> Any:
        if isinstance(arg, Count):
            counter = self.counters.there(arg.counter)
            return Cell(address_of(counter), arg.offset, counter)
        if isinstance(arg, Setting):
            self._taken += 1
            value = self.values[self._taken - 1 : self._taken]
            return Cell(address_of(value), 0, value)
        return self.counters.there(arg) if counts and isinstance(arg, np.ndarray) else arg

    def _cut(self, outside: set[int]) -> list[tuple[int, int]]:
        """From where to where launches are recorded together: nearly always all of them.

        One that writes to others' memory and does not look at the mark has to wait until the host
        has looked.
        """
        cuts, may_refuse = [0], False
        for k, line in enumerate(self.launches):
            seen = any(id(memory_of(a)) in outside for a in line.operands("out"))
            if may_refuse and seen and not line.kernel.stops:
                cuts.append(k)
                may_refuse = False
            may_refuse = may_refuse or line.kernel.declared.refuses
        return list(zip(cuts, [*cuts[1:], len(self.launches)], strict=True))

    # --- runs -------------------------------------------------------------------------------------

    def run(self, *arrays: Array) -> bool | None:
        """One run on a batch; see `Runs`.

        Raises:
            ValueError: And others: what a kernel objected to in the run before.
        """
        self.kernels.look()
        if len(arrays) != len(self.inputs):
            return False
        for mine, given in zip(self.inputs, arrays, strict=True):
            if not fits(given, mine):
                return False
        for mine, given in zip(self.inputs, arrays, strict=True):
            put(mine, given)
        self.counters.send()
        for k, launch_all in enumerate(self.stretches):
            if k and not self.settled():
                return None
            launch_all()
            self._opens()
        self.counters.count()
        if self.kernels.machine.is_late:
            return True
        return True if self.settled() else None

    def _opens(self) -> None:
        if self.may_refuse:
            self._is_open = True
            self.mark.send()
            self.kernels.unseen[id(self)] = self.look

    def settled(self) -> bool:
        """See `Runs.settled`."""
        if not self._is_open:
            return True
        self._is_open = False
        self.kernels.unseen.pop(id(self), None)
        if not self.mark.value():
            return True
        self.scratch[:1] = 0
        self.counters.fetch()
        return False

    def look(self) -> None:
        """Raises what a kernel objected to in the run before, if the host has not looked yet."""
        if self.settled():
            return
        try:
            objection(self.refused)
        except Exception as error:
            error.add_note("This is about an earlier batch: a GPU says so when one waits for it.")
            raise

    def refresh(self) -> None:
        """Looks hyper-parameters up again."""
        found = [setting.now() for setting in self.settings]
        if found != self._sent:
            self._sent = found
            put(self.values, np.array(found))

    @property
    def refused(self) -> Launch | None:
        """The first launch whose numbers, as they are now, its op objects to."""
        return next(filter(_objects, self.launches), None)

    # --- many runs --------------------------------------------------------------------------------

    def epoch(self, data: Sequence[Array], order: Array, size: int, loss: Array) -> Steps:
        """See `Runs.epoch`."""
        self.kernels.look()
        if self._batches is None or not self._batches.are_of(data, size, loss):
            self._batches = Batches(
                self.inputs, data, size, loss, self.kernels, self.scratch, self.persistent
            )
        batches = self._batches
        take = batches.recorded(order, self.prepared)

        def steps(first: int, losses: Array) -> int:
            self.counters.send()
            batches.start(first)
            try:
                take(len(losses))
            finally:  # also on Ctrl-C
                self._opens()
                done = batches.done() - first  # waits until the GPU has come to its end
                self.counters.fetch()
            losses[:done] = batches.losses(first, done)
            self.settled()
            return done

        return steps


def launch_lists(library: Any, outside: set[int], persistent: bool) -> Callable[..., LaunchList]:
    """Makes the launch lists of one program."""
    kernels = library.get("advance", "float32").library
    return functools.partial(LaunchList, kernels=kernels, outside=outside, persistent=persistent)


def _objects(line: Launch) -> bool:
    """Whether the op's own check finds something wrong with a launch's numbers."""
    if not line.kernel.declared.refuses:
        return False
    try:
        line.context.check()
    except Exception:
        return True
    return False
