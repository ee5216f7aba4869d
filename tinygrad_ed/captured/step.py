"""`tg.capture(step)`: a training step as one program.

    L = step(X, y)                  # the first two calls run as written and are traced
    losses = step.run(X, y, order)  # an epoch in one call

The step is run twice as it stands, each time on the batch it is given, and what it computes is
noted down; if both runs computed the same, that is the program, and from then on it runs without
Python.
"""

import functools
import os
import threading
import types
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

from ..backends import get_backend
from ..backends.base import copied
from ..backends.table import rungs
from ..errors import CaptureError
from ..ops.registry import Array
from ..recording import changes, state
from ..tensor import Tensor
from .arguments import adopted, in_order, most_arguments, names_of_arguments
from .compare import Difference, begin_alike, check_same
from .epoch import run_epoch
from .gradients import Ends
from .options import Options
from .program import Program
from .recent import Recent
from .result import named_in, result_of
from .trace import Trace

PROGRAMS = 8
"""Programs that are kept for batches of one shape: training mode, frozen layers and the like."""
PATIENCE = 8
"""Runs in a row that may change what the next one would take for granted."""


@overload
def capture(
    step: Callable[..., Any],
    *,
    device: str = ...,
    keep_grads: bool = ...,
    fuse: bool = ...,
    persistent: bool = ...,
) -> "CapturedStep": ...
@overload
def capture(
    *, device: str = ..., keep_grads: bool = ..., fuse: bool = ..., persistent: bool = ...
) -> Callable[[Callable[..., Any]], "CapturedStep"]: ...
def capture(
    step: Callable[..., Any] | None = None,
    *,
    device: str = "cpu",
    keep_grads: bool = False,
    fuse: bool = True,
    persistent: bool = False,
) -> Any:
    """Makes a training step one program; usable bare as a decorator, or with options.

    The step is a function of arrays or tensors (a batch); it gets them as tensors. It may do
    whatever tensors, layers and optimizers do. What it decides in Python, and what it reads that is
    neither an argument nor a tensor, is decided when it is traced: on the first two calls with
    batches of a shape, and again when a layer's mode or another attribute of it was set, or a
    parameter was frozen or moved.
    Learning rates and other hyper-parameters are looked up at each call. The step may not look at
    numbers (`.item()`, `float()`, `print`); that is possible afterwards, on what it returns.

    Args:
        step: The function.
        device: The device of the model.
        keep_grads: Whether `p.grad` can be read after a step that used it up.
        fuse: Whether neighbouring kernels may become one. The bits are the same either way.
        persistent: Whether `run` takes an epoch in one launch of a kernel made for the program, in
            place of one graph a step: for small networks on a GPU, whose steps are shorter than
            their launches. Compiled at the first `run`; the bits are the same.

    Raises:
        CaptureError: When it is called: the line that cannot be captured, and what to do.
        ValueError: `persistent` on a device that has no such kernel.
    """
    options = Options(device, keep_grads, fuse, persistent)
    if step is None:
        return functools.partial(CapturedStep, options=options)
    return CapturedStep(step, options)


class _Waiting(NamedTuple):
    """A run that waits for another one to be compared with, and what it returned."""

    trace: Trace
    shown: Any


