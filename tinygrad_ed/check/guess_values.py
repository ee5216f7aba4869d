"""Guesses that need the values: which factor of the chain rule is missing, wrong or too many."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from .evidence import Array, Evidence, Guess, close, multiple_of

Flags = NDArray[np.bool_]
Formula = tuple[str, Callable[[Array], Array]]


def _logistic(v: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-v)))


FACTORS: tuple[Formula, ...] = (
    ("{}", lambda v: v),
    ("(1 - {})", lambda v: 1 - v),
    ("(1 - {}²)", lambda v: 1 - v * v),
    ("{}²", lambda v: v * v),
    ("2 {}", lambda v: 2 * v),
    ("{} (1 - {})", lambda v: v * (1 - v)),
    ("ln {}", np.log),
    ("e^{}", np.exp),
)
"""Factors that slopes are made of, and that get lost as a whole."""

SLOPES: tuple[Formula, ...] = (
    ("{}", lambda v: v),
    ("{} (1 - {})", lambda v: v * (1 - v)),
    ("(1 - {}²)", lambda v: 1 - v * v),
    ("(1 - {})", lambda v: 1 - v),
    ("(1 + {})", lambda v: 1 + v),
    ("e^{}", np.exp),
    ("σ({})", _logistic),
    ("(1 - σ({}))", lambda v: 1 - _logistic(v)),
    ("1 / {}", lambda v: 1 / v),
    ("1 / (1 + {})", lambda v: 1 / (1 + v)),
    ("{}²", lambda v: v * v),
)
"""Formulas of which one may stand in the place of another."""


def parameter_factor(e: Evidence) -> Iterator[Guess]:
    """Off by a constant that a parameter gives: the n of xⁿ, the 1 - p of dropout."""
    ratio = multiple_of(e.analytic, e.numeric)
    for name, p in e.params.items() if ratio is not None else ():
        if not isinstance(p, float) or p in (0.0, 1.0):
            continue
        for text, factor in ((name, p), (f"(1 - {name})", 1 - p)):
            for what, meant in (("is missing", 1 / factor), ("is too many", factor)):
                if ratio is not None and abs(ratio - meant) < 1e-6 * abs(meant) and meant != 1:
                    yield Guess(
                        "parameter-factor",
                        f"the constant factor {text} = {factor:.6g} {what}: the parameter "
                        f"{name} = {p:.6g} enters the derivative, too",
                    )
                    return


def _ratio(e: Evidence, per_input: bool) -> Array | None:
    """What each column (or row) of the right Jacobian is multiplied by, if by one number."""
    a, n = (e.analytic, e.numeric) if per_input else (e.analytic.T, e.numeric.T)
    size = np.sum(n * n, axis=0)
    ratio = np.divide(np.sum(a * n, axis=0), size, out=np.ones(size.shape), where=size > 0)
    return ratio if a.shape[0] and np.all(ratio) and close(a, ratio * n) else None


def _known(e: Evidence, per_input: bool, formulas: tuple[Formula, ...]) -> list[tuple[str, Array]]:
    """Formulas of the values that have one entry for each column (or row): simple ones first."""
    place = e.in_shape if per_input else e.out_shape
    values = {
        name: np.reshape(np.asarray(value, dtype=float), -1)
        for name, value in e.values.items()
        if np.shape(value) == place
    }
    found = [(t.format(k, k), f(v)) for t, f in formulas for k, v in values.items()]
    return [(text, f) for text, f in found if np.all(np.isfinite(f)) and np.any(f)]


def _right_slope(e: Evidence, per_input: bool) -> Array:
    """One number for each column (or row) of the right Jacobian: its diagonal, or its largest."""
    n = e.numeric if per_input else e.numeric.T
    return np.asarray(n[np.argmax(np.abs(n), axis=0), np.arange(n.shape[1])])


def factor_missing_or_extra(e: Evidence) -> Iterator[Guess]:
    """The same column by column (or row by row) but for a factor: which one, if it is known."""
    for per_input in (True, False):
        ratio = _ratio(e, per_input)
        if ratio is None:
            continue
        for spelled, factor in _known(e, per_input, FACTORS):
            if close(ratio * factor, np.ones(ratio.shape)):
                yield Guess("missing-factor", f"a factor of the chain rule is missing: {spelled}")
                return
            if close(ratio, factor):
                # Where the right slope is 1/x itself, x is not too many: 1/x is missing.
                inverse = multiple_of(_right_slope(e, per_input) * factor, np.ones(ratio.shape))
                kind = "extra-factor" if inverse is None else "missing-factor"
                what = f"too many: {spelled}" if inverse is None else f"missing: 1 / {spelled}"
                yield Guess(kind, f"a factor of the chain rule is {what}")
                return


PRODUCTS = ("{} (1 - {})", "(1 - {}²)", "{}²")
"""Slopes of several factors: where one of these is short of one, it is a missing factor."""


def wrong_slope(e: Evidence) -> Iterator[Guess]:
    """One whole slope stands in the place of another: 1/x for 1/y, σ(-z) for σ(z)."""
    if not e.diagonal:
        return
    a, n = np.diag(e.analytic), np.diag(e.numeric)
    products = {text.format(name, name) for text in PRODUCTS for name in e.values}
    known = [f for f in _known(e, True, SLOPES) if f[0] not in products]
    for belongs, g in known:
        c = multiple_of(n, g)
        for wrong, f in known if c is not None else ():
            if c is not None and close(a, c * f):
                yield Guess(
                    "wrong-factor", f"{wrong} stands where {belongs} belongs in the chain rule"
                )
                return


def wrong_factor(e: Evidence) -> Iterator[Guess]:
    """One formula stands in the place of another: 1 + y for 1 - y, or z for y."""
    for per_input in (True, False):
        ratio = _ratio(e, per_input)
        if ratio is None:
            continue
        right = _right_slope(e, per_input)
        known = _known(e, per_input, SLOPES)
        pairs = list(itertools.permutations(known, 2))
        whole = {text for text, f in known if multiple_of(right, f)}
        # First formulas that are the whole slope, then those that are a factor of it.
        pairs.sort(key=lambda pair: pair[1][0] not in whole)
        for (wrong, f), (belongs, g) in pairs:
            if close(ratio * g, f):
                yield Guess(
                    "wrong-factor", f"{wrong} stands where {belongs} belongs in the chain rule"
                )
                return


def half_product(e: Evidence) -> Iterator[Guess]:
    """The slope of z f(z) as if one of the two were constant."""
    y = e.values.get("y")
    if not e.diagonal or y is None or np.shape(y) != e.out_shape:
        return
    slope = np.diag(e.analytic)
    for name, v in e.like_input().items():
        if name != "y" and np.all(v) and close(slope, np.reshape(y, -1) / v):
            yield Guess(
                "half-product",
                f"this is y / {name}, one half of the product rule: the other factor of the "
                f"product depends on {name} too, and a factor of the chain rule must not be held "
                f"fixed",
            )
            return


def other_mask(e: Evidence) -> Iterator[Guess]:
    """Elementwise, with the right numbers, but not at the entries that were let through."""
    if not e.diagonal:
        return
    a, n = np.diag(e.analytic), np.diag(e.numeric)
    passed, should = a != 0, np.abs(n) > 1e-9
    if np.all(should) or not np.any(should & ~passed) or not np.any(passed & ~should):
        return
    if not np.allclose(a[passed], np.median(n[should]), rtol=1e-6):
        return
    if not np.any(passed & should):
        yield Guess(
            "wrong-side",
            "the gradient flows exactly where it should be blocked, and is blocked where it "
            "should flow: the two branches of a choice are exchanged",
        )
    else:
        yield Guess(
            "other-mask",
            "the gradient is blocked at other entries than the forward pass: the mask has to be "
            "the same one, not a new one",
        )


SIDE = 3  # entries on either side of a threshold: fewer are separated by accident


def branch(e: Evidence) -> Iterator[Guess]:
    """Right on one side of a threshold, wrong on the other: one branch of a formula for both."""
    right = np.array([close(a, n) for a, n in zip(e.analytic.T, e.numeric.T, strict=True)])
    if np.sum(right) < SIDE or np.sum(~right) < SIDE:
        return
    values = e.like_input()
    measures = {**values, **{f"|{name}|": np.abs(v) for name, v in values.items()}}
    for (first, u), (second, v) in itertools.combinations(values.items(), 2):
        measures[f"|{first} - {second}|"] = np.abs(u - v)
    for name, m in measures.items():
        for side, low, high in (("small", m[right], m[~right]), ("large", -m[right], -m[~right])):
            if np.max(low) < np.min(high):
                yield Guess(
                    "wrong-branch",
                    f"right where {name} is {side} and wrong beyond: the function has branches, "
                    f"and one branch's slope is used for both",
                )
                return


def own_factor(e: Evidence) -> Iterator[Guess]:
    """Each column (or row) is off by a number, and no formula that is known gives it."""
    ratios = [_ratio(e, per_input) for per_input in (True, False)]
    if any(ratio is not None and ratio.size > 1 for ratio in ratios):
        yield Guess(
            "own-factor",
            "each entry is off by a factor of its own: a factor of the chain rule is missing, "
            "too many, or taken at other values",
        )
