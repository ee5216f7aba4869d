"""A whole training step against derivatives of its loss that no backward pass has computed."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .evidence import STEP_KINDS, Array, Guess, close
from .updates import UpdateResult

NAMES = ("W1", "b1", "W2", "b2")
LR = 0.5
TINY = 1e-6


def numbers(seed: int = 0) -> tuple[Array, ...]:
    """X, T, W1, b1, W2, b2 of a small network; all sizes differ."""
    rng = np.random.default_rng(seed)
    shapes = (5, 3), (5, 2), (3, 4), (4,), (4, 2), (2,)
    X, T, *weights = (rng.normal(size=shape) for shape in shapes)
    return (X, (T > 0).astype(float), *weights)


def _logistic(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _loss_of_hidden(A1: Array, T: Array, W2: Array, b2: Array) -> Any:
    """Binary cross-entropy, summed over outputs and averaged over samples [D4-L2]."""
    Y = _logistic(A1 @ W2 + b2)
    return -np.sum(T * np.log(Y) + (1 - T) * np.log(1 - Y)) / len(T)


def _slopes(loss: Callable[[Array], Any], at: Array) -> Array:
    """dL/d(at), entry by entry, by complex steps."""
    found = np.empty(at.shape)
    for place in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[place] += 1e-30j
        found[place] = np.imag(loss(moved)) / 1e-30
    return found


def gradients(given: tuple[Array, ...]) -> tuple[list[Array], Array]:
    """dL/d(each parameter), and dL/dA1 with A1 taken as free."""
    X, T, *weights = given

    def loss(k: int, moved: Array) -> Any:
        W1, b1, W2, b2 = (moved if place == k else w for place, w in enumerate(weights))
        return _loss_of_hidden(_logistic(X @ W1 + b1), T, W2, b2)

    right = [_slopes(functools.partial(loss, k), weights[k]) for k in range(4)]
    W1, b1, W2, b2 = weights
    hidden = _slopes(lambda A1: _loss_of_hidden(A1, T, W2, b2), _logistic(X @ W1 + b1))
    return right, hidden


def check_step(step: Callable[..., Any]) -> UpdateResult:
    """Compares a step `(X, T, W1, b1, W2, b2, lr=) -> (W1, b1, W2, b2)` with descent by slopes."""
    given = numbers()
    right, hidden = gradients(given)
    taken = _directions(step, given, LR)
    if isinstance(taken, Exception):
        text = f"{STEP_KINDS['raises']}: {type(taken).__name__}: {taken}"
        return UpdateResult("training_step", 4, NAMES, Guess("raises", text))
    wrong = [k for k in range(4) if not close(taken[k], right[k])]
    if not wrong:
        return UpdateResult("training_step", 4)
    small = _directions(step, given, TINY)
    kinds = list(_kinds(given, wrong, taken, small, right, hidden))
    kind = kinds[0] if kinds else "other-step"
    first = wrong[0]
    worst = np.unravel_index(np.argmax(np.abs(taken[first] - right[first])), right[first].shape)
    place = [int(i) for i in worst]
    detail = (
        f"{NAMES[first]}{place} moves against {taken[first][worst]:.10g}, "
        f"dL/d{NAMES[first]} is {right[first][worst]:.10g}"
    )
    names = tuple(NAMES[k] for k in wrong)
    return UpdateResult("training_step", 4, names, Guess(kind, STEP_KINDS[kind]), detail)


def _directions(step: Callable[..., Any], given: tuple[Array, ...], lr: float) -> Any:
    """By what each parameter was moved, per unit of -lr; or what the step raised."""
    try:
        with np.errstate(all="ignore"):
            found = step(*(a.copy() for a in given), lr=lr)
        moved = [np.asarray(new, dtype=float) for new in found]
        if [m.shape for m in moved] != [w.shape for w in given[2:]]:
            return ValueError(f"the new parameters have the shapes {[m.shape for m in moved]}")
        return [(old - new) / lr for old, new in zip(given[2:], moved, strict=True)]
    except Exception as error:
        return error


def _kinds(
    given: tuple[Array, ...],
    wrong: list[int],
    taken: list[Array],
    small: Any,
    right: list[Array],
    hidden: Array,
) -> Iterator[str]:
    """The mistakes that the directions fit."""
    if any(close(taken[k], -right[k]) for k in wrong):
        yield "ascent"
    if any(close(taken[k], LR * right[k]) for k in wrong):
        yield "lr-twice"
    if any(close(taken[k], right[k] / LR) for k in wrong):
        yield "lr-missing"
    if any(close(taken[k], len(given[0]) * right[k]) for k in wrong):
        yield "not-averaged"
    if any(k in (1, 3) and close(taken[k], np.sum(right[k - 1], axis=0)) for k in wrong):
        yield "bias-by-weight-gradient"
    if 1 in wrong and close(taken[1], np.sum(hidden, axis=0)):
        yield "slope-missing"
    if not isinstance(small, Exception) and all(
        np.allclose(small[k], right[k], rtol=1e-3, atol=1e-4) for k in wrong
    ):
        yield "updated-weight"
