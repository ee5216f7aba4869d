"""What is swept for each op, and the bound that its computable form keeps: derived, as data.

A case turns one number z into the op's operands. Its bound says: the error is at most so many ULP
of a certain size. Where every step keeps the relative error small, that size is the result itself.
Where two large terms nearly cancel at the end (log Σ e^z - z), no such promise can be kept, and
the size is that of the terms.

Derivations count in u, half of the type's spacing at 1: a rounding changes a value by at most u of
it, and u of a value is at most one ULP of it. NumPy's exp is within E ULP, which is 2 E u, and so
for log (L) and log1p (P); they are in `LIBRARY`. Products of errors are left out. The kernels of
device "cpu" take the same steps with functions at least as exact as NumPy's in float32 (their own,
tighter bounds stand in kernels/cpu/elementary.py), so the bound holds for both devices.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import digits_for_exponentials

Array = NDArray[Any]


@dataclass(frozen=True)
class Library:
    """How many ULP the elementary functions may be off, the larger of NumPy's and the kernels'."""

    exp: float
    log: float
    log1p: float
    tanh: float


LIBRARY = {
    "float32": Library(exp=3, log=4, log1p=2, tanh=2),
    "float64": Library(exp=1, log=1, log1p=1.5, tanh=2),
}
"""NumPy: what its own accuracy tests allow (umath-validation-set-*.csv). The kernels' log1p is
within 1.5 ULP in both types, the rest of them is tighter than NumPy's."""


def result_itself(exact: Array, *operands: Array) -> Array:
    """The bound is relative to the result."""
    return np.abs(exact)


@dataclass(frozen=True)
class Case:
    """How an op is swept, and what its computable form promises.

    Attributes:
        operands: From the sweep's numbers, shape (N,), to the op's operands, with N in front.
        ranges: Where the sweep goes in each number type unless told otherwise.
        swept: What z is.
        bound: From the library's errors to the bound in ULP; None if no bound is known.
        why: How the bound is derived.
        size: The exact result and the operands -> what the bound is in ULP of.
        size_in_words: The same in words.
        params: Parameters of the op.
        entry: Which entry of a row of results is looked at; None if there is one per z.
        by_row: A loss: a device computes it one row at a time, reduced, as in training.
        digits: How many digits the reference needs for these operands.
    """

    operands: Callable[[Array], tuple[Array, ...]]
    ranges: dict[str, tuple[float, float]]
    swept: str
    bound: Callable[[Library], float] | None = None
    why: str = ""
    size: Callable[..., Array] = result_itself
    size_in_words: str = "the result"
    params: dict[str, Any] = field(default_factory=dict)
    entry: int | None = None
    by_row: bool = False
    digits: Callable[..., int] = digits_for_exponentials


BEYOND_EXP: dict[str, tuple[float, float]] = {"float32": (-120, 120), "float64": (-800, 800)}
"""e^z overflows above 88.7 or 709.8 and is 0 below -103.3 or -745.1."""


def alone(z: Array) -> tuple[Array, ...]:
    """The operand is z."""
    return (z,)


def three_scores(z: Array) -> tuple[Array, ...]:
    """Rows (z, z - 1, z - 2): raising all scores alike changes no probability."""
    return (np.stack([z, z - 1, z - 2], axis=-1),)


def two_scores(z: Array) -> tuple[Array, ...]:
    """Rows (z, 0): the class with score z against another one."""
    return (np.stack([z, np.zeros_like(z)], axis=-1),)


def sixteen_numbers(mean: Array) -> tuple[Array, ...]:
    """Rows of 16 numbers around `mean`, evenly from 1 below it to 1 above."""
    around = np.linspace(-1, 1, 16).astype(mean.dtype)
    return (mean[:, None] + around,)


def at_least_one(exact: Array, *operands: Array) -> Array:
    """Absolute errors matter: of the result, or of 1 where the result is smaller."""
    return np.maximum(np.abs(exact), 1)


def largest_score(exact: Array, z: Array, *rest: Array) -> Array:
    """The final step adds or subtracts the largest score."""
    return np.asarray(np.maximum(at_least_one(exact), np.max(np.abs(z), axis=-1)))


def variance_and_shift(exact: Array, x: Array) -> Array:
    """The variance, and u of the mean's square: what a mean off by a few u leaves behind."""
    u = np.finfo(x.dtype).eps / 2
    return np.asarray(np.abs(exact) + u * np.max(np.abs(x).astype(np.float64), axis=-1) ** 2)


