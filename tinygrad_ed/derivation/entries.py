"""One entry of a result with the numbers that make it."""

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..ops.index.parse import parse
from ..ops.index.tree import Entry as Indexed
from ..ops.index.tree import Softmax, walk
from .expressions import is_by_entry, with_powers
from .index_forms.entry import entry
from .math import Symbols, latex, substitute, text
from .steps import Array, Entry, Step


def entry_of(
    step: Step, place: tuple[int, ...], scope: Mapping[str, Any], symbols: Symbols, digits: int = 4
) -> Entry | None:
    """The entry at a place of what the step computes; None if no formula says it shortly.

    Args:
        step: Its index formula is taken, else the formula shown, if that goes entry by entry.
        place: Which entry.
        scope: The values of all names.
        symbols: What the names are.
        digits: Significant digits of the numbers.
    """
    if step.value.size == 0 or len(place) != step.value.ndim:
        return None
    scope = {**scope, **step.inputs}  # a name may have got a new value since
    index = next((f.code for f in step.formulas if f.role == "index"), None)
    if isinstance(index, str):
        found = _of_index(index, place, scope, digits)
        return replace(found, value=float(step.value[place]))
    code = step.shown
    if isinstance(code, ast.Name | ast.Constant) or not is_by_entry(code):
        return None
    numbers = {
        node.id: _at(scope[node.id], place, step.value.shape)
        for node in ast.walk(code)
        if isinstance(node, ast.Name) and node.id in scope and node.id != "np"
    }
    substituted = substitute(with_powers(code), numbers, digits)
    return Entry(
        place=place,
        symbols="",
        numbers=text(substituted, symbols),
        value=float(step.value[place]),
        latex=latex(substituted, symbols),
    )


def _of_index(formula: str, place: tuple[int, ...], scope: Mapping[str, Any], digits: int) -> Entry:
    parsed = parse(formula)
    arrays = {}
    for node in (*parsed.left, *walk(parsed.right)):
        if isinstance(node, Indexed | Softmax) and node.name in scope:
            array, axes = np.asarray(scope[node.name]), len(node.indices)
            if array.shape[axes:] == (1,) * (array.ndim - axes):  # a column has one index
                arrays[node.name] = array.reshape(array.shape[:axes])
    found = entry(formula, arrays, place[: len(parsed.indices)])
    return Entry(
        place=place,
        symbols=found.symbols(),
        numbers=found.numbers(digits),
        value=float(found.value),
        meets=found.meets,
        latex=found.latex(),
    )


def _at(array: Array, place: tuple[int, ...], shape: tuple[int, ...]) -> float:
    """The entry that broadcasting brings to a place of the result."""
    return np.broadcast_to(array, shape)[place].item()  # type: ignore[no-any-return]
