"""Parameters laid end to end in one array, so that one update serves them all.

A model has many small arrays, and an update rule is elementwise: over one flat buffer it costs a
handful of array operations per step, however many layers there are. A ``FlatBlock`` moves the
storage of its parameters into such a buffer; every parameter object stays the one it was, and its
array becomes a view of its stretch. Nobody can tell, except by the clock.

The gradients lie end to end as well (``homes.py``), so a step has nothing to gather either.

Each parameter has its own step counter, because one that is frozen or has no gradient sits a step
out. Neighbours with a gradient and equal counters form a *run*, and a run is one call of the rule:
normally that is the whole block. The rule being elementwise, the cut changes no bit of the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, DTypeError, ShapeError
from ..recording import changes, state
from ..tape import written
from ..tensor import Tensor
from .homes import Homes

Array: TypeAlias = NDArray[Any]


@dataclass(slots=True)
class Run:
    """Neighbouring parameters that take the same step.

    Attributes:
        start: Position of the first parameter in the block.
        end: One past the position of the last.
        a: Where the run begins in the flat arrays.
        b: One past where it ends.
        t: Number of the step that they are about to take, from 1.
    """

    start: int
    end: int
    a: int
    b: int
    t: int


def describe(parameter: Tensor, position: int) -> str:
    """Name a parameter in a message: by its name if it has one, else by its position."""
    return f"parameter {parameter.name!r}" if parameter.name else f"parameter number {position}"


class FlatBlock:
    """Parameters of one dtype and one device, in one flat array.

    Attributes:
        params: The parameters, in the order of the buffer.
        theta: All their values, end to end.
        homes: All their gradients.
        state: The optimiser's memory by slot name, each as long as ``theta``.
        starts: What each slot starts from.
        t: Steps taken so far, one counter per parameter.
        backend: Where all of it is.

    Shapes:
        ``theta`` and every slot are ``(n,)``, n the sum of the parameters' sizes.
    """

    def __init__(self, params: Sequence[Tensor], slots: Mapping[str, float]) -> None:
        self.params = list(params)
        self.t: NDArray[np.int64] = np.zeros(len(self.params), np.int64)
        self._in_step = True  # all counters are equal
        self.backend = self.params[0]._backend
        edges = list(accumulate((p.size for p in self.params), initial=0))
        self.spans = list(pairwise(edges))
        like, n = self.params[0]._array, edges[-1]
        # *_like with a shape: the array comes from the parameters' own library (NumPy or CuPy)
        self.theta: Array = np.empty_like(like, shape=(n,))
        self.starts = dict(slots)
        self.state: dict[str, Array] = {
            name: np.full_like(like, start, shape=(n,)) for name, start in slots.items()
        }
        self._views = [
            self.theta[a:b].reshape(p.shape)
            for p, (a, b) in zip(self.params, self.spans, strict=True)
        ]
        for i in range(len(self.params)):
            self.adopt(i)
        self._versions = [p._storage_version() for p in self.params]
        self._whole = Run(0, len(self.params), 0, n, 0)
        self.homes = Homes(self.params, self.spans)
        self.settle()

    def slot(self, name: str, i: int) -> Array:
        """Return parameter ``i``'s stretch of a memory slot, in the parameter's shape."""
        a, b = self.spans[i]
        return self.state[name][a:b].reshape(self.params[i].shape)

    def restore(self, i: int, entry: Mapping[str, Any]) -> None:
        """Set parameter ``i``'s step counter and memory; what the entry lacks starts afresh."""
        self.t[i] = entry.get("t", 0)
        for name, start in self.starts.items():
            value = self.params[i]._backend.asarray(entry[name]) if name in entry else start
            self.slot(name, i)[...] = value
        self._in_step = bool(np.all(self.t == self.t[0]))

    def adopt(self, i: int) -> None:
        """Make parameter ``i``'s storage our view again, with the values that it has now.

        Its values do not change, so this is no write: what a tape saved stays valid.
        """
        if self.params[i]._array is not self._views[i]:
            self._views[i][...] = self.params[i]._array
            self.params[i]._array = self._views[i]
            self.params[i]._home = None
            changes.note()

    def settle(self) -> None:
        """Let backward write the gradients of our parameters into our memory again."""
        for p in self.params:
            if p._home is None:
                break
        else:
            return
        wanting = [
            p._home is None and p._array is v for p, v in zip(self.params, self._views, strict=True)
        ]
        self.homes.give([i for i, wants in enumerate(wanting) if wants])

    def _is_ready(self) -> bool:
        """The usual case: all parameters take the same step and everything lies in its place."""
        for p, array, home in zip(self.params, self._views, self.homes.views):  # noqa: B905
            if p._grad is not home or p._array is not array or not p._needs:
                return False
        return self._in_step

    def collect(self, who: str) -> list[Run]:
        """Check and gather the gradients; return the runs to update. No value is changed.

        Args:
            who: The caller, for messages.

        Raises:
            ShapeError: If a gradient does not have its parameter's shape, or a parameter changed.
            DTypeError: If a gradient does not have its parameter's dtype, or a parameter changed.
            DeviceError: If a gradient lies on another device.
        """
        if state.trace is not None:
            self._note_down(state.trace)
        if self._is_ready():
            self._whole.t = self.t.item(0) + 1
            return [self._whole]
        part = [i for i, p in enumerate(self.params) if p.requires_grad and p._grad is not None]
        for i in part:
            self._check(i, who)
        self._bring_home(part)
        runs: list[Run] = []
        for i in part:
            a, b = self.spans[i]
            t = self.t.item(i) + 1
            if runs and runs[-1].end == i and runs[-1].t == t:
                runs[-1].end, runs[-1].b = i + 1, b
            else:
                runs.append(Run(i, i + 1, a, b, t))
        return runs

    def _note_down(self, trace: Any) -> None:
        """Whether a captured step may rely on: who takes a step, and whose counters go together."""
        for p in self.params:
            trace.takes_for_granted(p)
            if p._needs:
                trace.gradients.uses(p)
        trace.assumes(self, "counters", lambda: (self.t[1:] == self.t[:-1]).tolist())

    def _bring_home(self, part: Sequence[int]) -> None:
        """Copy what lies elsewhere to its place in our memory."""
        backend = self.backend if state.trace is None else state.trace.traced(self.backend)
        for i in part:
            self.adopt(i)  # another optimiser may have moved it
        views = self.homes.views
        elsewhere = [i for i in part if _array_of(self.params[i]._grad) is not views[i]]
        if any(self.params[i]._home is not views[i] for i in elsewhere):
            self.homes.clear()  # an older gradient may lie there, in somebody's hands
        for i in part:
            view, array = self.homes.views[i], _array_of(self.params[i]._grad)
            if array is not view:
                backend.copy(view, array)

    def _check(self, i: int, who: str) -> None:
        p, view = self.params[i], self._views[i]
        name = describe(p, i)
        gradient = _array_of(p._grad)
        for what, array in (("is now", p._array), ("has a gradient", gradient)):
            if array.shape != view.shape:
                raise ShapeError(
                    f"{who}: {name} of shape {view.shape} {what} of shape {array.shape}. "
                    + _remedy(what)
                )
            if array.dtype != view.dtype:
                raise DTypeError(
                    f"{who}: {name} of dtype {view.dtype} {what} of dtype {array.dtype}. "
                    + _remedy(what)
                )
        there = p._grad._backend if isinstance(p._grad, Tensor) else p._backend
        for what, backend in (("is now", p._backend), ("has a gradient", there)):
            if backend is not self.backend:
                raise DeviceError(
                    f"{who}: {name} on {self.backend.name!r} {what} on {backend.name!r}. "
                    + _remedy(what)
                )

    def stretch(self, run: Run) -> tuple[Array, Array, dict[str, Array]]:
        """Return a run's values, gradients and memory: views, to be read or changed in place."""
        if run is self._whole:
            return self.theta, self.homes.flat, self.state
        here = slice(run.a, run.b)
        slots = {name: memory[here] for name, memory in self.state.items()}
        return self.theta[here], self.homes.flat[here], slots

    def write(self, run: Run, p: Array, state: Mapping[str, Array]) -> None:
        """Store a run's new values and memory in place.

        Args:
            run: Which stretch.
            p: New values, ``(span,)``.
            state: New memory by slot name, each ``(span,)``.
        """
        self.theta[run.a : run.b] = p
        for name, value in state.items():
            self.state[name][run.a : run.b] = value

    def count(self, run: Run, by: str) -> None:
        """Count a run's step, which was written in place.

        Args:
            run: Which stretch.
            by: Who wrote, for the version check of saved operands.
        """
        params, versions = self.params, self._versions
        if run is self._whole:
            self.t.fill(run.t)
        else:
            here = slice(run.start, run.end)
            self.t[here] = run.t
            self._in_step = bool(np.all(self.t == self.t[0]))
            params, versions = params[here], versions[here]
            changes.note()  # which of the others are still in step
        written(versions, by)
        if state.trace is not None:
            state.trace.written.append((list(versions), by))
            state.trace.counts(self.t[run.start : run.end])
        for p in params:
            p._spent = True  # `backward` warns if it adds to a gradient that was used


def _array_of(gradient: Any) -> Any:
    """Backward leaves arrays, which become tensors once somebody reads them."""
    return gradient._array if isinstance(gradient, Tensor) else gradient


def _remedy(what: str) -> str:
    if what == "is now":
        return "Its array was replaced after the optimiser was made: make a new optimiser."
    return "A gradient has its parameter's shape, dtype and device: set p.grad to such a tensor."
