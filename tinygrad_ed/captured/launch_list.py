"""Launches of CUDA kernels, prepared once and made one after the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.cuda import Cell
from ..kernels.cuda import Launch as Prepared
from ..ops.registry import Array
from .copies import as_bytes
from .instructions import Count, Launch, address_of
from .runs import Runs, Steps
from .settings import Setting


class LaunchList(Runs):
    """A program's launches with their arguments; it keeps every array that those point to.

    What changes from run to run lies in memory: a kernel finds a counted number at its counter, and
    a hyper-parameter in `values`, so a launch is made again as it stands.

    Args:
        launches: What runs.
        inputs: The arrays that a run is given: a batch is copied into them.
    """

    def __init__(self, launches: Sequence[Launch], inputs: Sequence[Array]) -> None:
        self.launches, self.inputs = list(launches), inputs
        self.settings = [a for line in launches for a in line.args if isinstance(a, Setting)]
        self.values = np.array([setting.now() for setting in self.settings])
        self._taken = 0
        self.prepared = [self._prepared(line) for line in launches]
        self.work = float(sum(a.size for line in launches for a in line.operands("out")))
        self._refused: Launch | None = None

    def _prepared(self, line: Launch) -> Prepared:
        found: Prepared | None = line.kernel.prepared([self._operand(a) for a in line.args])
        assert found is not None, f"{line.kernel.name} takes other operands"
        return found

    def _operand(self, arg: Any) -> Any:
        if isinstance(arg, Count):
            return Cell(address_of(arg.counter), arg.offset)
        if isinstance(arg, Setting):
            self._taken += 1
            return Cell(address_of(self.values[self._taken - 1 :]))
        return arg

    def run(self, *arrays: Array) -> bool | None:  # type: ignore[override]
        """One run on a batch; see `Runs`."""
        if len(arrays) != len(self.inputs) or not all(
            isinstance(a, np.ndarray) and (a.shape, a.dtype) == (b.shape, b.dtype)
            for a, b in zip(arrays, self.inputs, strict=True)
        ):
            return False
        for mine, given in zip(self.inputs, arrays, strict=True):
            mine[...] = given
        return self._launch_all()

    def _launch_all(self) -> bool | None:
        for line, prepared in zip(self.launches, self.prepared, strict=True):
            prepared.run()
            if prepared.scratch is not None and line.kernel.library.refused(prepared):
                self._refused = line
                return None
        return True

    def refresh(self) -> None:
        """Looks hyper-parameters up again."""
        for k, setting in enumerate(self.settings):
            self.values[k] = setting.now()

    @property
    def refused(self) -> Launch | None:
        """The launch that objected to the numbers it was given in the last run."""
        return self._refused

    def epoch(self, data: Sequence[Array], order: Array, size: int, loss: Array) -> Steps:
        """See `Runs.epoch`."""
        start = np.zeros(1, np.int64)
        library = self.launches[0].kernel.library
        gather = library.get("gather", "uint8")
        batches = []
        for mine, rows in zip(self.inputs, data, strict=True):
            at = Cell(address_of(start))
            batches.append(gather.prepared([as_bytes(mine), as_bytes(rows), order, at, len(mine)]))

        def steps(first: int, losses: Array) -> int:
            for k in range(len(losses)):
                start[0] = (first + k) * size
                for batch in batches:
                    batch.run()
                if not self._launch_all():
                    return k
                losses[k] = loss
            return len(losses)

        return steps
