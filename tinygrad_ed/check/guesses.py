"""Guesses at the mistake in a wrong Jacobian: each a test on its numbers and one plain sentence."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Evidence:
    """Both Jacobians of one output by one input, with what is known around them.

    Attributes:
        analytic: What the VJP says. Shape: (outputs, inputs), flat, as for `numeric`.
        numeric: What is right.
        out_shape: Shape of the output.
        in_shape: Shape of the input.
        values: Arrays by name: the result `y` and the op's operands.
        others: Numeric Jacobians of the op's other operands, by name.
    """

    analytic: Array
    numeric: Array
    out_shape: Shape
    in_shape: Shape
    values: Mapping[str, Array]
    others: Mapping[str, Array]


def close(a: Array, b: Array) -> bool:
    """Equal but for the numeric side's own inaccuracy."""
    size = np.max(np.abs(b), initial=0.0)
    return bool(a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-8 * max(size, 1e-3)))


def not_finite(e: Evidence) -> Iterator[str]:
    """NaN or infinity: no other guess means anything beside it."""
    if not np.all(np.isfinite(e.analytic)):
        yield (
            "the gradient is not finite where the function is: a division by an entry that is 0, "
            "or log(0), in the VJP"
        )


def _zero(e: Evidence) -> Iterator[str]:
    if not np.any(e.analytic):
        yield (
            "the gradient is zero: the VJP returns None or 0 for this operand, or the input is "
            "cut from the tape on the way (detach, .numpy(), a comparison)"
        )


def _few_digits(e: Evidence) -> Iterator[str]:
    off = float(np.max(np.abs(e.analytic - e.numeric)))
    size = float(np.max(np.abs(e.numeric)))
    if 0 < off < 1e-4 * size:
        yield (
            f"right but for {off / size:.0e} of its size: a constant with too few digits, or "
            f"rounding in a badly conditioned formula (then pass a tolerance)"
        )


def _swapped(e: Evidence) -> Iterator[str]:
    for name, other in e.others.items():
        if close(e.analytic, other):
            yield f"this is the gradient of {name}: two operands' gradients are swapped"


def _constant_factor(e: Evidence) -> Iterator[str]:
    size = float(np.sum(e.numeric * e.numeric))
    ratio = float(np.sum(e.analytic * e.numeric)) / size if size else 0.0
    if not ratio or not close(e.analytic, ratio * e.numeric):
        return
    sign = "the sign is wrong, and " if ratio < 0 else ""
    size = abs(ratio)
    if abs(size - 1) < 1e-6:
        yield "the sign is wrong: the gradient is minus what it should be"
        return
    squared = abs(size - 2) < 1e-6 or abs(size - 0.5) < 1e-6
    for n, meaning in [] if squared and e.in_shape == e.out_shape else _sizes(e).items():
        if abs(size - n) < 1e-6 * n:
            yield (
                f"{sign}off by N = {n} ({meaning}), N times too large: mean versus sum? The "
                f"function divides by N and the VJP does not"
            )
        if abs(size - 1 / n) < 1e-6 / n:
            yield (
                f"{sign}off by N = {n} ({meaning}), N times too small: mean versus sum? The VJP "
                f"divides by N (a mean over an axis where a sum belongs) and the function does not"
            )
    if abs(size - 2) < 1e-6:
        yield (
            f"{sign}twice what it should be: a factor 2 of a square too many (the ½ in front "
            f"cancels it), or the gradient was accumulated twice (zero_grad forgotten)"
        )
    elif abs(size - 0.5) < 1e-6:
        yield f"{sign}half of what it should be: the 2 of a square's derivative is missing"
    else:
        larger = size >= 1
        factor = size if larger else 1 / size
        yield f"{sign}too {'large' if larger else 'small'} by the constant factor {factor:.6g}"


