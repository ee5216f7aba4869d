"""Names and formulas of a derivation as they are written in text and in LaTeX."""

import ast
import re

from .index_forms.entry import index_latex
from .math import Symbols, latex, text
from .math.numbers import number
from .steps import Formula


def name_text(name: str, symbols: Symbols) -> str:
    """A name in Unicode: dW₁."""
    return text(ast.Name(name, ast.Load()), symbols)


def name_latex(name: str, symbols: Symbols) -> str:
    """A name in LaTeX."""
    return latex(ast.Name(name, ast.Load()), symbols)


def words(sentence: str, symbols: Symbols) -> str:
    """A sentence or an index formula with the names in it written as in formulas."""

    def written(match: re.Match[str]) -> str:
        name = match.group()
        return name_text(name, symbols) if name in symbols.shapes else name

    return re.sub(r"[^\W\d]\w*", written, sentence)


def formula_text(formula: Formula, symbols: Symbols) -> str:
    """A formula with its left side, in Unicode."""
    if isinstance(formula.code, str):
        plain = re.sub(r"\*\*(\d)(?![\d.])", lambda m: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(m[1])], formula.code)
        return words(plain, symbols).replace(" * ", " · ").replace(" - ", " − ")
    left = name_text(formula.left, symbols)
    if formula.by:
        left = f"∂{left}/∂{name_text(formula.by, symbols)}"
    return f"{left} = {text(formula.code, symbols)}"


def formula_latex(formula: Formula, symbols: Symbols) -> str:
    """A formula with its left side, in LaTeX."""
    if isinstance(formula.code, str):
        written: str = index_latex(formula.code)
        return written
    left = name_latex(formula.left, symbols)
    if formula.by:
        left = rf"\frac{{\partial {left}}}{{\partial {name_latex(formula.by, symbols)}}}"
    return f"{left} = {latex(formula.code, symbols)}"


def decimal_text(value: float, digits: int) -> str:
    """A number to so many significant digits, as formulas write it."""
    return text(number(value, digits), Symbols())
