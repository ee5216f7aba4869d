"""What weights start from: plain functions of a shape and a random generator.

Each is named for what it reproduces. A weight matrix is `W` (in, out), so with Z = X W a unit sums
over `fan_in = W.shape[0]` inputs, and a gradient comes back over `fan_out = W.shape[1]` outputs.

    zeros, normal                            what the documents name: and why zeros fail [M-2]
    glorot_uniform, glorot_normal            variance 2 / (fan_in + fan_out)
    he_uniform, he_normal                    variance 2 / fan_in
    keras, torch                             a whole layer (W, b), as those libraries start one

Equal seeds give equal weights: everything is drawn in float64 from the generator that is passed.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError

Array: TypeAlias = NDArray[np.float64]
Generator: TypeAlias = np.random.Generator


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of a unit: (fan_in, fan_out) = W.shape.

    Raises:
        ShapeError: Not the shape of a matrix.
    """
    if len(shape) != 2:
        raise ShapeError(f"fan-in and fan-out belong to a matrix (in, out), got the shape {shape}")
    return shape


def _uniform(shape: tuple[int, ...], rng: Generator, bound: float) -> Array:
    return rng.uniform(-bound, bound, shape)


def zeros(shape: tuple[int, ...], rng: Generator | None = None) -> Array:
    """All zero: right for a bias; for weights all units of a layer stay equal for ever.

    Source: [M-2]: equal units get equal gradients.
    """
    return np.zeros(shape)


def normal(shape: tuple[int, ...], rng: Generator, std: float = 0.01) -> Array:
    """w ~ N(0, std²).

    Source: the documents' Gaussian initialisation [M-2].
    """
    return rng.normal(0.0, std, shape)


def glorot_uniform(shape: tuple[int, ...], rng: Generator) -> Array:
    """w ~ U(-r, r) with r = √(6 / (fan_in + fan_out)), variance 2 / (fan_in + fan_out).

    Source: Glorot, Bengio 2010: a compromise that keeps the variance of signals and of gradients.
    """
    return _uniform(shape, rng, np.sqrt(6.0 / sum(fans(shape))))


def glorot_normal(shape: tuple[int, ...], rng: Generator) -> Array:
    """w ~ N(0, 2 / (fan_in + fan_out)).

    Source: Glorot, Bengio 2010.
    """
    return rng.normal(0.0, np.sqrt(2.0 / sum(fans(shape))), shape)


def he_uniform(shape: tuple[int, ...], rng: Generator) -> Array:
    """w ~ U(-r, r) with r = √(6 / fan_in), variance 2 / fan_in.

    Source: He, Zhang, Ren, Sun 2015: relu halves the variance, the factor 2 gives it back.
    """
    return _uniform(shape, rng, np.sqrt(6.0 / fans(shape)[0]))


def he_normal(shape: tuple[int, ...], rng: Generator) -> Array:
    """w ~ N(0, 2 / fan_in).

    Source: He, Zhang, Ren, Sun 2015.
    """
    return rng.normal(0.0, np.sqrt(2.0 / fans(shape)[0]), shape)


def keras(shape: tuple[int, ...], rng: Generator) -> tuple[Array, Array]:
    """A layer as Keras starts a Dense one: W Glorot uniform, b zero.

    Shapes: (D, H) -> W (D, H), b (H,).
    """
    return glorot_uniform(shape, rng), zeros(shape[1:])


def torch(shape: tuple[int, ...], rng: Generator) -> tuple[Array, Array]:
    """A layer as PyTorch starts a Linear one: W and b ~ U(-r, r) with r = 1 / √fan_in.

    PyTorch spells W as He's uniform rule with a slope a = √5: √(6 / ((1 + a²) fan_in)) is this r.

    Shapes: (D, H) -> W (D, H), b (H,).
    """
    r = 1.0 / np.sqrt(fans(shape)[0])
    return _uniform(shape, rng, r), _uniform(shape[1:], rng, r)


Initialiser: TypeAlias = str | Callable[[tuple[int, ...], Generator], Any]
"""A name, or a function like those above that returns W, or (W, b)."""

BY_NAME: dict[str, Callable[[tuple[int, ...], Generator], Any]] = {
    "keras": keras,
    "torch": torch,
    "zeros": zeros,
    "normal": normal,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
}
"""What `Linear(…, init="…")` understands."""


def layer(start: Initialiser, shape: tuple[int, ...], rng: Generator) -> tuple[Array, Array]:
    """W and b of a layer by an initialiser; one that gives W alone leaves b zero.

    Shapes: (D, H) -> W (D, H), b (H,).

    Raises:
        ValueError: An unknown name.
        ShapeError: An own function returned another shape.
    """
    if isinstance(start, str):
        if start not in BY_NAME:
            raise ValueError(
                f"unknown initialiser {start!r}; one of {', '.join(BY_NAME)}, or a function of "
                f"(shape, rng)"
            )
        start = BY_NAME[start]
    drawn = start(shape, rng)
    W, b = drawn if isinstance(drawn, tuple) else (drawn, zeros(shape[1:]))
    W, b = np.asarray(W), np.asarray(b)
    if W.shape != shape or b.shape != shape[1:]:
        raise ShapeError(
            f"the initialiser {getattr(start, '__name__', start)!r} gave W {W.shape} and b "
            f"{b.shape}; this layer needs W {shape}, in then out, and b {shape[1:]}"
        )
    return W, b
