"""The bug zoo: canonical wrong backward passes and wrong steps, each with its story.

    from tinygrad_ed.check import gradcheck, zoo

    print(zoo.mutants["sigmoid-plus"].story)
    with zoo.mutants["sigmoid-plus"].in_place():
        gradcheck(tg.sigmoid, z)                # raises, and says what is wrong

A mutant is an edit of the library's own source (`edit`), never a second copy. Each says what
the first guess of `gradcheck` (of a backward pass) or of `check_update` (of a step) must be. Our
tests kill every one, and the grader of the exercises knows them by name.

    slopes    elementwise ops
    layers    products, broadcasting, reductions, softmax
    losses    cross-entropy, binary cross-entropy, squares
    shapes    rearrangements, dropout
    steps     optimisers, a step by hand, and how gradients are collected
"""

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...ops.registry import registry
from .edit import edited, in_place_of

CHAPTERS = ("slopes", "layers", "losses", "shapes", "steps")

MODULES = {
    "rules": "tinygrad_ed.optim.rules",
    "by_hand": "tinygrad_ed.check.by_hand",
    "base": "tinygrad_ed.backends.base",
    "gradients": "tinygrad_ed.gradients",
    "optimizer": "tinygrad_ed.optim.optimizer",
}
"""Where the targets that are no ops live, by the first word of their name."""


def target_function(target: str) -> Callable[..., Any]:
    """The real function that a target names.

    `sigmoid.vjp` and `sigmoid.forward` are an op's two functions; `rules.adam`,
    `by_hand.training_step`, `base.Backend.add` are functions of a module.

    Raises:
        LookupError: There is none.
    """
    first, *rest = target.split(".")
    if first in registry and rest in (["vjp"], ["forward"]):
        op = registry[first]
        found = op.backward if rest == ["vjp"] else op.forward
        assert found is not None
        return found
    if first not in MODULES or not rest:
        raise LookupError(f"there is no function {target!r} for a mutant to be made from")
    inside: Any = importlib.import_module(MODULES[first])
    for name in rest:
        inside = getattr(inside, name, None)
    if not inspect.isfunction(inside):
        raise LookupError(f"there is no function {target!r} for a mutant to be made from")
    return inside


@dataclass(frozen=True)
class Mutant:
    """A mistake that people make, as an edit of the right code.

    Attributes:
        name: Its stable name, such as `sigmoid-plus`.
        target: The function that it is a wrong version of, see `target_function`.
        edits: (passage, replacement) of its source, each passage found exactly once.
        story: Who writes it, why it looks right, what it does to training.
        guess: The kind of the right first guess (`evidence.KINDS`, for a step `STEP_KINDS`); None
            where the mistake cannot show in a gradient or in one update.
        shown_by: Which call of `calls` shows it.
    """

    name: str
    target: str
    edits: tuple[tuple[str, str], ...]
    story: str
    guess: str | None = None
    shown_by: str = "ordinary"

    @property
    def kind(self) -> str:
        """What it is a mistake in: "backward", "forward", "step" or "tape"."""
        if self.target.split(".")[0] in ("base", "gradients", "optimizer"):
            return "tape"
        last = self.target.rpartition(".")[2]
        return {"vjp": "backward", "forward": "forward"}.get(last, "step")

    @property
    def subject(self) -> str:
        """The op, rule or step that it belongs to: `sigmoid`, `adam`, `training_step`."""
        first, _, rest = self.target.partition(".")
        return first if first in registry else rest

    @property
    def function(self) -> Callable[..., Any]:
        """The wrong function.

        Raises:
            LookupError: The original has changed and the edit no longer fits.
        """
        return _wrong(self.target, self.edits, self.name)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The library itself makes the mistake inside the `with` block, on device "numpy"."""
        with in_place_of(target_function(self.target), self.function):
            yield


@functools.cache
def _wrong(target: str, edits: tuple[tuple[str, str], ...], name: str) -> Callable[..., Any]:
    return edited(target_function(target), edits, name)


def mutant(
    name: str,
    target: str,
    passage: str,
    replacement: str,
    guess: str | None,
    story: str,
    shown_by: str = "ordinary",
    *more: tuple[str, str],
) -> Mutant:
    """A mutant with one edit, or more; the story's line breaks are those of the file."""
    edits = ((passage, replacement), *more)
    return Mutant(name, target, edits, " ".join(story.split()), guess, shown_by)


@functools.cache
def _all() -> dict[str, Mutant]:
    found: dict[str, Mutant] = {}
    for chapter in CHAPTERS:
        for one in importlib.import_module(f".{chapter}", __package__).MUTANTS:
            if one.name in found:
                raise ValueError(f"two mutants are called {one.name!r}")
            found[one.name] = one
    return found


def of(subject: str) -> list[Mutant]:
    """The mutants of one op, rule or step, in the zoo's order."""
    return [one for one in _all().values() if one.subject == subject]


def __getattr__(name: str) -> Any:
    """`mutants`: all of them by name; the chapters import this module, so they are read late."""
    if name == "mutants":
        return _all()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
