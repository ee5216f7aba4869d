"""A derivation as text for a terminal."""

from typing import TYPE_CHECKING

import numpy as np

from .math import Symbols, text
from .parts import becomes
from .steps import Array, Step
from .wording import decimal_text, formula_text, name_text, words

if TYPE_CHECKING:
    from .derivation import Derivation

MARGIN = " " * 5
HEADINGS = {"forward": "Forward", "backward": "Backward", "update": "Update"}


def as_text(derivation: "Derivation", digits: int = 4) -> str:
    """The whole derivation: what is given, then step after step."""
    lines = [derivation.title, "=" * len(derivation.title), "", "Given"]
    for name, array in derivation.inputs.items():
        lines += _value(name_text(name, derivation.symbols), array, digits)
    phase = ""
    for step in derivation.steps():
        if step.phase != phase:
            phase = step.phase
            lines += ["", HEADINGS[phase], "-" * len(HEADINGS[phase])]
        lines += ["", *step_as_text(step, derivation.symbols, digits)]
    return "\n".join(lines) + "\n"


def step_as_text(step: Step, symbols: Symbols, digits: int = 4) -> list[str]:
    """The lines of one step."""
    source = f" [{step.op.source}]" if step.op and step.op.source and step.kind == "result" else ""
    name = name_text(step.name, symbols)
    lines = [f"{step.number:3}. {words(step.title, symbols)}{source}"]
    sign, _ = becomes(step)
    lines.append(f"{MARGIN}{name} {sign} {text(step.shown, symbols)}")
    if step.runs_otherwise:
        lines.append(f"{MARGIN}which runs as")
        for line in step.lines:
            lines += [f"{MARGIN}    {part}" for part in text(line, symbols).splitlines()]
    for formula in step.formulas:
        if formula.role != "textbook":
            lines.append(MARGIN + formula_text(formula, symbols))
    entry = step.entry
    if entry is not None:
        place = str(list(entry.place)) if entry.place else ""
        value = decimal_text(entry.value, digits)
        numbers = value if entry.numbers == value else f"{entry.numbers} = {value}"
        told = f"{MARGIN}{name}{place} = {numbers}"
        lines += [] if told in lines else [told]  # dL = 1 is said by the formula already
        for operand, part in entry.meets.items():
            lines.append(f"{MARGIN}    {words(f'{operand}: {part}', symbols)}")
    if step.value.ndim or entry is None:
        lines += _value(name, step.value, digits)
    return lines


def _value(name: str, array: Array, digits: int) -> list[str]:
    """A value with its shape; large ones are summarised by their corners."""
    if array.ndim == 0:
        return [f"{MARGIN}{name} = {decimal_text(array.item(), digits)}"]
    small = bool(array.size) and bool(np.abs(array).max() < 10.0**-digits)
    shown = np.array2string(
        array,
        precision=digits,
        threshold=30,
        edgeitems=2,
        suppress_small=not small,
        max_line_width=90,
    ).splitlines()
    first = f"{MARGIN}{name} ({' × '.join(map(str, array.shape))}) = "
    return [first + shown[0], *(" " * len(first) + line for line in shown[1:])]
