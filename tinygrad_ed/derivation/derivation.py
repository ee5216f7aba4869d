"""What `tg.explain` gives: steps, and the ways to look at them."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from .entries import entry_of
from .math import Symbols
from .math.numbers import DIGITS
from .steps import Array, Step


class Derivation:
    """A derivation with numbers: `print` shows it, iterating goes through its steps.

    Attributes:
        title: What is derived.
        inputs: What is given, by name: data and parameters, a seed, indices.
        result: What the derivation starts from on its way back, usually the loss.
        gradients: What the gradient of each leaf is called.
        symbols: What each name is.
        convention: "row" (a sample is a row: Z = X W + b) or "column" (Z = W X + b).
        scope: Every name that the lines know, with the value that it had in the end.
    """

    def __init__(
        self,
        *,
        title: str,
        steps: list[Step],
        inputs: Mapping[str, Array],
        result: str,
        gradients: Mapping[str, str],
        symbols: Symbols,
        convention: str,
        scope: Mapping[str, Any],
    ) -> None:
        self.title, self._steps, self.inputs = title, steps, dict(inputs)
        self.result, self.gradients = result, dict(gradients)
        self.symbols, self.convention, self.scope = symbols, convention, dict(scope)

    def steps(self) -> Iterator[Step]:
        """The steps, in the order in which they are computed."""
        return iter(self._steps)

    __iter__ = steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, name: str) -> Step:
        """The step that computes this name, the last one if there are several: `["dW1"]`.

        Raises:
            KeyError: No step computes it; those that there are are named.
        """
        for step in reversed(self._steps):  # where paths meet, the first holds a part
            if step.name == name:
                return step
        names = ", ".join(step.name for step in self._steps)
        raise KeyError(f"no step computes {name!r}; there are {names}")

    def with_digits(self, digits: int) -> "Derivation":
        """The same with entries written to so many significant digits.

        Raises:
            ValueError: Not at least one digit.
        """
        if not isinstance(digits, int) or digits < 1:
            raise ValueError(f"a number has at least 1 significant digit, got digits={digits!r}")
        if digits == DIGITS:
            return self
        made = copy(self)
        made._steps = [self._entry_with(digits, step) for step in self._steps]
        return made

    def _entry_with(self, digits: int, step: Step) -> Step:
        if step.entry is None:
            return step
        found = entry_of(step, step.entry.place, self.scope, self.symbols, digits)
        return replace(step, entry=found)

    def text(self, digits: int = 4) -> str:
        """The derivation as plain text, in Unicode, numbers to so many significant digits."""
        from .as_text import as_text

        return as_text(self.with_digits(digits), digits)

    def show(self, digits: int = 4) -> None:
        """Prints the derivation, in colours on a terminal."""
        from .show import show

        show(self, digits)

    def chain(self, leaf: str) -> str:
        """The chain rule from the loss to one leaf: each path as a product of derivatives, and the
        whole gradient in one formula.

        Raises:
            KeyError: No gradient of that name is derived.
        """
        from .chain import chain_as_text

        return chain_as_text(self, leaf)

    def html(self, digits: int = 4) -> str:
        """The derivation as one self-contained page: nothing is fetched, and it can be printed."""
        from .as_html import as_html

        return as_html(self.with_digits(digits), digits)

    def stepper(self, digits: int = 4) -> str:
        """The same steps as a page that shows one at a time: ← and → go through them, Home and End,
        Space plays, f and b lead to the forward and the backward pass, a number to a step.
        """
        from .as_html import as_stepper

        return as_stepper(self.with_digits(digits), digits)

    def latex(self, digits: int = 4) -> str:
        """The derivation as a complete LaTeX document."""
        from .as_latex import as_latex

        return as_latex(self.with_digits(digits), digits)

    def json(self, indent: int | None = None) -> str:
        """The derivation as JSON; `derivation.as_json` describes the schema."""
        from .as_json import as_json

        return as_json(self, indent)

    def save(self, path: str | PathLike[str], *, stepper: bool = False) -> Path:
        """Writes the derivation to a file, and returns where it is.

        Args:
            path: Its suffix says what is written: .html, .tex, .json or .txt.
            stepper: Of .html: the page that shows one step at a time.

        Raises:
            ValueError: Another suffix, or a stepper that is to be no page.
        """
        path = Path(path)
        kinds = {
            ".html": self.stepper if stepper else self.html,
            ".tex": self.latex,
            ".json": self.json,
            ".txt": self.text,
        }
        kind = path.suffix.lower()
        if kind not in kinds:
            raise ValueError(
                f"a derivation is saved as {', '.join(kinds)}, and {path.name!r} ends in "
                f"{kind or 'nothing'!r}: save it as {path.stem + '.html'!r} for a page, or as "
                f"{path.stem + '.tex'!r} for a LaTeX document, from which pdflatex makes a PDF"
            )
        if stepper and kind != ".html":
            raise ValueError(
                f"a stepper is a page: save it as {path.stem + '.html'!r}, or leave stepper=True "
                f"out for {path.name!r}"
            )
        path.write_text(kinds[kind](), encoding="utf-8", errors="replace", newline="\n")
        return path

    def _repr_html_(self) -> str:
        from .as_html import as_notebook

        return as_notebook(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<derivation of {self.result} in {len(self)} steps: print() shows it>"
