"""What there is to write: every op of the rule book, every optimiser's rule, a step by hand."""

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..check import zoo
from ..ops.registry import registry

RULES = ("sgd", "adagrad", "rmsprop", "adam", "adamw")


@dataclass(frozen=True)
class Part:
    """One function to write.

    Attributes:
        name: "forward" or "backward" of an op; "rule" or "step".
        target: The real function, as `zoo.target_function` takes it.
        function: What it is called in the work file.
    """

    name: str
    target: str
    function: str

    @property
    def real(self) -> Callable[..., Any]:
        """The library's own function."""
        return zoo.target_function(self.target)


@dataclass(frozen=True)
class Exercise:
    """An op, a rule or a step, with the functions that are to be written.

    Attributes:
        name: As the command takes it.
        kind: "op", "rule" or "step".
        parts: Its functions.
        source: Catalogue id or paper.
    """

    name: str
    kind: str
    parts: tuple[Part, ...]
    source: str = ""

    def chosen(self, part: str) -> tuple[Part, ...]:
        """The parts that "forward", "backward" or "both" means.

        Raises:
            ValueError: It has no such part.
        """
        if part == "both":
            return self.parts
        found = tuple(p for p in self.parts if p.name == part)
        if not found:
            raise ValueError(
                f"exercise {self.name} is one function, without forward and backward: leave out "
                f"--part"
            )
        return found

    @property
    def summary(self) -> str:
        """The first line of the real function's docstring."""
        return (self.parts[0].real.__doc__ or "").strip().split("\n")[0]


@functools.cache
def exercises() -> dict[str, Exercise]:
    """All exercises by name, in the order of the rule book."""
    found = {}
    for name, op in registry.items():
        parts = (
            Part("forward", f"{name}.forward", name),
            Part("backward", f"{name}.vjp", f"{name}_vjp"),
        )
        found[name] = Exercise(name, "op", parts, op.source)
    for name in RULES:
        found[name] = Exercise(name, "rule", (Part("rule", f"rules.{name}", name),))
    step = Part("step", "by_hand.training_step", "training_step")
    found["training_step"] = Exercise("training_step", "step", (step,), "D3-E1")
    return found


def exercise(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: There is none; the nearest names are given.
    """
    every = exercises()
    if name not in every:
        near = difflib.get_close_matches(name, every, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(
            f"there is no exercise {name!r}; {hint}tinygrad-ed exercise --list shows all "
            f"{len(every)}"
        )
    return every[name]
