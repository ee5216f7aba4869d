"""The checks of an optimiser's rule, and of a whole training step."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..check import update_step
from ..check.updates import check_update, experiments, names_of_memory
from .asking import Asking, Point
from .catalogue import Exercise, Part
from .same import difference

STEPS = 10


def points(exercise: Exercise, parts: Sequence[Part], seed: int, asking: Asking) -> list[Point]:
    """Every check of the rule, or of the step."""
    made = _of_rule if exercise.kind == "rule" else _of_step
    return list(made(parts[0], seed, asking))


def _of_rule(part: Part, seed: int, asking: Asking) -> Iterator[Point]:
    every = list(experiments(part.function, seed))
    for one in every:
        check = functools.partial(_update, part, one.arrays, one.numbers, asking)
        yield Point(part.name, f"one step: {one.name}", check)
    small = tuple(a.astype(np.float32) for a in every[1].arrays)
    yield Point(
        part.name,
        "float32 stays float32",
        functools.partial(_update, part, small, every[1].numbers, asking),
    )
    in_a_row = functools.partial(_many, part, every[-1].arrays, every[-1].numbers, asking)
    yield Point(part.name, f"{STEPS} steps in a row", in_a_row)
    yield Point(part.name, "the textbook's step", functools.partial(_textbook, part, asking))


def _names(part: Part) -> list[str]:
    return [f"the new {name}" for name in ("p", *names_of_memory(part.real))]


def _update(part: Part, arrays: Sequence[Any], numbers: dict[str, Any], asking: Asking) -> str:
    right = part.real(*arrays, **numbers)
    reply = asking.direct(part.name, arrays, numbers)
    wrong = difference(reply.value, right, _names(part))
    if not wrong and reply.changed:
        name = ("p", "g", *names_of_memory(part.real))[reply.changed[0]]
        return f"it writes into {name}: a rule returns new arrays and changes none"
    return wrong


def _many(part: Part, arrays: Sequence[Any], numbers: dict[str, Any], asking: Asking) -> str:
    """Each step goes on from the answer's own values."""
    ours, theirs = list(arrays), list(arrays)
    g = arrays[1]
    for t in range(1, STEPS + 1):
        now = {k: (t if k == "t" else t == 1 if k == "first" else v) for k, v in numbers.items()}
        gradient = g * np.cos(0.7 * t)
        right = part.real(ours[0], gradient, *ours[2:], **now)
        got = asking.direct(part.name, [theirs[0], gradient, *theirs[2:]], now).value
        wrong = difference(got, right, _names(part))
        if wrong:
            return f"step {t}: {wrong}"
        ours, theirs = [right[0], g, *right[1:]], [got[0], g, *got[1:]]
    return ""


def _textbook(part: Part, asking: Asking) -> str:
    result = check_update(asking.function(part.name), like=part.function)
    asking.guess(result.guess)
    return "" if result else result.detail or str(result.guess)


# --- a training step ----------------------------------------------------------------------------


def _of_step(part: Part, seed: int, asking: Asking) -> Iterator[Point]:
    whole = update_step.numbers(seed)
    single = (whole[0][:1], whole[1][:1], *whole[2:])
    for name, given, steps in (
        ("one step", whole, 1), ("one sample", single, 1), ("three steps in a row", whole, 3),
    ):  # fmt: skip
        yield Point(part.name, name, functools.partial(_descend, part, given, steps, asking))
    yield Point(
        part.name, "along the slopes of its loss", functools.partial(_textbook, part, asking)
    )


def _descend(part: Part, given: Sequence[Any], steps: int, asking: Asking) -> str:
    X, T, *weights = given
    ours, theirs = list(weights), list(weights)
    for t in range(1, steps + 1):
        right = part.real(X, T, *ours, lr=0.5)
        reply = asking.direct(part.name, [X, T, *theirs], {"lr": 0.5})
        wrong = difference(reply.value, right, [f"the new {n}" for n in update_step.NAMES])
        if wrong:
            return wrong if steps == 1 else f"step {t}: {wrong}"
        if reply.changed:
            return f"it writes into {('X', 'T', *update_step.NAMES)[reply.changed[0]]}"
        ours, theirs = list(right), list(reply.value)
    return ""
