"""Grades a work file: runs it in a process of its own, checks what it answers, counts points."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from ..check import zoo
from . import checks_op, checks_step
from .answer import Answer
from .asking import Asking
from .catalogue import Part, exercise
from .cut import MARK
from .report import Check, Report

TIMEOUT = 60.0  # seconds, for the whole file


def grade(file: str | Path, *, timeout: float = TIMEOUT, seed: int | None = None) -> Report:
    """Runs a work file and checks its functions.

    One point for each check: right values and gradients on inputs drawn anew (ordinary, broadcast,
    empty, extreme, in float32), against differences, against the textbook, through the engine; and
    one for making none of the mistakes in the bug zoo.

    Args:
        file: A file that `tinygrad-ed exercise` has cut.
        timeout: Seconds for all of it.
        seed: Draws the inputs of an earlier report again; by default they are new every time.

    Raises:
        ValueError: It is no work file, or the time limit is none.
        OSError: It cannot be read.
    """
    if not timeout > 0:
        raise ValueError(f"the time limit must be above 0 seconds, got {timeout:g}")
    path = Path(file).resolve()
    found = MARK.search(path.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise ValueError(
            f"{file} is no work file: the line '# tinygrad-ed exercise: NAME (PART)' is missing. "
            f"Cut one with tinygrad-ed exercise NAME, or put that line back"
        )
    one = exercise(found[1])
    parts = one.chosen(found[2])
    seed = secrets.randbelow(2**32) if seed is None else seed
    with Answer(path, one, parts, timeout) as answer:
        asking = Asking(answer)
        makers = checks_op if one.kind == "op" else checks_step
        checks = [point.made() for point in makers.points(one, parts, seed, asking)]
        mutants = asking.known_mistakes(parts)
        checks += _none_of_the_known(parts, asking, mutants)
        over = answer.over
    return Report(
        exercise=one.name,
        part=found[2],
        file=str(file),
        seed=seed,
        checks=tuple(checks),
        mutants=tuple((m.name, m.story) for m in mutants),
        guess=None if asking.best_guess is None else str(asking.best_guess),
        calls=dict(answer.calls),
        over=over,
        printed=answer.printed,
    )


def _none_of_the_known(
    parts: Sequence[Part], asking: Asking, made: list[zoo.Mutant]
) -> list[Check]:
    """One point for each function that has known mistakes and makes none of them."""
    checks = []
    for part in parts:
        known = [m for m in zoo.mutants.values() if m.target == part.target]
        if not known:
            continue
        mine = [m.name for m in made if m.target == part.target]
        answers = [a for a in asking.direct_calls if a.part == part.name]
        message = f"it is the mistake {' or '.join(mine)}" if mine else ""
        if asking.answer.over or all(isinstance(a.outcome, Exception) for a in answers):
            message = message or "there was no answer to compare with the known mistakes"
        checks.append(Check(part.name, f"none of {len(known)} known mistakes", message))
    return checks
