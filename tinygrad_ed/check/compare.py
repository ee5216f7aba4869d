"""Analytic against numeric: the Jacobian in full, or a few directions of a big one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .estimate import Estimate, Method, Probe, errors, estimate, single
from .maps import Map, Pull
from .result import Row

Array = NDArray[Any]
Flags = NDArray[np.bool_]

FULL_ENTRIES, FULL_INPUTS = 10_000, 200  # beyond, a Jacobian is probed along directions
DIRECTIONS = 8
OPPOSITE = -64.0  # a power of two, so that a linear VJP answers without any rounding
SAMPLE = 24  # single entries of a big gradient that the diagnosis looks at


@dataclass(frozen=True)
class Block:
    """d(one output)/d(one input), both sides. Shape of the arrays: (outputs, inputs), flat.

    Attributes:
        output: Name of the output.
        out_shape: Its shape.
        input: Name of the input.
        in_shape: Its shape.
        analytic: What the tape says.
        numeric: What is right; at a kink, the right slope nearest to the analytic one.
        wrong: Where the two differ too much.
        kink: Where left and right slopes differ.
    """

    output: str
    out_shape: tuple[int, ...]
    input: str
    in_shape: tuple[int, ...]
    analytic: Array
    numeric: Array
    wrong: Flags
    kink: Flags


@dataclass
class Comparison:
    """What came out.

    Attributes:
        rows: The table.
        blocks: The Jacobian's blocks, for the diagnosis.
        kinks: For each input, which of its entries sit on a kink.
        stale: Whether a second walk back gave another gradient than the first.
        crooked: Whether the walk back from a negative seed gave something else than that multiple.
    """

    rows: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    kinks: list[Flags] = field(default_factory=list)
    stale: bool = False
    crooked: bool = False

    @property
    def failed(self) -> bool:
        """Whether a row is wrong."""
        return self.stale or any(not row.ok for row in self.rows)


def compare(
    checked: Map,
    method: Method = Method(),  # noqa: B008 (frozen)
    directional: bool | str = "auto",
    skip: Sequence[Flags] | None = None,
) -> Comparison:
    """Compares the two sides of a map at its inputs.

    Args:
        checked: The map with its linearisation.
        method: The numeric side.
        directional: True, False, or "auto" by size.
        skip: For each input, entries to leave out (kinks have no second derivative).
    """
    outputs = sum(int(np.prod(shape)) for _, shape in checked.outputs)
    entries = sum(x.size for x in checked.inputs)
    if directional == "auto":
        directional = entries * outputs > FULL_ENTRIES or entries > FULL_INPUTS
    pull = checked.linearise()
    seed = np.ones(outputs)
    first, second = pull(seed), pull(seed)  # a VJP that keeps state gives something else now
    same = [np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)]
    opposite = pull(OPPOSITE * seed)
    linear = [answers_linearly(a, b) for a, b in zip(first, opposite, strict=True)]
    found = Comparison(stale=not all(same), crooked=not all(linear))
    found.kinks = [np.zeros(x.size, dtype=bool) for x in checked.inputs]
    skip = found.kinks if skip is None else skip
    # Seeds of 2 instead of 1: a VJP that forgets to multiply by dy would pass with dy = 1.
    if directional:
        _along_directions(found, checked, pull, outputs, method, skip)
    else:
        pulled = [pull(row) for row in 2.0 * np.eye(outputs)]
        for i, x in enumerate(checked.inputs):
            analytic = np.array([row[i].reshape(-1) / 2 for row in pulled])
            _in_full(found, checked, i, analytic.reshape(outputs, x.size), method, ~skip[i])
    return found


def answers_linearly(once: Array, opposite: Array) -> bool:
    """Whether the gradient for OPPOSITE times a seed is OPPOSITE times that for the seed.

    Entry by entry, only positive seeds are compared with numbers: |dy| would pass for dy there.
    """
    judged = np.all(np.isfinite(once)) and not np.any(np.isinf(opposite))  # inf: an overflow
    return not judged or np.allclose(opposite, OPPOSITE * once, rtol=1e-9, atol=1e-10)


def _in_full(
    found: Comparison, checked: Map, i: int, analytic: Array, method: Method, moved: Flags
) -> None:
    """Every entry of dy/dx for one input x: one numeric column for each entry that is moved."""
    x = checked.inputs[i]
    columns = np.flatnonzero(moved)
    if not len(columns) or not len(analytic):
        return
    numeric = estimate(checked, [single(checked, i, k, _all) for k in columns], method)
    found.kinks[i][columns] = np.any(numeric.kink, axis=1)
    start = 0
    for output, out_shape in checked.outputs:
        stop = start + int(np.prod(out_shape))
        part = Estimate(**{k: v[:, start:stop].T for k, v in vars(numeric).items()})
        a = analytic[start:stop, columns]
        error = errors(a, part.low, part.high)
        for r, c in np.ndindex(a.shape):
            entry, place = _place(columns[c], x.shape), _place(r, out_shape)
            names = (checked.input_names[i], entry, output, place)
            found.rows.append(_row(checked, names, a[r, c], part, (r, c), error[r, c]))
        whole = np.zeros((stop - start, x.size))  # equal where nothing moved, so not wrong
        sides = []
        for side in (a, _right(a, part), ~(error <= part.allowed), part.kink):
            sides.append(whole.astype(side.dtype))
            sides[-1][:, columns] = side
        found.blocks.append(Block(output, out_shape, checked.input_names[i], x.shape, *sides))
        start = stop


def _right(a: Array, numeric: Estimate) -> Array:
    """The right slope; at a kink, of all right ones, the one nearest to the analytic slope a."""
    nearest: Array = np.where(numeric.kink, np.clip(a, numeric.low, numeric.high), numeric.value)
    return nearest


def _along_directions(
    found: Comparison, checked: Map, pull: Pull, outputs: int, method: Method, skip: Sequence[Flags]
) -> None:
    """v^T J u for random unit directions u in each input and weights v over all outputs."""
    rng = np.random.default_rng(0)
    output = " + ".join(name for name, _ in checked.outputs)
    for i, x in enumerate(checked.inputs):
        if not x.size or not outputs or np.any(skip[i]):
            continue
        v = _unit(rng, outputs)
        weighted = _weighted(v)
        gradient = pull(2.0 * v)[i].reshape(-1) / 2
        probes = [Probe(i, _unit(rng, x.size), weighted) for _ in range(DIRECTIONS)]
        numeric = estimate(checked, probes, method)
        found.kinks[i] |= bool(np.any(numeric.kink))
        analytic = np.array([[gradient @ probe.direction] for probe in probes])
        error = errors(analytic, numeric.low, numeric.high)
        culprits: list[int] = []
        for d, probe in enumerate(probes):
            place: tuple[int, ...] | str = f"direction {d}"
            a, at, row = analytic[d, 0], numeric, d
            if not error[d, 0] <= numeric.allowed[d, 0]:
                k = _culprit(checked, probe, gradient, method)
                culprits.append(k)
                place, a, row = _place(k, x.shape), gradient[k], 0
                at = estimate(checked, [single(checked, i, k, weighted)], method)
            # The error stays the direction's: a single entry of many may be small.
            names = (checked.input_names[i], place, output, "weighted sum")
            found.rows.append(_row(checked, names, a, at, (row, 0), error[d, 0]))
        if culprits:
            found.blocks.append(_sample(checked, i, pull, culprits[0], method))


def _culprit(checked: Map, probe: Probe, gradient: Array, method: Method) -> int:
    """A single wrong entry, by halving the direction: the half with the larger error is kept."""
    entries = np.arange(gradient.size)
    while len(entries) > 1:
        halves = np.array_split(entries, 2)
        parts = [np.where(np.isin(np.arange(gradient.size), h), probe.direction, 0) for h in halves]
        numeric = estimate(checked, [Probe(probe.input, u, probe.read) for u in parts], method)
        analytic = np.array([[gradient @ u] for u in parts])
        error = np.nan_to_num(errors(analytic, numeric.low, numeric.high), nan=np.inf)
        entries = halves[int(error[1, 0] > error[0, 0])]
    return int(entries[0])


def _sample(checked: Map, i: int, pull: Pull, culprit: int, method: Method) -> Block:
    """A small square of a big Jacobian around a wrong entry, for the diagnosis."""
    x = checked.inputs[i]
    outputs = sum(int(np.prod(shape)) for _, shape in checked.outputs)
    first = min(culprit, max(0, x.size - SAMPLE))
    columns = np.arange(first, min(first + SAMPLE, x.size))
    probe = single(checked, i, culprit, _all)
    reached = np.abs(estimate(checked, [probe], method).value[0])
    rows = columns if outputs == x.size else np.sort(np.argsort(-reached)[:SAMPLE])
    found = estimate(
        checked, [single(checked, i, k, lambda out: out[rows]) for k in columns], method
    )
    numeric = Estimate(**{k: v.T for k, v in vars(found).items()})
    a = np.array([pull(np.eye(1, outputs, r)[0])[i].reshape(-1)[columns] for r in rows])
    wrong = ~(errors(a, numeric.low, numeric.high) <= numeric.allowed)
    shapes = (len(rows),), (len(columns),)
    name, right = checked.input_names[i], _right(a, numeric)
    return Block("y", shapes[0], name, shapes[1], a, right, wrong, numeric.kink)


def _all(out: Array) -> Array:
    return out


def _weighted(v: Array) -> Callable[[Array], Array]:
    return lambda out: np.array([v @ out])


def _row(
    checked: Map, names: Any, analytic: Any, at: Estimate, k: tuple[int, int], error: Any
) -> Row:
    return Row(
        checked.order,
        input=names[0],
        entry=names[1],
        output=names[2],
        place=names[3],
        analytic=float(analytic),
        numeric=float(at.value[k]),
        interval=(float(at.low[k]), float(at.high[k])),
        error=float(error),
        allowed=float(at.allowed[k]),
        how=str(at.how[k]),
    )


def _unit(rng: np.random.Generator, n: int) -> Array:
    direction = rng.standard_normal(n)
    return np.asarray(direction / np.linalg.norm(direction))


def _place(k: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(k), shape)) if shape else ()