class CapturedStep:
    """A step that is traced on its first two calls and runs as a program afterwards.

    Attributes:
        program: What runs for the batches seen last: `print(step.program)` shows a line for each
            kernel launch, with the names of the network, shapes, and the user's line that it comes
            from (see `listing.py`). None before the second call.
    """

    def __init__(self, function: Callable[..., Any], options: Options) -> None:
        functools.update_wrapper(self, function)
        self.function, self.options = function, options
        self.backend = get_backend(options.device)
        self.program: Program | None = None
        self._programs = Recent[Program]()
        self._traces = Recent[_Waiting]()
        self._restless: dict[Any, int] = {}
        self._attribute = self._name
        self._lock = threading.RLock()  # threads that share a step take it in turn
        _steps.add(self)

    @property
    def _alike(self) -> Callable[..., "CapturedStep"]:
        """Captures another function with the same options."""
        return functools.partial(CapturedStep, options=self.options)

    def __reduce__(self) -> Any:
        """A copy is captured anew: a program belongs to the memory that it was made for."""
        return self._alike, (self.function,)

    def __set_name__(self, owner: Any, name: str) -> None:
        self._attribute = name

    def __get__(self, owner: Any, kind: Any = None) -> "CapturedStep":
        """As a method: every object has a captured step of its own."""
        if owner is None:
            return self
        method = self._alike(types.MethodType(self.function, owner))
        vars(owner)[self._attribute] = method  # it is found there from now on
        return method

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """One step on a batch; what the step returns, with tensors cut from the tape.

        Arguments may be named.

        Raises:
            CaptureError: The step cannot be captured; the line and what to do are named.
        """
        if named:
            inputs = in_order(self.function, inputs, named)
        with self._lock:
            program, backend = self.program, self.backend
            if (
                program is not None
                and program.seen == changes.count
                and not program.is_careful
                and state.recording
                and state.trace is None
            ):
                arrays = [
                    x._array if type(x) is Tensor and x._backend is backend and not x._needs else x
                    for x in inputs
                ]
                done = program.attempt(arrays)
                if done:
                    program.finish()
                    return program.returns()
                if done is None:
                    program.refused(arrays)
            return self._checked(inputs)

    def run(self, *data: Any, order: Any = None, batch_size: int | None = None) -> Any:
        """An epoch: the step on one batch after the other, in one call where that is possible.

        Args:
            *data: Arrays or tensors with all rows; the step gets batches of each.
            order: Row numbers in the order in which they are to be seen; as they stand if None. It
                may also follow the data: `step.run(X, y, order)` for a step of two arguments.
            batch_size: Rows in a batch; that of the program at hand if None. A last batch with
                fewer rows is a program of its own.

        Returns:
            The loss of each batch as a float64 array, if the step returns one number; else a list
            of what it returns.

        Raises:
            ValueError: No batch size, data of different lengths, or an order that leaves the rows.
        """
        if order is None and len(data) > 1 and len(data) - 1 == most_arguments(self.function):
            *data, order = data  # type: ignore[assignment]
        with self._lock:
            return run_epoch(self, data, order, batch_size)

    def prepared(self, inputs: Sequence[Any]) -> tuple[Program | None, list[Tensor]]:
        """The program for these inputs, if there is one that still holds; and the inputs."""
        if state.trace is not None:
            state.trace.forbids("a captured step is called inside another one: capture one of them")
        tensors = [adopted(k, x, self.backend) for k, x in enumerate(inputs)]
        key = self._key(tensors)
        programs = self._programs.get(key, [])
        program = next((p for p in programs if p.holds()), None)
        if program is not None:
            self.program = program
            self._programs.keep(key, programs)
            program.settle()
        return program, tensors

    def _checked(self, inputs: Sequence[Any]) -> Any:
        program, tensors = self.prepared(inputs)
        if program is None:
            return self._traced(tensors)
        self._restless.clear()
        arrays = [_in_order(t._array) for t in tensors]
        if not program.attempt(arrays):
            program.refused(arrays)
        program.finish()
        return program.returns()

    def _key(self, tensors: Sequence[Tensor]) -> Any:
        """What a program is for: batches of these shapes, with the engine in this state."""
        return tuple((t.shape, t.dtype.str) for t in tensors), state.recording, rungs.chosen()

    def _traced(self, tensors: Sequence[Tensor]) -> Any:
        """Runs the step as it is written and notes down what it computes."""
        key = self._key(tensors)
        inputs = [Tensor(copied(t._array), self.backend) for t in tensors]
        names = names_of_arguments(self.function, len(inputs))
        for x, name in zip(inputs, names, strict=True):
            x.name = name
        trace = Trace(self.backend, inputs)
        state.trace = trace
        try:
            value = self.function(*inputs)
        finally:
            state.trace = None
            trace.close()
        result, shown = result_of(value)
        trace.named = list(named_in(value))
        returned = result.taken()
        ends = Ends(trace.gradients, self.options.keep_grads)
        ends.apply()
        del value
        if not trace.holds():  # something was set up on the way: only the next run is typical
            self._waits(key)
            return returned
        self._restless.pop(key, None)
        waiting = self._traces.get(key, [])
        earlier = next(
            (w for w in waiting if w.trace.holds() and begin_alike(w.trace, trace)), None
        )
        if earlier is None:
            self._traces.keep(key, [*waiting, _Waiting(trace, shown)][-PROGRAMS:])
            return returned
        self._traces.keep(key, [w for w in waiting if w is not earlier])
        self._check(earlier, _Waiting(trace, shown))
        program = Program(trace, result, ends, names, self.options)
        self._programs.keep(key, [program, *self._programs.get(key, [])][:PROGRAMS])
        self.program = program
        return returned

    def _waits(self, key: Any) -> None:
        """The step changed what the next run would rely on; that cannot go on for ever.

        Raises:
            CaptureError: It has done so each time.
        """
        self._restless[key] = self._restless.get(key, 0) + 1
        if self._restless[key] >= PATIENCE:
            raise CaptureError(
                f"{self._name} changes each time what the next run would rely on (modes of layers, "
                f"frozen parameters, where parameters lie): do that outside the step"
            )

    def _check(self, one: _Waiting, other: _Waiting) -> None:
        try:
            check_same(one.trace, other.trace, one.shown, other.shown)
        except Difference as difference:
            raise CaptureError(
                f"{self._name} does not compute the same each time: {difference}"
            ) from None

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", "the step")


_steps = weakref.WeakSet[CapturedStep]()


def _unlock() -> None:
    """In the child of a fork: it has none of the threads that may have held a step."""
    for step in _steps:
        step._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def _in_order(array: Array) -> Array:
    return array if array.flags.c_contiguous else copied(array)
