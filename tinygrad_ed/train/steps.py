"""How `fit` takes its steps: captured as a program where that is possible, else as written."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..apply import levels_to_the_user
from ..creation import tensor
from ..errors import CaptureError
from ..recording import state
from ..tensor import Tensor

if TYPE_CHECKING:
    from ..captured import CapturedStep

Array: TypeAlias = NDArray[Any]
Step: TypeAlias = Callable[[Tensor, Tensor], Any]

WITH_KERNELS = ("cpu", "cuda", "cuda-sim")
"""Devices on which a step can be a program."""
PIECE = 0.05
"""Seconds in one call, about: Ctrl-C and the bar wait no longer."""


class Steps:
    """Takes the steps of an epoch, one after the other or many in one call.

    A step is traced while it runs as it is written, so one that turns out not to be possible as a
    program has been taken all the same: nothing is lost and nothing is done twice.

    Args:
        step: (X, y) -> what the step gives.
        data: All samples and targets.
        batch_size: Rows in a batch.
        device: Where the model is.
        wanted: True for a program or an error, False for none, None for one where it can be.
        many: Whether the step gives one number, so that many can be taken in one call.
        keep_grads: Whether somebody may look at gradients in between.
        say: Where a line about it goes.

    Raises:
        CaptureError: A program is wanted on a device without kernels.
    """

    def __init__(
        self,
        step: Step,
        data: tuple[Array, Array],
        batch_size: int,
        device: str,
        wanted: bool | None,
        *,
        many: bool,
        keep_grads: bool,
        say: Callable[[str], None],
    ) -> None:
        if wanted and device not in WITH_KERNELS:
            raise CaptureError(
                f"fit: capture=True needs device {' or '.join(map(repr, WITH_KERNELS))}, and the "
                f"model is on {device!r}: make it there (device='cpu'), or leave capture out"
            )
        self.written, self.batch_size, self.device = step, batch_size, device
        self.must, self.many, self.keep_grads, self.say = bool(wanted), many, keep_grads, say
        self.captured: CapturedStep | None = None
        self.data = data
        self.there: Sequence[Any] = ()
        if wanted is not False and device in WITH_KERNELS:
            self.captured = self._program()
            # In this order a batch is gathered without copying everything.
            self.data = np.ascontiguousarray(data[0]), np.ascontiguousarray(data[1])
        self.piece = 8
        self.runs = False  # the program of full batches has run in this epoch
        self.is_told = False
        self.traced = 0
        self.taken: tuple[Any] | None = None

    def over(self, order: Array) -> Iterator[Sequence[Any]]:
        """What the steps on the batches of this order give, some at a time."""
        full = len(order) // self.batch_size
        k, self.runs = 0, False
        while k * self.batch_size < len(order):
            n = self._in_one_call(full - k)
            rows = order[k * self.batch_size : (k + n) * self.batch_size]
            yield self._take_many(rows) if n > 1 else [self._take(rows)]
            k += n

    def look_again(self) -> None:
        """Something may have changed that no program can see, such as a number in a loss."""
        if self.captured is None:
            return
        if self.runs or self.must:
            self.captured = self._program()
        else:
            self._stop("an epoch has too few steps between callbacks, which may change anything")

    def close(self) -> None:
        """Lets go of the program, which knows us: its memory is free at once."""
        self.captured = None

    # --- one step ---------------------------------------------------------------------------------

    def _take(self, rows: Array) -> Any:
        X, y = self.data[0][rows], self.data[1][rows]
        if self.captured is None:
            return self.written(tensor(X, device=self.device), tensor(y, device=self.device))
        before, self.taken = self.traced, None
        try:
            result = self.captured(X, y)
        except CaptureError as error:
            if self.must or self.taken is None:
                raise
            (result,) = self.taken
            self._stop(str(error))
            warnings.warn(
                f"fit takes its steps as they are written, not captured: {error}",
                stacklevel=levels_to_the_user(),
            )
        else:
            if self.traced == before:
                self._has_run(len(rows))
        self.taken = None
        return result

    def step(self, X: Tensor, y: Tensor) -> Any:
        """The step while it is traced; it is taken even if it cannot be a program."""
        self.traced += 1
        trace = state.trace
        trace.goes_on = not self.must
        result = self.written(X, y)
        self.taken = (result,)
        if trace.obstacle:
            raise CaptureError(trace.obstacle)
        return result

    # --- many steps -------------------------------------------------------------------------------

    def _in_one_call(self, full: int) -> int:
        """How many of the full batches to take next in one call."""
        return max(1, min(full, self.piece)) if self.many and self.runs else 1

    def _take_many(self, rows: Array) -> Sequence[Any]:
        assert self.captured is not None
        start = time.perf_counter()
        if not self.there:  # a GPU is given all samples once
            on_gpu = self.device == "cuda"
            self.there = [tensor(a, device="cuda") if on_gpu else a for a in self.data]
        losses: Array = self.captured.run(*self.there, order=rows, batch_size=self.batch_size)
        seconds = time.perf_counter() - start
        if seconds > PIECE:
            self.piece = max(2, self.piece // 2)
        elif seconds < PIECE / 2:
            self.piece *= 2
        return list(losses)

    # --- whether it works -------------------------------------------------------------------------

    def _program(self) -> "CapturedStep":
        from ..captured import capture  # which needs the compiler: other devices do not

        return capture(self.step, device=self.device, keep_grads=self.keep_grads)

    def _has_run(self, rows: int) -> None:
        """The program for so many rows was run; says once what that is."""
        assert self.captured is not None
        self.runs = self.runs or rows == self.batch_size
        program = self.captured.program
        if program is not None and not self.is_told:
            self.is_told = True
            formulas = f" and {program.formulas} in Python" if program.formulas else ""
            self.say(f"captured: {program.launches} kernel launches{formulas} a step")

    def _stop(self, why: str) -> None:
        self.captured, self.runs = None, False
        if not self.is_told:
            self.say(f"not captured: {why}")
