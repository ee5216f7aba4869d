"""`tg.cost(loss)`: what each node of the tape computes and moves, and how long that takes.

A reading like the others: `walk_back` gives the order of the backward pass, `cost_rules` counts
what an op's own functions do, and `machine` knows the ceilings that a prediction needs.
"""

import gc
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from .. import machine
from ..apply import apply
from ..backends import Backend
from ..backends.table.backend import KernelBackend
from ..backends.table.environment import Environment
from ..gradients import ArrayReading, seed_of
from ..recording import no_grad
from ..tape import Node, check_unchanged, fitted, walk_back
from ..tensor import Tensor
from .cost_rules import Tally
from .cost_table import Cost, Row
from .names import Names

SAMPLES = 9
SHORTEST = 5e-5
"""Seconds that a sample should take at least; a clock is not exact below."""
LONGEST = 0.05
"""Seconds for all samples, unless three take longer."""


def cost(loss: Tensor, *, measure: bool = True, seed: Any = None) -> Cost:
    """What the forward and backward pass that led to this tensor cost, node by node and in total.

    `print(tg.cost(loss))` shows a table, `.rows` has the numbers, `.json()` is the same as text for
    programs. Nothing changes: neither the tape nor a gradient.

    *FLOPs* are counted by running each op's own formula and VJP on arrays that count: one for each
    entry of an elementwise result (an exponential counts as one), one for each entry that is
    summed, 2 N D H for a product (N, D) @ (D, H). *Bytes* are the inputs that are read, once each,
    and the results that are written; a view moves nothing. *Launches* are the kernels that ran, or
    the calls of NumPy where the formula did. *Predicted* is the larger of FLOPs over the peak and
    bytes over the bandwidth of the cache that holds them, from `tinygrad-ed bench --calibrate` for
    one thread; None without it. *Measured* is the median of repeated runs on the tensor's device,
    Python's share included.

    Args:
        loss: A recorded tensor; `backward()` may or may not have been called on it.
        measure: Whether to run the nodes again to take their times.
        seed: Upstream gradient where it is not a scalar.

    Raises:
        TapeError: Not recorded, or an operand was changed in place since.
        ShapeError: Not a scalar, and there is no seed.
    """
    names = Names(loss, "cost")
    start, nodes = seed_of(loss, seed), names.nodes
    for node in nodes:
        check_unchanged(node)
    reading = _Costs(loss, names, machine.stored(), measure)
    with no_grad(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there was to warn of was said when it was recorded
        for node in nodes:
            reading.forward(node)
        for _ in walk_back(loss, start, reading):
            pass
    return Cost(tuple(reading.rows), loss.device, reading.machine)


class _Noted(Environment):
    """Kernels are launched at once, and their names are noted."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment.library)
        self.names: list[str] = []

    def launcher(self, kernel: Any) -> Callable[..., bool]:
        def launch(*operands: Any) -> bool:
            done: bool = kernel.launch(*operands)
            if done:
                self.names.append(kernel.name)
            return done

        return launch


class _OnBackend(ArrayReading):
    """The walk over arrays, on a back end of ours."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.chosen = backend

    def backend(self, node: Node) -> Backend:
        return self.chosen


class _Costs(ArrayReading):
    """Makes a row of each node, forward and backward; the gradients are those of `backward`."""

    def __init__(
        self, loss: Tensor, names: Names, known: machine.Machine | None, measure: bool
    ) -> None:
        super().__init__()
        self.machine, self.measure = known, measure
        self.names = names
        self.rows: list[Row] = []
        self.noted: _Noted | None = None
        self.kernels: KernelBackend | None = None
        if isinstance(loss._backend, KernelBackend):
            self.noted = _Noted(loss._backend.environment)
            self.kernels = loss._backend.on(self.noted)

    def forward(self, node: Node) -> None:
        """The row of a node's formula."""
        op = node._op
        assert op is not None
        kernel = None if self.kernels is None else self.kernels.kernels[op]
        launched = kernel is not None and kernel.forward(node._arrays, node._params) is not None
        tally = Tally()
        results = tally.run(op.forward, self._host(node, node._arrays), node._params)
        again = partial(apply, op, node._sources, node._params)
        self._row(node, "forward", tally, results, again, launched)

    def vjp(self, node: Node, upstream: Any) -> tuple[Sequence[Any], bool]:
        found = super().vjp(node, upstream)
        op = node._op
        assert op is not None
        tally = Tally()
        dy, *arrays = self._host(node, [upstream, node._array, *node._arrays])
        wide = tally.run(op.backward_for(node._wants), [dy, *arrays], node._params)
        results = [
            tally.fit(gradient, array)
            for gradient, array, wanted in zip(wide, arrays[1:], node._wants, strict=False)
            if wanted and gradient is not None
        ]
        launched = self.kernels is not None and _contributions(
            node, upstream, _OnBackend(self.kernels)
        )
        again = partial(_contributions, node, upstream, ArrayReading())
        self._row(node, "backward", tally, results, again, launched)
        return found

    def add(self, first: Any, second: Any, source: Node) -> Any:
        if self.kernels is not None:
            self.kernels.add(first, second)
        tally = Tally()
        results = tally.run(np.add, self._host(source, [first, second]), {})
        again = partial(super().add, first, second, source)
        self._row(source, "backward", tally, results, again, True, "add")
        return again()

    def _host(self, node: Node, arrays: Sequence[Any]) -> list[Any]:
        """Arrays as NumPy's; plain numbers as they are."""
        return [node._backend.to_numpy(a) if hasattr(a, "ndim") else a for a in arrays]

    def _row(
        self,
        node: Node,
        direction: str,
        tally: Tally,
        results: Sequence[Any],
        again: Callable[[], Any],
        launched: bool,
        op: str = "",
    ) -> None:
        moved, known = tally.moved(results), self.machine
        kernels: tuple[str, ...] = ()
        if self.noted is not None:
            kernels = tuple(self.noted.names) if launched else ()  # else one gave up half-way
            self.noted.names.clear()
        predicted = None
        if known is not None:
            predicted = known.seconds(tally.flops, moved, node._array.dtype.name)
        self.rows.append(
            Row(
                direction=direction,
                name=self.names.of(node),
                op=op or (node._op.called if node._op else ""),
                shape=tuple(node._array.shape),
                flops=tally.flops,
                bytes=moved,
                launches=len(kernels) or tally.calls,
                kernels=kernels,
                predicted=predicted,
                measured=seconds_of(again) if self.measure else None,
            )
        )


def _contributions(node: Node, upstream: Any, reading: ArrayReading) -> bool:
    """A node's gradients as the walk takes them; whether a kernel computed them."""
    gradients, fit = reading.vjp(node, upstream)
    if not fit:
        rows = zip(node._sources, node._wants, gradients, strict=False)
        for source, wanted, gradient in rows:
            if wanted and gradient is not None:
                fitted(gradient, source, node, reading)
    return fit


def seconds_of(call: Callable[[], Any]) -> float:
    """The median time of a call, in seconds.

    The first calls are not counted: they find the caches cold and the memory not yet mapped. Calls
    that are shorter than the clock is exact are timed many at once.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        call()
        once = max(_timed(call, 1), 1e-8)
        times = max(1, round(SHORTEST / once))
        samples = min(SAMPLES, max(3, round(LONGEST / (times * once))))
        return median(_timed(call, times) for _ in range(samples))
    finally:
        if collecting:
            gc.enable()


def _timed(call: Callable[[], Any], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times
