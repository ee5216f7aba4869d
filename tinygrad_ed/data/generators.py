"""Points in the plane drawn from a formula: problems small enough to see whole.

Each problem is one that a straight line cannot solve. Row i has class i mod K, so the classes are
balanced in every prefix; the same seed gives the same points. ``noise`` is the standard deviation
of a Gaussian shift added to both coordinates after the class is fixed.
"""

import math

import numpy as np

from tinygrad_ed.data._checks import whole_number
from tinygrad_ed.data.dataset import Array, Dataset

FEATURES = ("x1", "x2")


def xor(n: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """The truth table of exclusive or, n rows around its four corners.

    y = 1 where the two bits differ; x = bits + noise. No line separates the classes
    (Minsky, Papert 1969); one hidden layer does. ``xor(4, noise=0)`` is the table itself.

    Args:
        n: rows, at least 2.
        noise: standard deviation of the Gaussian shift.
        seed: fixes the points.

    Shapes:
        X (n, 2), y (n,).

    Raises:
        TypeError, ValueError: an argument out of range, named.
    """
    rng = _start(n, noise, seed, n_classes=2)
    y = np.arange(n) % 2
    first = np.arange(n) // 2 % 2
    second = first ^ y
    X = np.stack([first, second], axis=1).astype(np.float64)
    return _dataset("xor", X, y, noise, rng, ("same", "different"))


def moons(n: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two interlocking half circles.

    With t uniform in [0, π]: class "upper" at (cos t, sin t), class "lower" at
    (1 − cos t, ½ − sin t).

    Args:
        n: rows, at least 2.
        noise: standard deviation of the Gaussian shift.
        seed: fixes the points.

    Shapes:
        X (n, 2), y (n,).

    Raises:
        TypeError, ValueError: an argument out of range, named.
    """
    rng = _start(n, noise, seed, n_classes=2)
    y = np.arange(n) % 2
    t = rng.uniform(0.0, math.pi, n)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    lower = np.stack([1.0 - np.cos(t), 0.5 - np.sin(t)], axis=1)
    X = np.where(y[:, None] == 0, upper, lower)
    return _dataset("moons", X, y, noise, rng, ("upper", "lower"))


def circles(n: int = 200, *, noise: float = 0.05, factor: float = 0.5, seed: int = 0) -> Dataset:
    """One circle inside another, about the same centre.

    r (cos t, sin t) with t uniform in [0, 2π]; r = 1 for class "outer", r = factor for "inner".
    The feature x1² + x2² alone would separate them: that is what a hidden layer has to find.

    Args:
        n: rows, at least 2.
        noise: standard deviation of the Gaussian shift.
        factor: radius of the inner circle, between 0 and 1.
        seed: fixes the points.

    Shapes:
        X (n, 2), y (n,).

    Raises:
        TypeError, ValueError: an argument out of range, named.
    """
    rng = _start(n, noise, seed, n_classes=2)
    if not 0.0 < factor < 1.0:
        raise ValueError(f"factor={factor!r}: the inner radius lies between 0 and 1, the outer one")
    y = np.arange(n) % 2
    t = rng.uniform(0.0, 2.0 * math.pi, n)
    radius = np.where(y == 0, 1.0, factor)
    X = _polar(radius, t)
    return _dataset("circles", X, y, noise, rng, ("outer", "inner"))


def spirals(
    n: int = 300, *, n_classes: int = 2, noise: float = 0.02, turns: float = 1.5, seed: int = 0
) -> Dataset:
    """Interlocking spiral arms, one a class.

    With u uniform in [0, 1]: r = u, angle = 2π (turns · u + k / K) for class k of K. Along a ray
    from the centre, neighbouring arms are 1 / (turns · K) apart: noise near half of that mixes
    them.

    Args:
        n: rows, at least one for each arm.
        n_classes: arms K, at least 2.
        noise: standard deviation of the Gaussian shift.
        turns: revolutions from the centre to the rim, more than 0.
        seed: fixes the points.

    Shapes:
        X (n, 2), y (n,) with codes 0 to n_classes - 1.

    Raises:
        TypeError, ValueError: an argument out of range, named.
    """
    whole_number("n_classes", n_classes, minimum=2)
    rng = _start(n, noise, seed, n_classes=n_classes)
    if not (0.0 < turns < math.inf):
        raise ValueError(f"turns={turns!r}: give a finite number above 0")
    y = np.arange(n) % n_classes
    u = rng.uniform(0.0, 1.0, n)
    X = _polar(u, 2.0 * math.pi * (turns * u + y / n_classes))
    return _dataset("spirals", X, y, noise, rng, tuple(f"arm {k}" for k in range(n_classes)))


def _start(n: int, noise: float, seed: int, *, n_classes: int) -> np.random.Generator:
    whole_number("n", n, minimum=n_classes)
    if not 0.0 <= noise < math.inf:
        raise ValueError(f"noise={noise!r}: a standard deviation is a finite number >= 0")
    return np.random.default_rng(whole_number("seed", seed, minimum=0))


def _polar(radius: Array, angle: Array) -> Array:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _dataset(
    name: str, X: Array, y: Array, noise: float, rng: np.random.Generator, classes: tuple[str, ...]
) -> Dataset:
    shifted = X + noise * rng.standard_normal(X.shape)
    return Dataset(shifted, y, FEATURES, classes, name)
