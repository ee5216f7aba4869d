"""What the grader found: points, what is wrong, which known mistake it is; as text and as JSON.

JSON (`tinygrad-ed grade FILE --json`), one object:

    exercise  str             its name
    part      str             "both", "forward", "backward"
    file      str             the work file
    passed    bool            whether every point was reached
    points    int             how many were
    of        int             how many there are
    seed      int             draws the same inputs again with --seed
    checks    list of objects {"part", "name", "passed", "message"}; message is "" if passed
    mutants   list of objects {"name", "story"}: known mistakes that the answer makes
    guess     str or null     the best guess at the mistake
    calls     object          how often each function of the file was called, by part
    over      str             why the program stopped answering; "" if it did not
    printed   str             the end of what the program printed
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One point.

    Attributes:
        part: Which function it is about.
        name: What is checked.
        message: What is wrong; "" if it passed.
    """

    part: str
    name: str
    message: str = ""

    @property
    def passed(self) -> bool:
        """Whether the point was reached."""
        return not self.message


@dataclass(frozen=True)
class Report:
    """The outcome; true if every point was reached."""

    exercise: str
    part: str
    file: str
    seed: int
    checks: tuple[Check, ...]
    mutants: tuple[tuple[str, str], ...]
    guess: str | None
    calls: dict[str, int]
    over: str
    printed: str

    def __bool__(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def points(self) -> int:
        """How many checks passed."""
        return sum(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints; its fields are listed at the top of this file."""
        return {
            "exercise": self.exercise,
            "part": self.part,
            "file": self.file,
            "passed": bool(self),
            "points": self.points,
            "of": len(self.checks),
            "seed": self.seed,
            "checks": [{**asdict(c), "passed": c.passed} for c in self.checks],
            "mutants": [{"name": name, "story": story} for name, story in self.mutants],
            "guess": self.guess,
            "calls": dict(self.calls),
            "over": self.over,
            "printed": self.printed,
        }

    def __str__(self) -> str:
        lines = [f"{self.exercise} ({self.file})", ""]
        width = max((len(c.part) for c in self.checks), default=0)
        told = {self.over}  # each reason once
        for c in self.checks:
            lines.append(f"  {'ok  ' if c.passed else 'FAIL'}  {c.part:<{width}}  {c.name}")
            if not c.passed and c.message not in told:
                lines.append(f"        {'':<{width}}  {c.message}")
                told.add(c.message)
        lines.append("")
        if self.over:
            lines += [f"stopped: {self.over}", ""]
        for name, story in self.mutants:
            lines += [f"known mistake: {name}", *_wrapped(story), ""]
        if self.guess is not None and not self.mutants:
            lines += ["best guess:", *_wrapped(self.guess), ""]
        if self.printed.strip():
            lines += ["your program printed:", *(f"  {p}" for p in self.printed.splitlines()), ""]
        called = ", ".join(f"{part} {n}" for part, n in self.calls.items())
        lines.append(
            f"{self.points} of {len(self.checks)} points; your functions were called: {called} "
            f"times (--seed {self.seed} draws the same inputs again)"
        )
        return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 96, initial_indent="  ", subsequent_indent="  ")
