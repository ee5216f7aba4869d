"""Derivatives from values alone: complex step, extrapolated differences, one-sided slopes.

Everything here works on *paths*: a function of one number t that moves the inputs along one
direction and returns all outputs as a flat array. Moving a single entry gives a column of the
Jacobian, moving all of them a directional derivative.

    complex step   f'(x) = Im f(x + ih) / h with h = 1e-30 [Squire, Trapp 1998]: no difference, so
                   no cancellation; exact to rounding, if f is analytic (|x| and max are not).
    differences    (f(x+h) - f(x-h)) / 2h at shrinking h, extrapolated to h = 0 by Neville's table
                   [Ridders 1982]. Nine steps with a ratio of four give an order far beyond the
                   usual two, and the table's own disagreement is the uncertainty.
    one side       the same for (f(x+h) - f(x)) / h on the right and on the left: where they
                   differ there is a kink, and any slope between them is a subgradient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Path = Callable[[float], Array]
"""t -> every output, flat, with the inputs moved by t along one direction."""

COMPLEX_STEP = 1e-30
STEPS = 9
RATIO = 4.0
FIRST_STEP = 0.24  # no power of two: periodic functions do not repeat at every step
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Slopes:
    """Numeric derivatives along several directions, one row each.

    Attributes:
        value: The best estimate. Shape: (directions, outputs), as for all fields.
        low: Smallest slope that is right: the value, or at a kink the smaller one-sided slope.
        high: Largest slope that is right.
        uncertainty: How far the value may be off.
        kink: Where left and right slopes differ.
    """

    value: Array
    low: Array
    high: Array
    uncertainty: Array
    kink: NDArray[np.bool_]


def complex_slope(path: Callable[[complex], Array]) -> Array:
    """The derivative by one evaluation at an imaginary t, exact to rounding.

    Args:
        path: t -> outputs; must be analytic and must carry complex numbers through.

    Raises:
        TypeError: The result is not complex, so the derivative was lost on the way.
    """
    moved = path(1j * COMPLEX_STEP)
    if moved.dtype.kind != "c":
        raise TypeError(f"the function turned complex numbers into {moved.dtype}")
    slope: Array = np.imag(moved) / COMPLEX_STEP
    return slope


def extrapolated(rough: Array, noise: Array, power: float) -> tuple[Array, Array]:
    """Neville's table: rough slopes at shrinking steps, continued to step 0.

    Args:
        rough: Slopes at h, h/4, h/16 ... Shape: (steps, ...).
        noise: Their rounding errors. Shape: (steps, ...).
        power: What the leading error is divided by from one step to the next: 16 for central
            differences (error in h²), 4 for one-sided ones (error in h).

    Returns:
        The entry of the table that agrees best with its neighbours, and that disagreement.
        Shapes: (...) each; NaN and infinity where no two finite entries are neighbours.
    """
    column = rough
    # Two coarse steps can agree by accident (a period that divides both): not with a fine one.
    crude = rough[2 * len(rough) // 3]
    room = 0.5 * np.maximum(1.0, np.abs(crude)) + 100 * noise[2 * len(rough) // 3]
    best = np.full(rough.shape[1:], np.nan)
    doubt = np.full(rough.shape[1:], np.inf)
    for order in range(1, len(rough)):
        finer, coarser = column[1:], column[:-1]
        refined = finer + (finer - coarser) / (power**order - 1)
        disagreement = np.maximum(np.abs(refined - finer), np.abs(refined - coarser))
        disagreement = disagreement + noise[order:]
        usable = np.isfinite(disagreement) & ~(np.abs(refined - crude) > room)
        disagreement = np.where(usable, disagreement, np.inf)
        row = np.argmin(disagreement, axis=0)[None]
        smallest = np.take_along_axis(disagreement, row, 0)[0]
        candidate = np.take_along_axis(refined, row, 0)[0]
        best = np.where(smallest < doubt, candidate, best)
        doubt = np.minimum(smallest, doubt)
        column = refined
    return best, doubt


def slopes(paths: Sequence[Path], reach: Sequence[float]) -> Slopes:
    """Derivatives of several paths at t = 0 by differences, with kinks found on the way.

    Where the table does not settle (a singularity nearer than the steps), or where a kink may lie
    beside the point instead of at it, the steps shrink 16,000-fold and it is tried again, twice.
    Outside its domain a path may return NaN or raise ValueError or ArithmeticError: those steps are
    left out, and a slope from one side serves.

    Args:
        paths: One function per direction.
        reach: For each path, the scale of its steps: about the size of what it moves.

    Raises:
        ValueError, ArithmeticError: What the path raised, if it raised at t = 0 itself.
    """
    found = [_at_steps(path, scale) for path, scale in zip(paths, reach, strict=True)]
    for shrink in (RATIO**-7, RATIO**-14):
        for k, slope in enumerate(found):
            if np.any(_relative(slope) > 1e-9) or np.any(slope.kink):
                found[k] = _better(slope, _at_steps(paths[k], reach[k] * shrink))
    names = Slopes.__dataclass_fields__
    return Slopes(**{name: np.array([getattr(slope, name) for slope in found]) for name in names})


def _at_steps(path: Path, reach: float) -> Slopes:
    """One path's derivative from the nine steps that belong to this reach."""
    steps = [reach * FIRST_STEP * RATIO**-k for k in range(STEPS)]
    with np.errstate(all="ignore"):
        here = path(0.0)
        right = np.array([_or_nan(path, +h, here) for h in steps])
        left = np.array([_or_nan(path, -h, here) for h in steps])
        h = np.array(steps).reshape(STEPS, 1)
        noise = EPSILON * (np.abs(right) + np.abs(left) + np.abs(here)) / h
        central, doubt = extrapolated((right - left) / (2 * h), noise, RATIO**2)
        noise_right = EPSILON * (np.abs(right) + np.abs(here)) / h
        noise_left = EPSILON * (np.abs(left) + np.abs(here)) / h
        up, doubt_up = extrapolated((right - here) / h, noise_right, RATIO)
        down, doubt_down = extrapolated((here - left) / h, noise_left, RATIO)

        scale = np.maximum(1.0, np.fmin(np.abs(up), np.abs(down)))
        gap = np.abs(up - down)
        kink = gap > 1e-6 * scale + 10 * (doubt_up + doubt_down)
        # √|x| at 0: the difference is 0 by symmetry, the slopes on both sides are infinite.
        doubt = np.where(~kink & (gap > 1e-4 * scale), np.maximum(doubt, gap), doubt)
        only_up = ~np.isfinite(doubt) & np.isfinite(doubt_up)
        only_down = ~np.isfinite(doubt) & np.isfinite(doubt_down) & ~only_up
        value = np.where(only_up, up, np.where(only_down, down, central))
        doubt = np.where(only_up, doubt_up, np.where(only_down, doubt_down, doubt))
        low = np.where(kink, np.minimum(up, down), value)
        high = np.where(kink, np.maximum(up, down), value)
    return Slopes(value, low, high, doubt, kink)


def _or_nan(path: Path, t: float, like: Array) -> Array:
    """The outputs at t, or NaN where t leaves the domain."""
    try:
        return path(t)
    except (ValueError, ArithmeticError):
        return np.full(like.shape, np.nan)


def _relative(slope: Slopes) -> Array:
    """The uncertainty, relative to slopes above 1."""
    doubt: Array = slope.uncertainty / np.fmax(1.0, np.abs(slope.value))
    return doubt


def _better(first: Slopes, second: Slopes) -> Slopes:
    """Of two estimates, output by output, the one that is surer; a kink must show in both."""
    surer = ~second.kink & np.where(
        first.kink, _relative(second) < 1e-7, _relative(second) < _relative(first)
    )
    names = Slopes.__dataclass_fields__
    return Slopes(**{n: np.where(surer, getattr(second, n), getattr(first, n)) for n in names})
