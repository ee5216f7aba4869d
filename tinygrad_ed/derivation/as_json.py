"""A derivation as JSON, for programs that show it or check it.

    {"schema": "tinygrad_ed derivation 1",
     "title": "Derivation of L", "result": "L", "convention": "row" | "column",
     "gradients": {"W1": "dW1", …},                        leaf -> what its gradient is called
     "inputs": [VALUE, …],
     "steps": [{"number": 1, "phase": "forward" | "backward" | "update", "kind": …, "name": "Z1",
                "title": …, "op": "linear" | null, "source": "D1-F1" | null,
                "code": ["Z1 = X @ W1 + b1"],               the statements that run
                "text": "Z₁ = X W₁ + b₁", "latex": "Z_{1} = …",          the formula to read
                "formulas": [{"role": …, "left": …, "by": …, "code": …, "text": …, "latex": …}, …],
                "inputs": ["X", "W1", "b1"],
                "values": [VALUE, …],                       of every name assigned, the last: `name`
                "entry": null | {"place": [0, 0], "symbols": …, "numbers": …, "latex": …,
                                 "value": 0.3, "meets": {"X": …}}}, …]}

    VALUE = {"name": "Z1", "shape": [4, 2], "dtype": "float64",
             "data": nested lists, or null beyond LIMIT entries,
             "min": …, "max": …, "mean": …}                 null where there is no entry

Numbers that JSON does not know are the texts "NaN", "Infinity", "-Infinity". Kinds of steps:
`steps.Step`; roles of formulas: `steps.Formula`.
"""

import ast
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .math import Symbols, latex, text
from .parts import becomes
from .steps import Array, Formula, Step
from .wording import formula_latex, formula_text

if TYPE_CHECKING:
    from .derivation import Derivation

SCHEMA = "tinygrad_ed derivation 1"
LIMIT = 1000
"""Values with more entries are summarised."""


def as_json(derivation: "Derivation", indent: int | None = None) -> str:
    """The whole derivation as JSON text."""
    symbols = derivation.symbols
    whole = {
        "schema": SCHEMA,
        "title": derivation.title,
        "result": derivation.result,
        "convention": derivation.convention,
        "gradients": derivation.gradients,
        "inputs": [value(name, array) for name, array in derivation.inputs.items()],
        "steps": [_step(step, symbols) for step in derivation.steps()],
    }
    return json.dumps(whole, indent=indent, ensure_ascii=False, allow_nan=False)


def _step(step: Step, symbols: Symbols) -> dict[str, Any]:
    name = ast.Name(step.name, ast.Load())
    entry, (sign, sign_in_latex) = step.entry, becomes(step)
    return {
        "number": step.number,
        "phase": step.phase,
        "kind": step.kind,
        "name": step.name,
        "title": step.title,
        "op": step.op.name if step.op else None,
        "source": (step.op.source or None) if step.op else None,
        "code": [ast.unparse(line) for line in step.lines],
        "text": f"{text(name, symbols)} {sign} {text(step.shown, symbols)}",
        "latex": f"{latex(name, symbols)} {sign_in_latex} {latex(step.shown, symbols)}",
        "formulas": [_formula(formula, symbols) for formula in step.formulas],
        "inputs": list(step.inputs),
        "values": [value(k, array) for k, array in step.values.items()],
        "entry": None
        if entry is None
        else {
            "place": list(entry.place),
            "symbols": entry.symbols,
            "numbers": entry.numbers,
            "latex": entry.latex,
            "value": _number(entry.value),
            "meets": dict(entry.meets),
        },
    }


def _formula(formula: Formula, symbols: Symbols) -> dict[str, Any]:
    code = formula.code
    return {
        "role": formula.role,
        "left": formula.left,
        "by": formula.by,
        "code": code if isinstance(code, str) else ast.unparse(code),
        "text": formula_text(formula, symbols),
        "latex": formula_latex(formula, symbols),
    }


def value(name: str, array: Array) -> dict[str, Any]:
    """A named array: its numbers, or what they are like where there are many."""
    array = np.asarray(array)
    known = array.size and array.dtype.kind in "biuf"
    return {
        "name": name,
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "data": _numbers(array.tolist()) if array.size <= LIMIT else None,
        "min": _number(array.min().item()) if known else None,
        "max": _number(array.max().item()) if known else None,
        "mean": _number(array.mean().item()) if known else None,
    }


def _numbers(data: Any) -> Any:
    return [_numbers(part) for part in data] if isinstance(data, list) else _number(data)


def _number(number: Any) -> Any:
    if isinstance(number, complex):
        return [_number(number.real), _number(number.imag)]
    if isinstance(number, float) and not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return number
