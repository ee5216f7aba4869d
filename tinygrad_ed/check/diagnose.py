"""From a wrong Jacobian to the likely mistake: what a teacher would guess from the numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .evidence import Evidence, Guess
from .guesses import TESTS, not_finite

Array = NDArray[Any]
Shape = tuple[int, ...]


def diagnose(
    analytic: ArrayLike,
    numeric: ArrayLike,
    out_shape: Shape | None = None,
    in_shape: Shape | None = None,
    *,
    values: Mapping[str, Array] | None = None,
    others: Mapping[str, Array] | None = None,
    params: Mapping[str, Any] | None = None,
) -> list[Guess]:
    """Guesses at the mistake in a gradient, the best first; empty if the two agree.

    Each is a text with a `kind` (`evidence.KINDS`), which stays when the words change.

    Args:
        analytic: The Jacobian to be judged; a gradient counts as a Jacobian with one row.
        numeric: The right one.
        out_shape: Shape of the output; by default flat.
        in_shape: Shape of the input; by default that of a gradient, else flat.
        values: The result `y` and the operands, by name, to find a missing factor.
        others: Right Jacobians of other operands, to find swapped ones.
        params: The op's parameters, to find a factor that one of them gives.

    Shapes: analytic, numeric (outputs, inputs), or the shape of the input for a scalar output.
    """
    evidence = _evidence(analytic, numeric, out_shape, in_shape)
    known = replace(evidence, values=values or {}, others=others or {}, params=params or {})
    return list(guesses(known))


def _evidence(
    analytic: ArrayLike, numeric: ArrayLike, out_shape: Shape | None, in_shape: Shape | None
) -> Evidence:
    """Both sides as Jacobians."""
    a, n = np.asarray(analytic, dtype=float), np.asarray(numeric, dtype=float)
    if out_shape is None and in_shape is None and a.ndim != 2:
        out_shape, in_shape = (), n.shape
    if out_shape is None or in_shape is None:
        out_shape, in_shape = (n.shape[0],), (n.shape[1],)
    flat = (int(np.prod(out_shape)), int(np.prod(in_shape)))
    return Evidence(a.reshape(flat), n.reshape(flat), out_shape, in_shape)


def guesses(evidence: Evidence) -> Iterator[Guess]:
    """The guesses one by one, the best first: who wants one only does not pay for the others."""
    size = np.max(np.abs(evidence.numeric), initial=1.0)
    if np.max(np.abs(evidence.analytic - evidence.numeric), initial=0.0) <= 1e-11 * size:
        return
    for test in (not_finite, *TESTS):
        with np.errstate(all="ignore"):
            found = list(test(evidence))
        yield from found
        if found and test is not_finite:
            return
