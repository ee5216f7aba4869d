"""A captured program: runs of launches, with formulas between them where there is no kernel."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from ..backends.base import copied
from ..backends.table.environment import Library
from ..ops.registry import Array
from ..recording import changes
from ..tape import written
from ..tensor import Tensor
from . import fusions
from .arrays import fits, memory_of, put
from .constants import constants_once
from .copies import as_launches, drop_copies
from .gradients import Ends, array_of
from .graph import Graph
from .instructions import Context, Formula, Instruction, Launch
from .listing import Names, listing
from .memory import own_memory
from .options import Options
from .result import Result
from .runs import AXES, Runs, objection
from .trace import Trace
from .traced import library_of, second


class Program:
    """What a step computes for batches of one shape, ready to run.

    It owns every array that it works on, but for the parameters and the optimizers' memory.

    Args:
        trace: What the step computed.
        result: What it returned.
        ends: What it left of the gradients.
        names: What its arguments are called.
        options: Whether launches may be joined, and how they run.

    Attributes:
        instructions: What runs, in order; `print(program)` shows it.
        parts: Runs of launches, each one call, and formulas in turn.
        whole: The one run, if there is no formula, which is also given the inputs.
        is_careful: Whether it must look at gradients or hyper-parameters before each run.
        seen, seen_grounds: The state of the engine for which `holds` was last answered with yes.
        run: (*arrays) -> True: one step on a batch; False if the arrays are not what was captured,
            None if a kernel objected to their numbers (then `refused` says why).
    """

    def __init__(
        self, trace: Trace, result: Result, ends: Ends, names: Sequence[str], options: Options
    ) -> None:
        self.seen = self.seen_grounds = -1
        self.facts, self.choices, self.moves = trace.facts, trace.choices, trace.moves
        lines, (results, gradients) = _with_copies(
            trace, [result.arrays, [array for _, array, _ in ends.results]]
        )
        kept, library = [*results, *gradients], library_of(trace.device)
        given = trace.given
        if options.fuse:
            leaves = [leaf._array for leaf in trace.leaves.values()]
            lines = constants_once(lines, given, [*leaves, *trace.outside.values()])
            graph = Graph(lines, [*kept, *given], library)
            drop_copies(graph)
            fusions.fuse(graph)
            lines = graph.left
        lines = as_launches(lines, library)
        memory = own_memory(lines, given, trace.outside, library.arrays)
        moved = memory.moved
        self.memory = memory.piece
        self.instructions = [memory.instruction(line) for line in lines]
        self.inputs = [moved(a) for a in trace.inputs]
        self.before = [
            (leaf, None if array is None else moved(array))
            for leaf, array in trace.gradients.before.items()
        ]
        self.is_careful = bool(self.before or self.moves)
        self.result = Result([moved(a) for a in results], result.build)
        self.one = self.result.plain_tensor()  # the usual case, without detours
        self.backend = trace.device
        self.states = ends.states
        self.results = [
            (leaf, moved(array), spent)
            for (leaf, _, spent), array in zip(ends.results, gradients, strict=True)
        ]
        self.written = trace.written
        self.outside = set(trace.outside)
        self.names = Names(trace, names, moved)
        make = _maker(library, self.outside, options)
        self.whole: Runs | None = None
        if not self.formulas and all(a.ndim <= AXES for a in self.inputs):
            launches: list[Any] = self.instructions
            self.whole = make(launches, self.inputs)
        self.parts = [self.whole] if self.whole else list(_parts(self.instructions, make))
        self.runner: Runs | InTurn = InTurn(self.parts, self.inputs)
        if self.whole is not None and (self.whole.copies or not self._reads_late()):
            self.runner = self.whole
        self.run = self.runner.run

    def _reads_late(self) -> bool:
        """Whether an input is read after an update, which may have gone into the same memory."""
        inputs, updated = {id(memory_of(a)) for a in self.inputs}, False
        for line in self.instructions:
            if updated and any(id(memory_of(a)) in inputs for a in line.operands("in")):
                return True
            updated = updated or any(
                id(memory_of(a)) in self.outside and a.dtype.kind == "f"
                for a in line.operands("out")
            )
        return False

    def attempt(self, arrays: Sequence[Array]) -> bool | None:
        """`run`; an error in a formula, or Ctrl-C, may come after weights were written to."""
        try:
            done: bool | None = self.run(*arrays)
        except BaseException:
            self.has_written()
            raise
        return done

    def refused(self, arrays: Sequence[Array]) -> NoReturn:
        """A kernel objected to the numbers it was given: the op's own check says why.

        Raises:
            ValueError: And others: what the op's check says.
            CaptureError: The check finds nothing wrong.
        """
        for mine, given in zip(self.inputs, arrays, strict=True):
            put(mine, given)
        launch = (self.whole or self.runner).refused
        for line in self.instructions:  # an update may have come before
            if line is launch:
                break
            if any(id(memory_of(a)) in self.outside for a in line.operands("out")):
                self.has_written()
        objection(launch)

    def has_written(self) -> None:
        """The engine learns who was written to, or may have been: by a run that broke off."""
        for versions, by in self.written:
            written(versions, by)

    def finish(self) -> None:
        """What the engine must know after a run: who was written to, and where gradients are."""
        self.has_written()
        for leaf, state in self.states:
            leaf._grad = state
        for leaf, array, spent in self.results:
            leaf._grad, leaf._spent = array.copy(), spent

    def returns(self) -> Any:
        """What the step returns."""
        if self.one is not None:
            return Tensor(self.one.copy(), self.backend)
        return self.result.taken()

    def settle(self) -> None:
        """What the step begins with is put where the program reads it."""
        for leaf, mine in self.before:
            if mine is not None:
                mine[...] = array_of(leaf)
        if self.moves:
            self._refresh()

    def holds(self) -> bool:
        """Whether all that the program takes for granted is as it was when it was traced."""
        if self.seen != changes.count:
            count, grounds = changes.count, changes.grounds
            if self.seen_grounds != grounds and not all(fact() for fact in self.facts):
                return False
            self.seen_grounds = grounds
            if not all(choice() for choice in self.choices):
                return False
            self._refresh()
            self.seen = count
        return all((leaf._grad is None) == (mine is None) for leaf, mine in self.before)

    def _refresh(self) -> None:
        for part in self.parts:
            if not isinstance(part, Formula):
                part.refresh()

    @property
    def launches(self) -> int:
        """How many kernels a run launches."""
        return sum(isinstance(line, Launch) for line in self.instructions)

    @property
    def formulas(self) -> int:
        """How many lines run as a formula, in Python."""
        return len(self.instructions) - self.launches

    def __str__(self) -> str:
        return listing(self.instructions, self.names, self.result.arrays)

    def __repr__(self) -> str:
        return f"<program of {self.launches} launches and {self.formulas} formulas>"


def _maker(library: Library, outside: set[int], options: Options) -> Callable[..., Runs]:
    """What makes runs of launches: (launches, inputs) -> a run of them."""
    if library.language == "cuda":
        from .launch_list import launch_lists

        return launch_lists(library, outside, options.persistent)
    from .table import tables  # which needs the compiler of kernels for the CPU

    return tables()


class InTurn:
    """A program with formulas in it: part after part, on copies of its inputs."""

    def __init__(self, parts: Sequence[Runs | Formula], inputs: Sequence[Array]) -> None:
        self.parts, self.inputs = parts, inputs
        self.refused: Launch | None = None

    def run(self, *arrays: Array) -> bool | None:
        """One step on a batch, answered as by `Runs.run`."""
        if len(arrays) != len(self.inputs) or not all(
            fits(given, mine) for given, mine in zip(arrays, self.inputs, strict=True)
        ):
            return False
        for mine, given in zip(self.inputs, arrays, strict=True):
            put(mine, given)
        for part in self.parts:
            if isinstance(part, Formula):
                part.run()
            elif part.run(*part.inputs) is None or not part.settled():
                self.refused = part.refused
                return None
        return True


def _with_copies(
    trace: Trace, kept: Sequence[Sequence[Array]]
) -> tuple[list[Instruction], list[list[Array]]]:
    """The instructions, and arrays that are to be read after a run, in memory that it writes.

    A run reads its inputs where they are, so a result that is nothing but another view of one is
    copied at the end.
    """
    lines = list(trace.instructions)
    inputs = {id(memory_of(a)) for a in trace.inputs}

    def own(array: Array) -> Array:
        if id(memory_of(array)) not in inputs:
            return array
        copy = copied(array)
        lines.append(Formula(second, [copy, array], {}, [copy], "", Context("result")))
        return copy

    return lines, [[own(a) for a in arrays] for arrays in kept]


def _parts(lines: Sequence[Instruction], make: Callable[..., Runs]) -> Iterator[Runs | Formula]:
    """Cuts the instructions into launches that follow one another, and formulas."""
    launches: list[Launch] = []
    for line in lines:
        if isinstance(line, Launch):
            launches.append(line)
            continue
        if launches:
            yield make(launches, ())
        yield line
        launches = []
    if launches:
        yield make(launches, ())
