"""Functions such as users write, for the tests of scalar loops."""

from typing import Any

import numpy as np

SLOPE = 0.3
TABLE = {"gain": 2.0, "powers": (1, 3)}
HALF = np.float64(0.5)


def squashed(x: Any, limit: Any = 1.0) -> Any:
    """A helper with a default value."""
    inside = x * SLOPE
    return limit * np.tanh(inside)


def locals_and_helpers(x, k):  # type: ignore[no-untyped-def]
    gain = TABLE["gain"]
    x = x + k
    y = squashed(x) + squashed(x * k, limit=gain) * squashed(k)
    x, k = k, x
    return y - x / (1 + k * k)


def names_that_the_kernel_uses(i, T, exp):  # type: ignore[no-untyped-def]
    np_, row = i + T, exp * 2
    where = np.where(np_ > row, i, T)
    return where - exp


def masks(x, k):  # type: ignore[no-untyped-def]
    inside = (x > -1) & (x <= 1) | np.isnan(k)
    outside = ~inside
    return x * inside - k * outside + np.where(np.logical_or(inside, k == 0), 1.5, k)


def counts(x, k):  # type: ignore[no-untyped-def]
    """Whole numbers and a strong scalar: NumPy computes these in int64 and float64."""
    sign = np.where(x > 0, 1, -1)
    return sign * k + (1 - (k > 0)) * HALF


def numpy_functions(x, k):  # type: ignore[no-untyped-def]
    size = np.sqrt(np.square(x) + np.abs(k)) + np.zeros_like(x)
    steps = np.floor(x) + np.sign(k) * np.ones_like(k)
    limited = np.clip(x, -0.5, None) + np.multiply(np.reciprocal(k), x)
    return np.where(np.isfinite(size), steps - limited, -size).astype(x.dtype)


def decided(x, k):  # type: ignore[no-untyped-def]
    if k is None or SLOPE > 1:
        return x
    eps = np.finfo(x.dtype).eps
    first, second = TABLE["powers"]
    scale = 2.0 if first == 1 and not second < 3 else 5.0
    return (x + eps) * scale - k if first < 2 <= second else k


def under_two_names(x, k):  # type: ignore[no-untyped-def]
    """An old value read after its name was given away, and a last call with the names crossed."""
    old, both = x, (x, k)
    x, k = k, x + 1
    x = x * old + both[0] - both[1]
    return crossed(k, x * 2)


def crossed(k, x):  # type: ignore[no-untyped-def]
    x = x - k
    k = k * x
    return x / k


USERS = [
    under_two_names,
    locals_and_helpers,
    names_that_the_kernel_uses,
    masks,
    counts,
    numpy_functions,
    decided,
]
