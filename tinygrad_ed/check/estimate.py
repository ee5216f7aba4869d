"""The numeric side: slopes along probes by the method that serves, each with its tolerance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .maps import Map
from .numeric import Slopes, complex_slope, slopes

Array = NDArray[Any]

COMPLEX_TOLERANCE = 1e-12
CENTRAL_TOLERANCE = {1: 1e-6, 2: 1e-9}


@dataclass(frozen=True)
class Method:
    """How to differentiate by numbers, and how closely to compare.

    Attributes:
        name: "complex", "central", or "auto": complex steps that central differences confirm.
        tolerance: Replaces the tolerance that belongs to the method.
    """

    name: str = "auto"
    tolerance: float | None = None


@dataclass(frozen=True)
class Probe:
    """A way to move the inputs, and what to read off the outputs.

    Attributes:
        input: Number of the input that moves.
        direction: By how much, entry by entry. Shape: (entries,), flat.
        read: All outputs, flat -> the ones that count, or a sum of them.
    """

    input: int
    direction: Array
    read: Callable[[Array], Array]

    def path(self, checked: Map, t: float) -> Array:
        """What is read with the input moved by t times the direction."""
        inputs = list(checked.inputs)
        x = inputs[self.input]
        inputs[self.input] = x + t * self.direction.reshape(x.shape)
        return self.read(checked.value(inputs))

    def complex_path(self, checked: Map, t: complex) -> Array:
        """The same for a complex t, by the textbook forms."""
        inputs = [x.astype(np.complex128) for x in checked.inputs]
        x = inputs[self.input]
        inputs[self.input] = x + t * self.direction.reshape(x.shape)
        return self.read(checked.complex_value(inputs))

    def reach(self, checked: Map) -> float:
        """The scale of sensible steps: the size of what moves, at least 1."""
        moving = checked.inputs[self.input].reshape(-1)[self.direction != 0]
        return max(1.0, float(np.max(np.abs(moving), initial=0.0)))


def single(checked: Map, input: int, entry: Any, read: Callable[[Array], Array]) -> Probe:
    """The probe that moves one entry of one input."""
    return Probe(input, np.eye(1, checked.inputs[input].size, int(entry)).reshape(-1), read)


@dataclass(frozen=True)
class Estimate(Slopes):
    """Numeric slopes, with what is asked of the analytic ones. Shape: (probes, outputs).

    Attributes:
        allowed: The error that passes.
        how: "complex step", "central", or "one-sided" at a kink.
    """

    allowed: Array
    how: Array


def estimate(checked: Map, probes: Sequence[Probe], method: Method) -> Estimate:
    """Numeric slopes along the probes, and the tolerance that each deserves."""
    base = np.array([probe.read(checked.value(checked.inputs)) for probe in probes])
    if method.name == "complex":
        slope, _ = _complex(checked, probes, base)
        asked = COMPLEX_TOLERANCE if method.tolerance is None else method.tolerance
        return _exact(slope, np.full(base.shape, asked))
    rough = slopes(
        [partial(probe.path, checked) for probe in probes],
        [probe.reach(checked) for probe in probes],
    )
    allowed = np.full(base.shape, CENTRAL_TOLERANCE[checked.order])
    found = Estimate(
        **vars(rough),
        allowed=allowed,
        how=np.where(rough.kink, "one-sided", "central").astype("U12"),
    )
    if method.name == "auto" and checked.order == 1:
        found = _refined(found, checked, probes, base)
    if method.tolerance is not None:
        found = Estimate(**{**vars(found), "allowed": np.full(base.shape, method.tolerance)})
    return found


def _exact(slope: Array, allowed: Array) -> Estimate:
    """Slopes by complex step: nothing uncertain about them."""
    nothing = np.zeros(slope.shape)
    how = np.full(slope.shape, "complex step")
    return Estimate(slope, slope, slope, nothing, nothing > 0, allowed, how)


def _refined(found: Estimate, checked: Map, probes: Sequence[Probe], base: Array) -> Estimate:
    """Complex steps in place of the differences that confirm them.

    Where the two disagree the complex step went wrong silently: Python's abs() drops the imaginary
    part, a kink has one slope on each side, a book's form overflows.
    """
    try:
        slope, textbook = _complex(checked, probes, base)
    except TypeError:
        return found
    with np.errstate(all="ignore"):
        # What a book's form loses in the value (log(1 - σ(z)) at z = 20) it loses in the slope.
        gap = 100 * np.abs(textbook - base) / np.maximum(1.0, np.abs(base))
        room = 1e-6 * np.maximum(1.0, np.abs(found.value)) + found.uncertainty
        use = (np.abs(slope - found.value) <= room) & np.isfinite(found.uncertainty)
        use &= gap < CENTRAL_TOLERANCE[1]
    exact = _exact(slope, np.maximum(COMPLEX_TOLERANCE, gap))
    return Estimate(**{k: np.where(use, getattr(exact, k), v) for k, v in vars(found).items()})


def _complex(checked: Map, probes: Sequence[Probe], base: Array) -> tuple[Array, Array]:
    """Slopes by complex step, and the values of the textbook forms at the inputs themselves.

    Raises:
        TypeError: The function does not run on complex arrays.
    """
    try:
        with np.errstate(all="ignore"):
            found = np.array([complex_slope(partial(p.complex_path, checked)) for p in probes])
            here = checked.complex_value([x.astype(np.complex128) for x in checked.inputs])
            textbook = np.real([probe.read(here) for probe in probes])
    except Exception as error:  # whatever a function does that was not written for complex arrays
        raise TypeError(
            f"gradcheck: no complex step here, the function does not run on complex arrays "
            f"({type(error).__name__}: {error}); use method='central'"
        ) from error
    return found.reshape(base.shape), textbook.reshape(base.shape)


def errors(analytic: Array, low: Array, high: Array) -> Array:
    """|a - n| / max(1, the largest |n|); at a kink, the distance from the interval of slopes."""
    with np.errstate(all="ignore"):
        outside = np.maximum(np.maximum(low - analytic, analytic - high), 0.0)
    sizes = np.maximum(np.abs(low), np.abs(high))
    scale = float(np.max(sizes, where=np.isfinite(sizes), initial=1.0))
    error: Array = np.where(np.isfinite(outside), outside, np.inf) / scale
    return error
