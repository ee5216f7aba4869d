"""`check_update`: is this step the one that the paper writes down?

An update has no derivative to compare with, so it is compared with the textbook: the formulas of
the papers, written here as they are printed (with m̂ and v̂, nothing folded), on a few steps that
tell the parts of a rule apart. Where the two differ, each known mistake is put into the textbook
in turn; the one that gives the same numbers on every step is the guess.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .evidence import STEP_KINDS, Array, Guess

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Experiment:
    """One call of a rule.

    Attributes:
        name: What it brings out.
        arrays: p, g and the memory.
        numbers: Hyper-parameters, and the number of the step.
    """

    name: str
    arrays: tuple[Array, ...]
    numbers: dict[str, Any]


@dataclass(frozen=True)
class UpdateResult:
    """The outcome; true if every step is the textbook's.

    Attributes:
        like: Which textbook rule it was compared with.
        tried: How many steps were compared.
        wrong: Names of the steps that differ.
        guess: The best guess at the mistake, with its kind; None if there is none.
        detail: The first difference in numbers.
    """

    like: str
    tried: int
    wrong: tuple[str, ...] = ()
    guess: Guess | None = None
    detail: str = ""

    def __bool__(self) -> bool:
        return not self.wrong

    def __str__(self) -> str:
        if self:
            return (
                f"check_update passed: {self.tried} steps are those of the textbook's {self.like}"
            )
        lines = [
            f"check_update failed: {len(self.wrong)} of {self.tried} steps differ from the "
            f"textbook's {self.like} ({', '.join(self.wrong)})",
            f"  best guess: {self.guess}",
            f"  {self.detail}",
        ]
        return "\n".join(lines)


def check_update(rule: Rule, like: str | None = None) -> UpdateResult:
    """Compares an update rule with the textbook's, and names the mistake.

    Args:
        rule: `(p, g, *memory, **numbers) -> (p, *memory)`, as in `optim.rules`; or a whole
            training step as in `check.by_hand`.
        like: Which rule it is meant to be: "sgd", "adagrad", "rmsprop", "adam", "adamw" or
            "training_step"; by default the one whose name it has.

    Raises:
        ValueError: No textbook rule has that name.

    Source: the papers cited in `optim.rules`; [D3-E1] for the training step.
    """
    from . import update_books, update_step

    name = rule.__name__ if like is None else like
    if name == "training_step":
        return update_step.check_step(rule)
    if name not in update_books.BOOKS:
        known = ", ".join([*update_books.BOOKS, "training_step"])
        raise ValueError(f"check_update: no textbook rule is called {name!r}; like= one of {known}")
    book, mistakes = update_books.BOOKS[name]
    tried = list(experiments(name))
    found = [_outcome(rule, one) for one in tried]
    wrong = [
        (one, got)
        for one, got in zip(tried, found, strict=True)
        if not _same(got, book(one.arrays, one.numbers, ""))
    ]
    if not wrong:
        return UpdateResult(name, len(tried))
    raised = [got for _, got in wrong if isinstance(got, Exception)]
    kind = "raises" if raised else "other-step"
    for mistake in mistakes if not raised else ():
        pairs = zip(tried, found, strict=True)
        if all(_same(got, book(one.arrays, one.numbers, mistake)) for one, got in pairs):
            kind = mistake
            break
    text = STEP_KINDS[kind] + (f": {type(raised[0]).__name__}: {raised[0]}" if raised else "")
    first, got = wrong[0]
    detail = "" if isinstance(got, Exception) else _difference(first, got, book)
    names = tuple(one.name for one, _ in wrong)
    return UpdateResult(name, len(tried), names, Guess(kind, text), detail)


def experiments(name: str, seed: int = 0) -> Iterator[Experiment]:
    """Steps that tell the parts of a textbook rule apart, drawn anew for each seed."""
    from .update_books import SETTINGS

    rng = np.random.default_rng(seed)
    for label, memory, numbers in SETTINGS[name]:
        p = rng.uniform(0.5, 2.0, 6) * rng.choice([-1.0, 1.0], 6)
        g = rng.uniform(0.1, 2.0, 6) * rng.choice([-1.0, 1.0], 6)
        slots = [
            np.zeros(6) if start == "zero" else np.abs(rng.uniform(0.5, 2.0, 6)) for start in memory
        ]
        yield Experiment(label, (p, g, *slots), numbers)


def _outcome(rule: Rule, one: Experiment) -> Any:
    """What the rule returns, as arrays, or what it raises."""
    arrays = tuple(a.copy() for a in one.arrays)
    try:
        with np.errstate(all="ignore"):
            found = rule(*arrays, **one.numbers)
        values = found if isinstance(found, tuple | list) else (found,)
        return tuple(None if v is None else np.asarray(v, dtype=float) for v in values)
    except Exception as error:
        return error


def _same(got: Any, expected: tuple[Array | None, ...]) -> bool:
    """Equal up to rounding; a memory slot that the textbook leaves unused may be anything."""
    if isinstance(got, Exception) or len(got) != len(expected):
        return False
    for a, b in zip(got, expected, strict=True):
        if b is not None and (
            a is None or a.shape != b.shape or not np.allclose(a, b, rtol=1e-9, atol=1e-12)
        ):
            return False
    return True


def _difference(one: Experiment, got: Any, book: Rule) -> str:
    expected = book(one.arrays, one.numbers, "")
    if len(got) != len(expected):
        return f"{one.name}: {len(got)} results, expected {len(expected)}"
    for k, (a, b) in enumerate(zip(got, expected, strict=True)):
        if b is None or (a is not None and a.shape == b.shape and np.allclose(a, b, rtol=1e-9)):
            continue
        what = "the new p" if k == 0 else f"memory {k}"
        if a is None or a.shape != b.shape:
            return f"{one.name}: {what} is {a!r}, expected an array of shape {b.shape}"
        worst = int(np.argmax(np.abs(a - b)))
        return f"{one.name}: {what}[{worst}] is {a[worst]:.10g}, the textbook's is {b[worst]:.10g}"
    return ""


def names_of_memory(rule: Rule) -> list[str]:
    """What a rule calls its memory: its positional arguments after p and g."""
    parameters = inspect.signature(rule).parameters.values()
    return [q.name for q in parameters if q.kind is not q.KEYWORD_ONLY][2:]
