"""Formulas written in Unicode, for a terminal: `dW₁ = A₀ᵀ dZ₁`, `A₁ = σ(Z₁)`, `½ z ⊙ (1 + t)`."""

import re
from collections.abc import Sequence
from typing import ClassVar

from .names import Form
from .pieces import Level, Piece

_RAISED = str.maketrans("0123456789-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁽⁾")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_FRACTIONS = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾", (1, 8): "⅛"}


class Text:
    """The alphabet of a terminal; see `Alphabet`."""

    signs: ClassVar[dict[str, str]] = {
        "times": " · ",
        "entrywise": " ⊙ ",
        "plus": " + ",
        "minus": " − ",
        "negative": "−",
        "mod": " mod ",
        "<": " < ",
        ">": " > ",
        "<=": " ≤ ",
        ">=": " ≥ ",
        "==": " = ",
        "!=": " ≠ ",
        "in": " ∈ ",
        "not in": " ∉ ",
        "is": " is ",
        "is not": " is not ",
        "and": " ∧ ",
        "or": " ∨ ",
        "not": "¬",
        "bitand": " & ",
        "bitor": " | ",
        "xor": " ⊕ ",
        "left": " ≪ ",
        "right": " ≫ ",
        "invert": "~",
        "becomes": " ← ",
        "gathers": " += ",
        "comma": ", ",
        "colon": ":",
        "dots": "…",
        "star": "*",
    }
    big: ClassVar[dict[str, str]] = {"sum": "Σ", "prod": "Π"}
    functions: ClassVar[dict[str, str]] = {"log": "ln", "sigmoid": "σ", "relu": "ReLU"}
    constants: ClassVar[dict[str, str]] = {"inf": "∞", "pi": "π", "nan": "NaN", "e": "e", "i": "i"}

    def name(self, form: Form) -> Piece:
        """A symbol: Z₁, dW₁⁽²⁾; names with no such form stay as they are in the program."""
        base = {"Σ": "Sigma", "Π": "Pi"}.get(form.base, form.base)  # these are signs here
        if not form.below:
            text = base
        elif len(form.below) == 1 and form.below[0].isascii() and form.below[0].isdigit():
            text = base + form.below[0].translate(_LOWERED)
        else:
            text = form.plain[1:] if form.gradient else form.plain
        if not form.gradient:
            return Piece(text)
        if form.above.isdigit():
            return Piece(f"d{text}{f'({form.above})'.translate(_RAISED)}", Level.POWER)
        above = f"_{form.above.replace(' ', '_')}" if form.above else ""
        return Piece(f"d{text}{above}", Level.PREFIXED)

    def derivative(self, loss: Form, of: Form, above: str) -> Piece:
        """∂L/∂W."""
        text = f"∂{self.name(loss).text}/∂{self.name(of).text}"
        if above:
            raised = f"({above})".translate(_RAISED) if above.isdigit() else f"_{above}"
            return Piece(f"({text}){raised}", Level.POWER)
        return Piece(text, Level.PRODUCT)

    def operator(self, name: str) -> str:
        """The name of a function."""
        return name

    def scientific(self, mantissa: str, exponent: int) -> Piece:
        """10⁻⁸, 1.5·10⁻⁸."""
        tens = f"10{str(exponent).translate(_RAISED)}"
        if mantissa == "1":
            return Piece(tens, Level.POWER)
        return Piece(f"{mantissa}·{tens}", Level.PRODUCT)

    def everywhere(self, number: int) -> str:
        """An array of ones or zeros: a terminal has no bold digit for sure."""
        return str(number)

    def string(self, text: str) -> str:
        """A string of the program, in quotes."""
        return repr(text)

    def code(self, source: str) -> str:
        """Program text that has no mathematical form."""
        return f"`{' '.join(source.split())}`"

    def paren(self, inside: str) -> str:
        """Round brackets."""
        return f"({inside})"

    def bracket(self, inside: str) -> str:
        """1 where a statement holds, 0 elsewhere (Iverson's bracket)."""
        return f"[{inside}]"

    def call(self, function: str, arguments: Sequence[str]) -> str:
        """A function of its arguments."""
        return f"{function}({', '.join(arguments)})"

    def keyword(self, name: str, value: str) -> str:
        """An argument given by name."""
        return f"{name}={value}"

    def along(self, operator: str, axes: Sequence[str], kept: bool) -> str:
        """A Σ or a function with the axes it runs along."""
        words = [*axes, "kept"] if kept else list(axes)
        return f"{operator}[{', '.join(words)}]" if words else operator

    def over(self, numerator: Piece, denominator: Piece) -> Piece | None:
        """No tall fraction: the walk writes a stroke, with the brackets that it needs."""
        return None

    def fraction(self, numerator: int, denominator: int) -> Piece | None:
        """½, where there is such a sign."""
        sign = _FRACTIONS.get((numerator, denominator))
        return Piece(sign, Level.POWER, numeral=True) if sign else None

    def power(self, base: str, exponent: Piece) -> str:
        """x², x⁻¹; x^n and x^(n + 1) where the exponent cannot be raised."""
        plain = exponent.text.replace("−", "-")
        if re.fullmatch(r"-?\d+", plain):
            return base + plain.translate(_RAISED)
        loose = exponent.level < Level.ATOM
        return f"{base}^{self.paren(exponent.text) if loose else exponent.text}"

    def exponential(self, exponent: Piece, free: bool) -> Piece:
        """exp(x)."""
        return Piece(self.call("exp", [exponent.text]))

    def transpose(self, base: str) -> str:
        """Xᵀ."""
        return f"{base}ᵀ"

    def root(self, inside: Piece) -> Piece:
        """√x, √(x + 1)."""
        text = inside.text if inside.level >= Level.PREFIXED else self.paren(inside.text)
        return Piece(f"√{text}", Level.POWER)

    def between(self, kind: str, inside: str) -> str:
        """Absolute value, norm or floor; bars inside bars would be hard to tell apart."""
        if kind == "floor":
            return f"⌊{inside}⌋"
        if "|" in inside or "‖" in inside:
            return self.call(kind, [inside])
        return f"|{inside}|" if kind == "abs" else f"‖{inside}‖"

    def cases(self, rows: Sequence[tuple[str, str]]) -> Piece:
        """{a if c, b otherwise}."""
        *first, (last, _) = rows
        parts = [f"{value} if {condition}" for value, condition in first]
        return Piece(f"{{{', '.join([*parts, f'{last} otherwise'])}}}")

    def beside(self, left: str, right: str) -> str:
        """Two factors side by side."""
        return f"{left} {right}"

    def index(self, base: str, parts: Sequence[str]) -> str:
        """Entries of an array."""
        return f"{base}[{', '.join(parts)}]"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Numbers in rows and columns: [1 2; 3 4]."""
        return f"[{'; '.join(map(' '.join, rows))}]"

    def lines(self, statements: Sequence[tuple[str, str]]) -> str:
        """One statement a line."""
        return "\n".join(f"{left}{right}" for left, right in statements)
