"""A captured program: tables of launches, with formulas between them where there is no kernel."""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from ..errors import CaptureError
from ..kernels.cpu import loaded
from ..ops.registry import Array
from ..tape import changes, written
from ..tensor import Tensor
from .fusions import fused
from .gradients import Ends, Kept
from .instructions import Context, Formula, Instruction, Launch
from .listing import listing
from .table import Table
from .trace import Trace


class Program:
    """What a step computes for batches of one shape, ready to run.

    It owns every array that it works on, but for the parameters and the optimizer's memory.

    Attributes:
        instructions: What runs, in order; `print(program)` shows it.
        parts: Tables and formulas in turn; a table is one call.
        whole: The one table, if there is no formula.
        changes: The state of the engine for which `still_holds` was last answered.
        is_careful: Whether it must look at gradients before each run: somebody may hold them.
        depends: Leaves whose gradient the step adds to without having cleared it.
    """

    def __init__(self, trace: Trace, result: Any, *, fuse: bool, keep_grads: bool) -> None:
        self.trace, self.result = trace, result
        self.inputs = trace.inputs
        self.changes = changes.count
        self.ends = Ends(trace, keep_grads)
        self.depends = list(trace.gradients.before)
        self.is_careful = bool(self.depends or self.ends.results)
        kept = [t._array for t in tensors_in(result)]
        lines = trace.instructions
        if fuse:
            lines = fused(lines, [*kept, *self.ends.arrays], self.inputs)
        self.instructions = lines
        self.parts = list(_parts([*lines, *_advances(trace)], self.inputs))
        only = self.parts[0] if len(self.parts) == 1 else None
        self.whole = only if isinstance(only, Table) else None

    def run(self, arrays: Sequence[Array]) -> bool:
        """One step on a batch; False if the arrays are not what was captured.

        Raises:
            ValueError: And others: what an op's own check says of the numbers in the batch.
        """
        if self.whole is not None:
            done = self.whole.run(*arrays)
            if done is None:
                self.refused(arrays, self.whole)
            return bool(done)
        if len(arrays) != len(self.inputs) or not all(
            isinstance(a, np.ndarray) and (a.shape, a.dtype) == (b.shape, b.dtype)
            for a, b in zip(arrays, self.inputs, strict=True)
        ):
            return False
        for mine, given in zip(self.inputs, arrays, strict=True):
            mine[...] = given
        starts = {k: int(counter[0]) for k, (counter, _) in self.trace.counters.items()}
        for part in self.parts:
            if isinstance(part, Formula):
                part.run(starts)
            elif part.run() is None:
                self.refused(arrays, part)
        return True

    def refused(self, arrays: Sequence[Array], table: Table) -> NoReturn:
        """A kernel objected to the numbers it was given: the op's own check says why.

        Raises:
            CaptureError: The check finds nothing wrong.
        """
        for mine, given in zip(self.inputs, arrays, strict=True):
            mine[...] = given
        launch = table.refused
        if launch is not None and launch.context.check is not None:
            launch.context.check()
        raise CaptureError(f"{launch.where if launch else ''}: the kernel refused its operands")

    def finish(self) -> None:
        """What the engine must know after a run: who was written to, and where gradients are."""
        for versions, by in self.trace.written:
            written(versions, by)
        self.ends.apply()

    def settle(self) -> None:
        """Gradients that the step adds to are put where the program expects them."""
        for leaf in self.depends:
            gradient, home = leaf._grad, leaf._home
            if isinstance(gradient, Tensor):
                gradient = gradient._array
            if isinstance(gradient, Kept):
                gradient = gradient.array
            if isinstance(gradient, np.ndarray) and home is not None and gradient is not home:
                home[...] = gradient

    def still_holds(self) -> bool:
        """Whether all that the program takes for granted is as it was when it was traced."""
        if self.is_careful or self.changes != changes.count:
            if any(look() != value for look, value in self.trace.facts):
                return False
            for part in self.parts:
                if isinstance(part, Table):
                    part.refresh()
            self.changes = changes.count
        return True

    @property
    def launches(self) -> int:
        """How many kernels a run launches."""
        return sum(isinstance(line, Launch) for line in self.instructions)

    @property
    def formulas(self) -> int:
        """How many lines run as a formula, in Python."""
        return len(self.instructions) - self.launches

    def __str__(self) -> str:
        return listing(self.instructions, self.inputs, self.trace, tensors_in(self.result))

    def __repr__(self) -> str:
        return f"<program of {self.launches} launches and {self.formulas} formulas>"


def _parts(lines: Sequence[Instruction], inputs: Sequence[Array]) -> Iterator[Table | Formula]:
    """Cuts the instructions into tables and formulas."""
    whole = all(isinstance(line, Launch) for line in lines)
    launches: list[Launch] = []
    for line in lines:
        if isinstance(line, Launch):
            launches.append(line)
            continue
        if launches:
            yield Table(launches)
        yield line
        launches = []
    if launches or whole:
        yield Table(launches, inputs if whole else ())


def _advances(trace: Trace) -> Iterator[Launch]:
    """Counters that the step moved on: the program does so at its end."""
    for counter, start in trace.counters.values():
        by = int(counter[0]) - start
        kernel = loaded.get("advance", "float32")
        yield Launch(kernel, [counter, by], "", "count", Context("count", None))


def tensors_in(result: Any) -> list[Tensor]:
    """The tensors in what a step returned."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, tuple | list):
        return [t for part in result for t in tensors_in(part)]
    return []

