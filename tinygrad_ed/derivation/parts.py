"""What is said of one step, part by part, in Unicode and in LaTeX: for pages and documents."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .expressions import is_by_entry
from .math import Symbols, latex, text
from .math.numbers import number
from .math.tex import Latex
from .steps import Array, Step
from .wording import decimal_text, formula_latex, formula_text, name_latex, name_text, words

_GROUP = re.compile(r"(\\left\b|\\begin\b|\{)|\\right\b|\\end\b|\}")

LABELS = {"local derivative": "local derivative", "index": "index form"}
"""What the formulas beside the main one are called; the textbook's is the main one."""

Where = tuple[int | None, ...]
"""Entries of an array: a number for each axis, None for all along it: (2, None) is row 2."""


@dataclass(frozen=True)
class Part:
    """A formula of a step.

    Attributes:
        label: What it shows: "formula", "local derivative", "index form", "one entry", "line".
        text: In Unicode.
        latex: In LaTeX math.
    """

    label: str
    text: str
    latex: str


def parts_of(step: Step, symbols: Symbols, digits: int = 4) -> Iterator[Part]:
    """The formulas of a step: the one to read, those beside it, one entry with its numbers."""
    sign, sign_in_latex = becomes(step)
    yield Part(
        "formula",
        f"{name_text(step.name, symbols)} {sign} {text(step.shown, symbols)}",
        f"{name_latex(step.name, symbols)} {sign_in_latex} {latex(step.shown, symbols)}",
    )
    for formula in step.formulas:
        if formula.role in LABELS:
            label = LABELS[formula.role]
            yield Part(label, formula_text(formula, symbols), formula_latex(formula, symbols))
    if step.entry is not None:
        yield _entry(step, symbols, digits)


def lines_of(step: Step, symbols: Symbols) -> list[Part]:
    """The statements that run."""
    return [Part("line", text(line, symbols), latex(line, symbols)) for line in step.lines]


def becomes(step: Step) -> tuple[str, str]:
    """The sign between a name and its formula: an arrow where the name had a value before."""
    return ("←", r"\leftarrow") if step.changes_it else ("=", "=")


def _entry(step: Step, symbols: Symbols, digits: int) -> Part:
    """One entry, numbers in place of the symbols; a sum of products in symbols first."""
    entry = step.entry
    assert entry is not None
    if entry.symbols:
        value = decimal_text(entry.value, digits)
        return Part(
            "one entry",
            f"{words(entry.symbols, symbols)}\n   = {entry.numbers}\n   = {value}",
            aligned(entry.latex),
        )
    name, left = name_text(step.name, symbols), name_latex(step.name, symbols)
    places = [str(k) for k in entry.place]
    if places:
        name, left = f"{name}[{', '.join(places)}]", Latex().index(left, places)
    sign, sign_in_latex = becomes(step)
    return Part(
        "one entry",
        f"{name} {sign} {entry.numbers} = {decimal_text(entry.value, digits)}",
        f"{left} {sign_in_latex} {entry.latex} = {latex(number(entry.value, digits), symbols)}",
    )


def aligned(equation: str) -> str:
    """a = b = c with the signs of equality under each other."""
    left, *sides = split_outside(equation, " = ")
    if len(sides) < 2:
        return equation
    rows = [f"{left} &= {sides[0]}", *(f"&= {side}" for side in sides[1:])]
    return r"\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}"


def split_outside(latex: str, sign: str) -> list[str]:
    """LaTeX cut where a sign stands outside all braces, brackets and environments."""
    found, depth, start, k = [], 0, 0, 0
    while k < len(latex):
        group = _GROUP.match(latex, k)
        if group:
            depth += 1 if group[1] else -1
            k = group.end()
        elif depth == 0 and latex.startswith(sign, k):
            found.append(latex[start:k])
            start = k = k + len(sign)
        else:
            k += 2 if latex[k] == "\\" else 1
    return [*found, latex[start:]]


# --- which entries of the operands take part ------------------------------------------------------


def operands(step: Step) -> list[str]:
    """The names of the values that a step reads, in the order in which its formula has them."""
    order = [*_names(step.shown), *(name for line in step.lines for name in _names(line))]
    return [name for name in dict.fromkeys([*order, *step.inputs]) if name in step.inputs]


def _names(code: ast.AST) -> Iterator[str]:
    if isinstance(code, ast.Name):
        yield code.id
    for part in ast.iter_child_nodes(code):
        yield from _names(part)


def where_in(step: Step, operand: str) -> Where | None:
    """Which entries of an operand make the entry that is followed; None if nothing says so."""
    entry, array = step.entry, step.inputs[operand]
    if entry is None:
        return None
    if operand in entry.meets:
        return _slice_in(entry.meets[operand], array)
    if not entry.meets and is_by_entry(step.shown):
        return _broadcast_from(array, entry.place, step.value.shape)
    return None


def _slice_in(words: str, array: Array) -> Where | None:
    """The slice that a text names: "X[:,2] (column 2)" is (None, 2)."""
    found = re.search(r"\[([^\[\]]*)\]", words)
    parts = [part.strip() for part in found[1].split(",")] if found and found[1].strip() else []
    if len(parts) != array.ndim or not all(re.fullmatch(r":|\d+", part) for part in parts):
        return None
    where = tuple(None if part == ":" else int(part) for part in parts)
    if all(k is None for k in where):
        return None  # all of it: nothing to point at
    fits = all(k is None or k < n for k, n in zip(where, array.shape, strict=True))
    return where if fits else None


def _broadcast_from(array: Array, place: tuple[int, ...], shape: tuple[int, ...]) -> Where | None:
    """The entry of an operand that broadcasting brings to a place of the result."""
    try:
        if np.broadcast_shapes(array.shape, shape) != shape:
            return None
    except ValueError:
        return None
    tail = place[len(place) - array.ndim :]
    return tuple(0 if n == 1 else k for k, n in zip(tail, array.shape, strict=True))