def of_sums(*operands: Array) -> int:
    """Digits for sums of numbers alike in size, squares and e^0, e^-1, e^-2 among them."""
    return 150


one_exponential = partial(digits_for_exponentials, times=1)
"""Digits where e^-|z|, or a small z itself, meets 1."""


CASES: dict[str, Case] = {
    "sigmoid": Case(
        alone,
        BEYOND_EXP,
        "z",
        lambda f: 2 * f.exp + 2,
        "e = e^-|z| is off by 2E u; in e / (1 + e) at most that much of it remains; + and / add u",
        digits=one_exponential,
    ),
    "tanh": Case(
        alone,
        BEYOND_EXP,
        "z",
        lambda f: f.tanh,
        "the library's tanh as it is",
        digits=one_exponential,
    ),
    "softplus": Case(
        alone,
        BEYOND_EXP,
        "z",
        lambda f: 2 * f.exp + 2 * f.log1p + 1,
        "the relative error 2E u of e^-|z| does not grow in log1p, which adds 2P u; + adds u",
        digits=one_exponential,
    ),
    "softmax": Case(
        three_scores,
        BEYOND_EXP,
        "z in the scores (z, z-1, z-2), first class",
        lambda f: 2 * f.exp + 2 + 2 + 1,
        "each e^(z_k - max) is off by 2E u, and by 2 u more as z_k - max, up to 2, is rounded; "
        "two additions; one division",
        entry=0,
        digits=of_sums,
    ),
    "logsumexp": Case(
        three_scores,
        BEYOND_EXP,
        "z in the scores (z, z-1, z-2)",
        lambda f: 2 * f.exp + 2 + 2 + f.log + 1,
        "the sum is off by (2E + 4) u of itself, as in softmax; log makes that absolute and adds "
        "2L u of log 1.5 < 1/2; adding the largest score rounds once more",
        largest_score,
        "the largest of 1, the result and the scores",
        {"axis": -1},
        digits=of_sums,
    ),
    "log_softmax": Case(
        two_scores,
        BEYOND_EXP,
        "z in the scores (z, 0), first class",
        lambda f: f.exp + 1 + 1.4 * f.log + 1,
        "1 + e^-|z| is off by half of 2E u, and u; log makes that absolute and adds 2L u of "
        "log 2 < 0.7; the subtraction rounds",
        at_least_one,
        "the larger of 1 and the result",
        entry=0,
        digits=one_exponential,
    ),
    "bce": Case(
        lambda y: (y, np.zeros_like(y)),
        {"float32": (0, 1), "float64": (0, 1)},
        "y, a probability, with target 0",
        lambda f: f.log1p,
        "the library's log1p as it is; the factor 1 - t = 1 is exact",
        params={"reduction": "none"},
        by_row=True,
        digits=one_exponential,
    ),
    "bce_with_logits": Case(
        lambda z: (z, np.ones_like(z)),
        BEYOND_EXP,
        "z, a logit, with target 1",
        lambda f: 2 * f.exp + 2 * f.log1p + 1,
        "softplus(-z), and exact factors 1 and 0",
        params={"reduction": "none"},
        by_row=True,
        digits=one_exponential,
    ),
    "cross_entropy_labels": Case(
        lambda z: (*two_scores(z), np.zeros(z.shape, dtype=np.int64)),
        BEYOND_EXP,
        "z in the scores (z, 0), label 0",
        lambda f: f.exp + 1 + 1.4 * f.log + 1,
        "as log_softmax: the sign is exact, and so is picking the label",
        at_least_one,
        "the larger of 1 and the result",
        {"reduction": "none"},
        by_row=True,
        digits=one_exponential,
    ),
    "var": Case(
        sixteen_numbers,
        {"float32": (1, 1e6), "float64": (1, 1e9)},
        "the mean of 16 numbers from z-1 to z+1",
        lambda f: 25,
        "a mean added up in a tree of depth 4 and divided is off by 5 u |x|, its square, 25 u² x², "
        "is added to the variance; deviations, squares, 15 additions and a division are 19 u of it",
        variance_and_shift,
        "the variance + u · largest x²",
        {"axis": -1},
        digits=of_sums,
    ),
}
"""The ops whose two forms differ, by name."""
