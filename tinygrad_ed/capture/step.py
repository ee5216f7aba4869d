"""`tg.capture(step)`: a whole training step as one program.

    @tg.capture
    def step(X, y):
        loss = tg.bce_with_logits(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    L = step(X, y)                       # the first two calls run as written and are traced
    losses = step.run(X, y, order)       # an epoch in one call

The step is run twice as it stands, each time on the batch it is given, and what it computes is noted
down; if both runs computed the same, that is the program, and from then on it runs without Python.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from ..backends import get_backend
from ..creation import tensor
from ..errors import CaptureError
from ..tape import changes, state
from ..tensor import Tensor
from .compare import Difference, check_same
from .epoch import run_epoch
from .gradients import Ends
from .program import Program
from .trace import Trace


@overload
def capture(step: Callable[..., Any], **options: Any) -> "CapturedStep": ...
@overload
def capture(**options: Any) -> Callable[[Callable[..., Any]], "CapturedStep"]: ...
def capture(
    step: Callable[..., Any] | None = None,
    *,
    device: str = "cpu",
    keep_grads: bool = False,
    fuse: bool = True,
) -> Any:
    """Makes a training step one program; usable bare as a decorator, or with options.

    The step is a function of arrays or tensors (a batch). It may do whatever tensors, layers and
    optimizers do; what it decides in Python is decided when it is traced. It may not look at numbers
    (`.item()`, `float()`, `print`), which is only possible afterwards, on what it returns.

    Args:
        step: The function.
        device: The device of the model.
        keep_grads: Whether `p.grad` can be read after a step that used it up.
        fuse: Whether neighbouring kernels may become one. The bits are the same either way.

    Raises:
        CaptureError: When it is called: the line that cannot be captured, and what to do.
    """
    if step is None:
        return functools.partial(capture, device=device, keep_grads=keep_grads, fuse=fuse)
    return CapturedStep(step, device=device, keep_grads=keep_grads, fuse=fuse)


class CapturedStep:
    """A step that is traced on its first two calls and runs as a program afterwards.

    Attributes:
        program: What runs for the batch size seen last; print it. None before the third call.
    """

    def __init__(
        self, function: Callable[..., Any], *, device: str, keep_grads: bool, fuse: bool
    ) -> None:
        functools.update_wrapper(self, function)
        self.function, self.keep_grads, self.fuse = function, keep_grads, fuse
        self.backend = get_backend(device)
        self.program: Program | None = None
        self._programs: dict[Any, Program] = {}
        self._traces: dict[Any, tuple[Trace, int]] = {}

    def __call__(self, *inputs: Any) -> Any:
        """One step on a batch; what the step returns, with tensors cut from the tape.

        Raises:
            CaptureError: The step cannot be captured; the line and what to do are named.
        """
        program = self.program
        if program is not None and program.changes == changes.count and not program.is_careful:
            arrays = [x._array if isinstance(x, Tensor) else x for x in inputs]
            if program.run(arrays):
                program.finish()
                return detached(program.result)
        return self._checked(inputs)

    def run(self, *data: Any, order: Any = None, batch_size: int | None = None) -> Any:
        """An epoch: the step on one batch after the other, in one call where that is possible.

        Args:
            *data: Arrays or tensors with all rows; the step gets batches of each.
            order: Row numbers in the order in which they are to be seen; as they stand if None.
            batch_size: Rows in a batch; that of the program at hand if None. A last batch with fewer
                rows is a program of its own.

        Returns:
            The loss of each batch as a float64 array, if the step returns one number; else a list
            of what it returns.

        Raises:
            ValueError: No batch size, data of different lengths, or an order that leaves the rows.
        """
        return run_epoch(self, data, order, batch_size)

    def prepared(self, inputs: Sequence[Any]) -> tuple[Program | None, list[Tensor]]:
        """The program for these inputs, if there is one that still holds; and the inputs."""
        tensors = [self._adopted(x) for x in inputs]
        program = self._programs.get(self._key(tensors))
        if program is not None and not program.still_holds():
            program = None
        if program is not None:
            program.settle()
        return program, tensors

    def _checked(self, inputs: Sequence[Any]) -> Any:
        program, tensors = self.prepared(inputs)
        if program is None:
            return self._traced(tensors)
        self.program = program
        if not program.run([np.ascontiguousarray(t._array) for t in tensors]):
            return self._traced(tensors)
        program.finish()
        return detached(program.result)

    def _key(self, tensors: Sequence[Tensor]) -> Any:
        """What a program depends on beside its facts: shapes, and gradients that it adds to."""
        shapes = tuple((t.shape, t.dtype.str) for t in tensors)
        known = [p.depends for p in self._programs.values() if p.depends]
        return shapes, tuple(leaf._grad is None for leaf in (known[0] if known else ()))

    def _adopted(self, x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            return tensor(x, device=self.backend.name)
        if x._backend is not self.backend:
            raise CaptureError(
                f"this step was captured for device {self.backend.name!r} and is given a tensor on "
                f"{x.device!r}: move it with .to({self.backend.name!r}), or pass "
                f"device={x.device!r} to tg.capture"
            )
        return x

    def _traced(self, tensors: Sequence[Tensor]) -> Any:
        """Runs the step as it is written and notes down what it computes."""
        if state.trace is not None:
            state.trace.forbids("a captured step is called inside another one: capture one of them")
        key, before = self._key(tensors), changes.count
        inputs = [Tensor(np.array(t._array, order="C"), self.backend) for t in tensors]
        trace = Trace(self.backend, [t._array for t in inputs])
        state.trace = trace
        try:
            result = self.function(*inputs)
        finally:
            state.trace = None
        returned = detached(result)
        earlier, then = self._traces.pop(key, (None, -1))
        self._programs.pop(key, None)
        if changes.count != before:
            return returned  # something was set up on the way: only the next run is typical
        if earlier is None or then != changes.count:
            self._traces[key] = trace, changes.count
        else:
            self._check(earlier, trace)
            program = Program(trace, result, fuse=self.fuse, keep_grads=self.keep_grads)
            self.program = self._programs[key] = program
        Ends(trace, self.keep_grads).apply()
        return returned

    def _check(self, earlier: Trace, trace: Trace) -> None:
        try:
            check_same(earlier.instructions, trace.instructions, earlier.inputs, trace.inputs)
        except Difference as difference:
            name = getattr(self.function, "__name__", "the step")
            raise CaptureError(
                f"{name} does not compute the same each time: {difference}"
            ) from None


def detached(result: Any) -> Any:
    """What a step returned, with every tensor cut from the tape and in memory of its own."""
    if isinstance(result, Tensor):
        return Tensor(result._array.copy(), result._backend)
    if isinstance(result, tuple | list):
        return type(result)([detached(r) for r in result])
    if isinstance(result, dict):
        return {k: detached(v) for k, v in result.items()}
    return result
