"""One grading: what was asked, what came back, and which known mistakes give the same."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..check import zoo
from .answer import Answer, AnswerError, NoAnswer, Reply
from .catalogue import Part
from .report import Check
from .same import agree


@dataclass(frozen=True)
class Point:
    """A check that is still to be made.

    Attributes:
        part: Which function it is about.
        name: What is checked.
        run: Gives "" or what is wrong.
    """

    part: str
    name: str
    run: Callable[[], str]

    def made(self) -> Check:
        """The check, made."""
        try:
            return Check(self.part, self.name, self.run())
        except (AnswerError, NoAnswer) as error:
            return Check(self.part, self.name, str(error))
        except Exception as error:  # an answer of a form that nobody foresaw
            return Check(self.part, self.name, f"not an answer: {type(error).__name__}: {error}")


@dataclass
class Asked:
    """A direct call of one function and what it gave: a value, or an error."""

    part: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outcome: Any


class Asking:
    """Asks the learner's process and remembers what it said.

    Attributes:
        direct_calls: Every direct call so far.
        best_guess: The first guess at the mistake.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.direct_calls: list[Asked] = []
        self.best_guess: str | None = None

    def direct(self, part: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Reply:
        """A call of the function itself."""
        asked = Asked(part, tuple(args), dict(kwargs), None)
        try:
            reply = self.answer.ask(part, args, kwargs)
        except AnswerError as error:
            asked.outcome = error
            self.direct_calls.append(asked)
            raise
        asked.outcome = reply.value
        self.direct_calls.append(asked)
        return reply

    def engine(self, how: str, part: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Reply:
        """A call through the engine."""
        return self.answer.ask(part, args, kwargs, how)

    def guess(self, guess: str | None) -> None:
        """Keeps the first guess at the mistake."""
        if self.best_guess is None:
            self.best_guess = guess

    def function(self, part: str) -> Callable[..., Any]:
        """The learner's function as one that can be called here."""

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.direct(part, args, kwargs).value

        return call

    def known_mistakes(self, parts: Sequence[Part]) -> list[zoo.Mutant]:
        """The mutants that give what the answer gives, wherever they differ from the original."""
        targets = {part.target: part for part in parts}
        every = [one for one in zoo.mutants.values() if one.target in targets]
        return [one for one in every if self._is(one, targets[one.target])]

    def _is(self, one: zoo.Mutant, part: Part) -> bool:
        telling = 0
        for asked in self.direct_calls:
            if asked.part != part.name:
                continue
            wrong, right = (_outcome(f, asked) for f in (one.function, part.real))
            if agree(wrong, right):
                continue
            if not agree(asked.outcome, wrong):
                return False
            telling += not isinstance(wrong, Exception)
        return telling > 0


def _outcome(function: Callable[..., Any], asked: Asked) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*asked.args, **asked.kwargs)
    except Exception as error:
        return error