def _sizes(e: Evidence) -> dict[int, str]:
    """The numbers a mean could have divided by: sizes of axes, and of the whole."""
    found: dict[int, str] = {}
    whole, rest = e.numeric.shape[1], e.numeric.shape[0]
    if rest and whole % rest == 0:
        found[whole // rest] = "how many entries of the input go into one of the output"
    elif whole and rest % whole == 0:
        found[rest // whole] = "how often each entry of the input is used"
    for what, shape in (("the input", e.in_shape), ("the output", e.out_shape)):
        if len(shape) != 1:
            found.setdefault(int(np.prod(shape)), f"the number of entries of {what} {shape}")
        for axis, n in enumerate(shape):
            found.setdefault(n, f"the size of axis {axis} of {what} {shape}")
    for name, value in e.values.items():
        for axis, n in enumerate(np.shape(value)):
            found.setdefault(n, f"the size of axis {axis} of {name} {np.shape(value)}")
    return {n: meaning for n, meaning in found.items() if n > 1}


def _ignores_upstream(e: Evidence) -> Iterator[str]:
    if e.analytic.shape[0] > 1 and close(e.analytic, np.ones_like(e.analytic) * e.analytic[:1]):
        total = np.sum(e.numeric, axis=0)
        if close(e.analytic[0], total) or close(2 * e.analytic[0], total):
            yield "the VJP does not use the upstream gradient: multiply the slope by dy"


def _off_diagonal(e: Evidence) -> Iterator[str]:
    if e.out_shape != e.in_shape or e.analytic.shape[0] < 2:
        return
    off = ~np.eye(e.analytic.shape[0], dtype=bool)
    if np.any(e.analytic[off]) or close(e.numeric[off], 0 * e.numeric[off]):
        return
    if close(np.diag(e.analytic), np.diag(e.numeric)):
        yield (
            "an elementwise VJP for a function that is not (an elementwise softmax): only the "
            "diagonal of the Jacobian is there, but every result depends on the whole row, so the "
            "VJP is y * (dy - Σ dy * y) and not dy * y * (1 - y)"
        )


def _transposed(e: Evidence) -> Iterator[str]:
    axes = len(e.out_shape) + len(e.in_shape)
    shape = e.out_shape + e.in_shape
    if axes > 8:
        return
    a, n = e.analytic.reshape(shape), e.numeric.reshape(shape)
    for first in range(axes):
        for second in range(first + 1, axes):
            same_size = shape[first] == shape[second] and shape[first] > 1
            if same_size and close(a, np.swapaxes(n, first, second)):
                yield (
                    "an operand of the product is transposed (or is not, and should be): "
                    "dA = dZ Bᵀ and dB = Aᵀ dZ"
                    if first < len(e.out_shape) <= second
                    else "the gradient is transposed: its axes come in another order"
                )
                return


def _missing_sum(e: Evidence) -> Iterator[str]:
    shape = (*e.out_shape, e.numeric.shape[1])
    a, n = e.analytic.reshape(shape), e.numeric.reshape(shape)
    for axis, size in enumerate(e.out_shape):
        for k in range(size) if size > 1 else ():
            only = np.zeros_like(n)
            index = (slice(None),) * axis + (slice(k, k + 1),)
            only[index] = n[index]
            if close(a, only):
                yield (
                    f"a missing sum over the broadcast axis {axis} of the result {e.out_shape}: "
                    f"only its entry {k} contributes, but the operand was used {size} times along "
                    f"that axis, so the upstream gradient is summed over it"
                )
                return


def _wrong_places(e: Evidence) -> Iterator[str]:
    if close(np.sort(e.analytic, axis=None), np.sort(e.numeric, axis=None)):
        yield (
            "the right numbers stand in the wrong places: a reshape where a transpose belongs, or "
            "axes or indices in another order"
        )


def _wrong_signs(e: Evidence) -> Iterator[str]:
    if close(np.abs(e.analytic), np.abs(e.numeric)):
        yield "the sign is wrong at some entries, the size is right everywhere"


FACTORS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("{}", lambda v: v),
    ("(1 - {})", lambda v: 1 - v),
    ("(1 + {})", lambda v: 1 + v),
    ("(1 - {}²)", lambda v: 1 - v * v),
    ("{}²", lambda v: v * v),
    ("2 {}", lambda v: 2 * v),
    ("{} (1 - {})", lambda v: v * (1 - v)),
)
"""Factors that slopes are made of."""


def _chain_factor(e: Evidence) -> Iterator[str]:
    """The same column by column (or row by row) but for a factor: which one, if it is known."""
    for per_input in (True, False):
        a, n = (e.analytic, e.numeric) if per_input else (e.analytic.T, e.numeric.T)
        size = np.sum(n * n, axis=0)
        ratio = np.divide(np.sum(a * n, axis=0), size, out=np.ones(size.shape), where=size > 0)
        if a.shape[0] < 1 or not np.all(ratio) or not close(a, ratio * n):
            continue
        place = e.in_shape if per_input else e.out_shape
        for name, value in e.values.items():
            if np.shape(value) != place:
                continue
            for text, formula in FACTORS:
                with np.errstate(all="ignore"):
                    factor = formula(np.reshape(np.asarray(value, dtype=float), -1))
                    spelled = text.format(name, name)
                    if close(ratio * factor, np.ones(ratio.shape)):
                        yield f"a factor of the chain rule is missing: {spelled}"
                        return
                    if close(ratio, factor):
                        yield f"a factor of the chain rule is too many: {spelled}"
                        return
        if ratio.size > 1:
            yield (
                "each entry is off by a factor of its own: a factor of the chain rule is missing, "
                "too many, or taken at other values"
            )
            return


def _partly_missing(e: Evidence) -> Iterator[str]:
    zero = np.abs(e.analytic) <= 1e-12
    if np.any(zero & ~(np.abs(e.numeric) <= 1e-8)) and close(
        e.analytic, np.where(zero, 0, e.numeric)
    ):
        share = int(np.sum(zero & ~(np.abs(e.numeric) <= 1e-8)))
        yield (
            f"{share} contributions are missing, the others are right: entries that are used "
            f"several times (a repeated index, a tie, two paths) get one contribution only"
        )


def _only_some(e: Evidence) -> Iterator[str]:
    matters = np.any(e.numeric, axis=0) | np.any(e.analytic, axis=0)
    right = [close(a, n) for a, n in zip(e.analytic.T, e.numeric.T, strict=True)]
    wrong = np.flatnonzero(~np.array(right))
    if 0 < len(wrong) <= 0.3 * np.sum(matters):
        yield (
            f"only {len(wrong)} of {np.sum(matters)} entries of the input are wrong: look at what "
            f"is special about their values or places"
        )


def _missing_term(e: Evidence) -> Iterator[str]:
    right = np.abs(e.analytic - e.numeric) <= 1e-6 * np.maximum(1, np.abs(e.numeric))
    yield (
        f"{np.sum(~right)} of {right.size} entries are wrong and nothing simpler explains them: "
        f"a term of the derivative is missing or wrong (half of a product rule, one path of two)"
    )


TESTS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    _zero,
    _few_digits,
    _constant_factor,
    _swapped,
    _ignores_upstream,
    _off_diagonal,
    _transposed,
    _missing_sum,
    _wrong_signs,
    _wrong_places,
    _partly_missing,
    _only_some,
    _chain_factor,
    _missing_term,
)
"""From the specific to the general."""
