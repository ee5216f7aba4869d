"""An epoch of a captured step: batches gathered and steps taken without Python in between."""

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops.registry import Array
from ..tensor import Tensor
from .arrays import in_order, rows_of

if TYPE_CHECKING:
    from .program import Program
    from .step import CapturedStep

CHUNK = 2e9
"""Work in one call, about: Python gets to see Ctrl-C in between."""


def run_epoch(step: "CapturedStep", data: Sequence[Any], order: Any, batch_size: int | None) -> Any:
    """See `CapturedStep.run`."""
    arrays = [_rows(x) for x in data]
    order, size = _checked(step, arrays, order, batch_size)
    batches = [order[k : k + size] for k in range(0, len(order), size)]
    results: list[Any] = []
    k = 0
    while k < len(batches):
        program = _program(step, arrays, batches[k]) if len(batches[k]) == size else None
        full = len(order) // size - k
        if program is None or full < 2:
            results.append(step(*(rows_of(a, batches[k]) for a in arrays)))
            k += 1
            continue
        losses = _in_one_call(program, arrays, order[k * size :], full, size)
        results.extend(losses)
        k += full
    if all(isinstance(r, float) or (isinstance(r, Tensor) and r.size == 1) for r in results):
        return np.array([float(r) for r in results])
    return results


def _rows(x: Any) -> Array:
    return x._array if isinstance(x, Tensor) else np.asarray(x)


def _checked(
    step: "CapturedStep", arrays: Sequence[Array], order: Any, batch_size: int | None
) -> tuple[Array, int]:
    if not arrays or any(a.ndim == 0 or len(a) != len(arrays[0]) for a in arrays):
        raise ValueError(f"run: data of different lengths: {[a.shape for a in arrays]}")
    rows = len(arrays[0])
    if batch_size is None:
        if step.program is None or not step.program.inputs[0].ndim:
            raise ValueError("run: how many rows are a batch? Pass batch_size=")
        batch_size = len(step.program.inputs[0])
    whole = isinstance(batch_size, numbers.Real) and not isinstance(batch_size, bool)
    if not whole or batch_size % 1 != 0 or batch_size < 1:  # NaN and inf have no whole part
        raise ValueError(
            f"run: batch_size must be a whole number of at least 1, got {batch_size!r}"
        )
    order = order.numpy() if isinstance(order, Tensor) else order
    order = np.arange(rows) if order is None else np.asarray(order)
    if order.dtype.kind not in "iu" and order.size:
        raise ValueError(f"run: order must hold row numbers, got {order.dtype}")
    order = np.array(order, np.int64, ndmin=1)  # nobody else can change it meanwhile
    if order.ndim != 1 or np.any((order < 0) | (order >= rows)):
        raise ValueError(f"run: order must hold row numbers from 0 to {rows - 1}, in one line")
    return order, int(batch_size)


def _program(step: "CapturedStep", arrays: Sequence[Array], rows: Array) -> "Program | None":
    """The program for such batches, if it is one run of launches and gives one number."""
    found, _ = step.prepared([rows_of(a, rows) for a in arrays])
    if found is None or found.whole is None or found.is_careful:
        return None
    return found if found.result.is_number else None


def _in_one_call(
    program: "Program", arrays: Sequence[Array], order: Array, batches: int, size: int
) -> list[float]:
    assert program.whole is not None
    data = [in_order(given, mine) for mine, given in zip(program.inputs, arrays, strict=True)]
    steps = program.whole.epoch(data, order, size, program.result.arrays[0])
    losses, done = np.empty(batches), 0
    chunk = max(1, int(CHUNK // max(1, program.whole.work)))
    while done < batches:
        part = min(chunk, batches - done)
        try:
            could = steps(done, losses[done : done + part])
        finally:  # also on Ctrl-C
            program.finish()
        done += could
        if could < part:
            rows = order[done * size : (done + 1) * size]
            program.refused([rows_of(a, rows) for a in data])
    return losses.tolist()
