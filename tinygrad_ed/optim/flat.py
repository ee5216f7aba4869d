"""Parameters laid end to end in one array, so that one update serves them all.

A model has many small arrays, and an update rule is elementwise: over one flat buffer it costs a
handful of array operations per step, however many layers there are. A ``FlatBlock`` moves the
storage of its parameters into such a buffer; every parameter object stays the one it was, and its
array becomes a view of its stretch. Nobody can tell, except by the clock.

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
from ..tensor import Tensor

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
        gradient: All their gradients, gathered for a step.
        state: The optimiser's memory by slot name, each as long as ``theta``.
        starts: What each slot starts from.
        t: Steps taken so far, one counter per parameter.

    Shapes:
        ``theta``, ``gradient`` and every slot are ``(n,)``, n the sum of the parameters' sizes.
    """

    def __init__(self, params: Sequence[Tensor], slots: Mapping[str, float]) -> None:
        self.params = list(params)
        self.t = [0] * len(self.params)
        self.device = self.params[0].device
        edges = list(accumulate((p.size for p in self.params), initial=0))
        self.spans = list(pairwise(edges))
        like, n = self.params[0]._array, edges[-1]
        # *_like with a shape: the array comes from the parameters' own library (NumPy or CuPy)
        self.theta: Array = np.empty_like(like, shape=(n,))
        self.gradient: Array = np.empty_like(like, shape=(n,))
        self.starts = dict(slots)
        self.state: dict[str, Array] = {
            name: np.full_like(like, start, shape=(n,)) for name, start in slots.items()
        }
        self._views = self._cut(self.theta)
        self._gradient_views = self._cut(self.gradient)
        for i in range(len(self.params)):
            self.adopt(i)

    def _cut(self, flat: Array) -> list[Array]:
        return [
            flat[a:b].reshape(p.shape) for p, (a, b) in zip(self.params, self.spans, strict=True)
        ]

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

    def adopt(self, i: int) -> None:
        """Make parameter ``i``'s storage our view again, with the values that it has now.

        Its values do not change, so this is no write: what a tape saved stays valid.
        """
        if self.params[i]._array is not self._views[i]:
            self._views[i][...] = self.params[i]._array
            self.params[i]._array = self._views[i]

    def collect(self, who: str) -> list[Run]:
        """Check and gather the gradients; return the runs to update. No parameter is touched.

        Args:
            who: The caller, for messages.

        Raises:
            ShapeError: If a gradient does not have its parameter's shape, or a parameter changed.
            DTypeError: If a gradient does not have its parameter's dtype, or a parameter changed.
            DeviceError: If a gradient lies on another device.
        """
        runs: list[Run] = []
        for i, p in enumerate(self.params):
            if not p.requires_grad or p.grad is None:
                continue
            self._check(i, who)
            self._gradient_views[i][...] = p.grad._array
            a, b = self.spans[i]
            t = self.t[i] + 1
            if runs and runs[-1].end == i and runs[-1].t == t:
                runs[-1].end, runs[-1].b = i + 1, b
            else:
                runs.append(Run(i, i + 1, a, b, t))
        return runs

    def _check(self, i: int, who: str) -> None:
        p, view = self.params[i], self._views[i]
        name = describe(p, i)
        assert p.grad is not None
        for what, array in (("is now", p._array), ("has a gradient", p.grad._array)):
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
        for what, device in (("is now", p.device), ("has a gradient", p.grad.device)):
            if device != self.device:
                raise DeviceError(
                    f"{who}: {name} on {self.device!r} {what} on {device!r}. " + _remedy(what)
                )

    def write(self, run: Run, p: Array, state: Mapping[str, Array], by: str) -> None:
        """Store a run's new values and memory in place and count the step.

        Args:
            run: Which stretch.
            p: New values, ``(span,)``.
            state: New memory by slot name, each ``(span,)``.
            by: Who wrote, for the version check of saved operands.
        """
        self.theta[run.a : run.b] = p
        for name, value in state.items():
            self.state[name][run.a : run.b] = value
        for i in range(run.start, run.end):
            self.t[i] = run.t
            self.params[i]._written(by)
            gradient = self.params[i].grad
            if gradient is not None:
                gradient._used = True  # `backward` warns if it adds to a gradient that was used


def _remedy(what: str) -> str:
    if what == "is now":
        return "Its array was replaced after the optimiser was made: make a new optimiser."
    return "A gradient has its parameter's shape, dtype and device: set p.grad to such a tensor."
