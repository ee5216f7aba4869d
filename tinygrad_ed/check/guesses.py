"""Guesses at the mistake in a wrong Jacobian: each a test on its numbers and one plain sentence.

Constant factors are here; `guess_places` looks at which entries are right, `guess_values` at the
values of operands and result, `guess_losses` at targets and labels.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from .evidence import Evidence, Guess, close, multiple_of
from .guess_losses import bce_half, logits_as_probabilities, softmax_twice, target, without_sum
from .guess_places import (
    missing_sum,
    not_blocked,
    not_centred,
    off_diagonal,
    partly_missing,
    rows_mixed,
    transposed,
    wrong_places,
)
from .guess_values import (
    branch,
    factor_missing_or_extra,
    half_product,
    other_mask,
    own_factor,
    parameter_factor,
    wrong_factor,
    wrong_slope,
)

Test = Callable[[Evidence], Iterator[Guess]]


def not_finite(e: Evidence) -> Iterator[Guess]:
    """NaN or infinity: no other guess means anything beside it."""
    if not np.all(np.isfinite(e.analytic)):
        yield Guess(
            "not-finite",
            "the gradient is not finite where the function is: a division by an entry that is 0, "
            "or log(0), in the VJP",
        )


def _zero(e: Evidence) -> Iterator[Guess]:
    if not np.any(e.analytic):
        yield Guess(
            "zero",
            "the gradient is zero: the VJP returns None or 0 for this operand, or the input is "
            "cut from the tape on the way (detach, .numpy(), a comparison)",
        )


def _few_digits(e: Evidence) -> Iterator[Guess]:
    off = float(np.max(np.abs(e.analytic - e.numeric)))
    size = float(np.max(np.abs(e.numeric)))
    if 0 < off < 1e-4 * size:
        yield Guess(
            "few-digits",
            f"right but for {off / size:.0e} of its size: a constant with too few digits, or "
            f"rounding in a badly conditioned formula (then pass a tolerance)",
        )


def _swapped(e: Evidence) -> Iterator[Guess]:
    for name, other in e.others.items():
        if close(e.analytic, other):
            yield Guess(
                "swapped", f"this is the gradient of {name}: two operands' gradients are swapped"
            )


def _constant_factor(e: Evidence) -> Iterator[Guess]:
    ratio = multiple_of(e.analytic, e.numeric)
    if ratio is None:
        return
    sign = "the sign is wrong, and " if ratio < 0 else ""
    size = abs(ratio)
    if abs(size - 1) < 1e-6:
        yield Guess("sign", "the sign is wrong: the gradient is minus what it should be")
        return
    squared = abs(size - 2) < 1e-6 or abs(size - 0.5) < 1e-6
    sizes = {} if squared and e.in_shape == e.out_shape else _sizes(e)
    for n, meaning in sizes.items():
        if abs(size - n) < 1e-6 * n:
            yield Guess(
                "mean-sum",
                f"{sign}off by N = {n} ({meaning}), N times too large: mean versus sum? The "
                f"function divides by N and the VJP does not",
            )
        if abs(size - 1 / n) < 1e-6 / n:
            yield Guess(
                "mean-sum",
                f"{sign}off by N = {n} ({meaning}), N times too small: mean versus sum? The VJP "
                f"divides by N (a mean over an axis where a sum belongs) and the function does not",
            )
    if abs(size - 2) < 1e-6:
        yield Guess(
            "twice",
            f"{sign}twice what it should be: a factor 2 of a square too many (the ½ in front "
            f"cancels it), or the gradient was accumulated twice (zero_grad forgotten)",
        )
    elif abs(size - 0.5) < 1e-6:
        yield Guess(
            "half", f"{sign}half of what it should be: the 2 of a square's derivative is missing"
        )
    else:
        yield from _wrong_count(sizes, size, sign, bool(e.params.get("ddof")))
        factor, what = (size, "large") if size >= 1 else (1 / size, "small")
        yield Guess("constant", f"{sign}too {what} by the constant factor {factor:.6g}")


def _wrong_count(sizes: dict[int, str], size: float, sign: str, corrected: bool) -> Iterator[Guess]:
    """A quotient of two counts: N and N - 1, or the sizes of two axes."""
    for n in sizes if corrected else ():
        for right, wrong in ((n - 1, n), (n, n - 1)):
            if wrong and abs(size - right / wrong) < 1e-6:
                yield Guess(
                    "n-minus-one",
                    f"{sign}divided by {wrong} where {right} belongs: N versus N - 1 (ddof)",
                )
    for right, wrong in itertools.permutations(sizes, 2):
        if abs(size - right / wrong) < 1e-6:
            yield Guess(
                "wrong-count",
                f"{sign}divided by {wrong} ({sizes[wrong]}) where {right} ({sizes[right]}) "
                f"belongs: a mean takes the number of entries that it adds up",
            )


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


def _ignores_upstream(e: Evidence) -> Iterator[Guess]:
    if e.analytic.shape[0] > 1 and close(e.analytic, np.ones_like(e.analytic) * e.analytic[:1]):
        total = np.sum(e.numeric, axis=0)
        if close(e.analytic[0], total) or close(2 * e.analytic[0], total):
            yield Guess(
                "no-upstream",
                "the VJP does not use the upstream gradient: multiply the slope by dy",
            )


def _wrong_signs(e: Evidence) -> Iterator[Guess]:
    if close(np.abs(e.analytic), np.abs(e.numeric)):
        yield Guess("signs", "the sign is wrong at some entries, the size is right everywhere")


def _only_some(e: Evidence) -> Iterator[Guess]:
    matters = np.any(e.numeric, axis=0) | np.any(e.analytic, axis=0)
    right = [close(a, n) for a, n in zip(e.analytic.T, e.numeric.T, strict=True)]
    wrong = np.flatnonzero(~np.array(right))
    if 0 < len(wrong) <= 0.3 * np.sum(matters):
        yield Guess(
            "some-entries",
            f"only {len(wrong)} of {np.sum(matters)} entries of the input are wrong: look at what "
            f"is special about their values or places",
        )


def _missing_term(e: Evidence) -> Iterator[Guess]:
    right = np.abs(e.analytic - e.numeric) <= 1e-6 * np.maximum(1, np.abs(e.numeric))
    yield Guess(
        "term",
        f"{np.sum(~right)} of {right.size} entries are wrong and nothing simpler explains them: "
        f"a term of the derivative is missing or wrong (half of a product rule, one path of two)",
    )


TESTS: tuple[Test, ...] = (
    _zero,
    _few_digits,
    parameter_factor,
    _constant_factor,
    _swapped,
    _ignores_upstream,
    off_diagonal,
    without_sum,
    transposed,
    missing_sum,
    other_mask,
    _wrong_signs,
    not_blocked,
    wrong_places,
    partly_missing,
    rows_mixed,
    not_centred,
    target,
    softmax_twice,
    logits_as_probabilities,
    bce_half,
    branch,
    _only_some,
    wrong_slope,
    factor_missing_or_extra,
    half_product,
    wrong_factor,
    own_factor,
    _missing_term,
)
"""From the specific to the general."""
