"""What one run of a step computed, noted down while it ran.

A step is traced by running it as it always runs, on a back end that notes down what it computes
(`traced.py`). What a program takes for granted is noted down as well: which parameters require a
gradient, which layers are in training mode, where the weights lie. It is what was found when the
step first looked, so before it changed anything itself.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..backends import Backend
from ..backends.base import copied
from ..errors import CaptureError
from ..ops.counted import Counted
from ..ops.registry import Array
from ..recording import state
from ..tape import Node
from .arrays import can_be_written, may_overlap, memory_of
from .attributes import are_alike, attributes_of
from .gradients import Gradients
from .instructions import Context, Count, Formula, Instruction, Launch
from .traced import library_of, traced_backend

PACKAGE = str(Path(__file__).parent.parent) + os.sep


def users_line() -> str:
    """Where the user's code is right now: "file.py:12"."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


class Trace:
    """What one run of a step computed.

    Attributes:
        device: The back end that the step is captured for.
        backend: The same as it is traced.
        inputs: The arrays that the step was given.
        made: Leaves that are the step's own: its arguments, and tensors that it made.
        instructions: What it computed, in order.
        facts: What the program takes for granted: each says whether it still holds.
        choices: The same of hyper-parameters: what a rule's `if`s ask for.
        set_here: Attributes of layers that the step sets: (id of the layer, name) -> layer.
        outside: Memory that is not the program's own, by id: parameters, what optimizers keep.
        advanced: How far each counter was moved on so far, by the id of its memory.
        written: Versions of what the step wrote to, with who wrote.
        gradients: What became of the leaves' gradients.
        results, slopes: Results with their ops, gradients with what they are gradients of.
        named, flat: Results that the user named, and stretches of optimizers' memory, with names.
        context: What the next instruction belongs to.
        moves: Whether hyper-parameters must be looked up before each run.
        goes_on: Whether what a program cannot do ends the tracing and not the step, whose rest
            then runs untraced.
        obstacle: What has ended the tracing, in words, if the step went on.
    """

    def __init__(self, device: Backend, inputs: Sequence[Node]) -> None:
        self.device, self.inputs = device, [leaf._array for leaf in inputs]
        self.made: dict[int, Node] = {id(leaf): leaf for leaf in inputs}
        self.instructions: list[Instruction] = []
        self.facts: list[Callable[[], bool]] = []
        self.choices: list[Callable[[], bool]] = []
        self.leaves: dict[int, Node] = {}
        self.seen: dict[Any, Any] = {}
        self.set_here: dict[tuple[int, str], Any] = {}
        self.outside: dict[int, Array] = {}
        self.advanced: dict[int, int] = {}
        self.written: list[tuple[Any, str]] = []
        self.gradients = Gradients(self.made)
        self.results: list[tuple[Array, Any, dict[str, Any]]] = []
        self.slopes: list[tuple[Array, Array]] = []
        self.named: list[tuple[Array, str]] = []
        self.flat: list[tuple[Array, str]] = []
        self.context = Context("")
        self.moves = self.goes_on = False
        self.obstacle = ""
        self.backend: Any = traced_backend(self)

    def close(self) -> None:
        """The step is over: nothing more is noted down."""
        self.backend = None  # it refers to this trace

    # --- what is taken for granted ----------------------------------------------------------------

    def traced(self, backend: Backend, operands: Sequence[Any] = ()) -> Backend:
        """The back end to compute on instead of this one, with these operands.

        Raises:
            CaptureError: It is another device than the step was captured for.
        """
        if backend is not self.device and backend is not self.backend:
            self.forbids(
                f"this step was captured for device {self.device.name!r} and meets a tensor on "
                f"{backend.name!r}: move the model, or pass device= to tg.capture"
            )
            return backend
        for leaf in operands:
            if isinstance(leaf, Node) and leaf._op is None:
                self.takes_for_granted(leaf)
        found: Backend = self.backend
        return found

    def takes_for_granted(self, leaf: Node) -> None:
        """A leaf stays where it is, and goes on requiring a gradient or not."""
        if id(leaf) in self.leaves or id(leaf) in self.made:
            return
        self.leaves[id(leaf)] = leaf
        array, needs = leaf._array, leaf._needs
        if needs:
            self.is_outside(array)
        self.facts.append(lambda: leaf._array is array and leaf._needs == needs)

    def makes(self, leaf: Node) -> None:
        """The step made a leaf itself, or made one of a result by letting it require a gradient."""
        self.made[id(leaf)] = leaf

    def sets_needs(self, leaf: Node) -> None:
        """`requires_grad` of a leaf is about to be set."""
        owner = memory_of(leaf._array)
        if any(a is owner for line in self.instructions for a in line.operands("out")):
            self.makes(leaf)
        self.takes_for_granted(leaf)

    def assumes(self, owner: Any, what: str, look: Callable[[], Any]) -> None:
        """What a look finds stays as it is; only the first look in a step counts.

        Args:
            owner, what: What is looked at, by which it is known.
            look: Gives a value that can be compared.
        """
        if (id(owner), what) not in self.seen:
            self.seen[id(owner), what], value = owner, look()
            self.facts.append(lambda: bool(look() == value))

    def chooses(self, owner: Any, what: str, look: Callable[[], Any], value: Any) -> None:
        """The same of hyper-parameters, with the value that the look gave before the step."""
        if (id(owner), what) not in self.seen:
            self.seen[id(owner), what] = owner
            self.choices.append(lambda: bool(look() == value))

    def takes_mode(self, module: Any) -> None:
        """A layer stays in training mode, or in evaluation mode."""
        self.assumes(module, "mode", lambda: module.training)

    def takes_module(self, module: Any) -> None:
        """A layer keeps its mode and its attributes, but for those that the step sets itself."""
        self.takes_mode(module)
        if (id(module), "attributes") not in self.seen:
            self.seen[id(module), "attributes"] = module
            found, ours = attributes_of(module), self.set_here
            self.facts.append(lambda: are_alike(found, attributes_of(module), module, ours))

    def sets_attribute(self, module: Any, name: str) -> None:
        """The step sets an attribute of a layer: it cannot rely on it as it was found."""
        self.set_here[id(module), name] = module

    @property
    def given(self) -> list[Array]:
        """The arrays that a run finds filled: its inputs, and gradients that are there before."""
        return [*self.inputs, *(a for a in self.gradients.before.values() if a is not None)]

    def holds(self) -> bool:
        """Whether all that was taken for granted is still so."""
        return all(fact() for fact in (*self.facts, *self.choices))

    def is_outside(self, *arrays: Array) -> None:
        """Memory that others see as well: a program works on it in place."""
        for array in arrays:
            owner = memory_of(array)
            self.outside[id(owner)] = owner

    def forbids(self, what: str) -> None:
        """Something that a program cannot do.

        Raises:
            CaptureError: The user's line is named; not if the step `goes_on`.
        """
        message = f"{users_line()}: {what}"
        if not self.goes_on:
            raise CaptureError(message)
        self.obstacle, state.trace = self.obstacle or message, None

    # --- what is computed -------------------------------------------------------------------------

    def launched(self, kernel: Any, args: Sequence[Any]) -> None:
        """A kernel ran on these operands."""
        counted = [self._counted(a) if isinstance(a, Counted) else a for a in args]
        self.instructions.append(Launch(kernel, counted, users_line(), self.context))

    def formula(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        params: Mapping[str, Any],
        purpose: str | None = None,
    ) -> Any:
        """Runs a formula and notes it down, unless its results are only other views of operands."""
        if purpose is not None:
            self.context = Context(purpose)
        noted = {k: self._counted(v) if isinstance(v, Counted) else v for k, v in params.items()}
        result = function(*inputs, **params)
        several = isinstance(result, tuple | list)
        values: list[Array | None] = []
        outputs: list[Array | None] = []
        for value in result if several else (result,):
            array = None if value is None else self.device.result(value)
            values.append(array)
            is_view = array is not None and any(may_overlap(a, array) for a in inputs)
            if array is not None and not is_view and not can_be_written(array):
                values[-1] = array = copied(array)  # one number seen many times
            outputs.append(None if is_view else array)
        if any(o is not None for o in outputs):
            self.instructions.append(
                Formula(function, list(inputs), noted, outputs, users_line(), self.context)
            )
        return values if several else values[0]

    def computed(
        self, backend: Backend, function: Callable[..., Any], *inputs: Any, **params: Any
    ) -> Any:
        """What a function that is no op gives for arrays of a device."""
        self.traced(backend)
        return self.formula(function, inputs, params, getattr(function, "__name__", ""))

    def in_place(self, function: Callable[..., Any], target: Array, source: Array) -> None:
        """A formula of target and source goes into target."""
        self.runs(Formula(function, [target, source], {}, [target], users_line(), self.context))

    def runs(self, line: Formula) -> None:
        """Runs a formula whose results go to known places, and notes it down."""
        line.run()
        self.instructions.append(line)

    def gradient(self, leaf: Node) -> Any:
        """What `leaf.grad` is in the middle of a step: a copy, since its place is written again."""
        self.gradients.uses(leaf)
        if leaf._grad is None or isinstance(leaf._grad, Node):
            return leaf._grad
        return leaf._result(self.computed(leaf._backend, copied, leaf._grad))

    def update(self, optimizer: Any, group: Any, block: Any, run: Any) -> None:
        """An optimizer takes one run's step; see `stepping.py`."""
        from .stepping import update

        update(self, optimizer, group, block, run)

    def counts(self, counter: Array, by: int = 1) -> None:
        """A counter was moved on: a program does so at the same place."""
        self.is_outside(counter)
        self.flat.append((counter, "count"))
        self.advanced[id(memory_of(counter))] = self.steps_ahead(counter) + by
        kernel = library_of(self.device).get("advance", "float32")
        self.instructions.append(Launch(kernel, [counter, by], users_line(), Context("count")))

    def steps_ahead(self, counter: Array) -> int:
        """How far a counter was moved on in this step so far."""
        return self.advanced.get(id(memory_of(counter)), 0)

    def _counted(self, number: Counted) -> Count:
        """A number by how far it is from its counter now."""
        self.is_outside(number.counter)
        return Count(number.counter, int(number) - int(number.counter[0]))
