"""Formulas written in LaTeX, for KaTeX and for LaTeX with amsmath.

Only commands that both know; whatever a user typed is escaped.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from .names import LETTERS, Form
from .pieces import Level, Piece

_ESCAPES = {
    **{c: f"\\{c}" for c in "{}$&#_%"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}

_GREEK = "".join(LETTERS)
_SIMPLE = re.compile(r"[A-Za-z0-9_.]+")
_RUNS = re.compile(rf"[A-Za-z0-9_.]+|[{_GREEK}]|[^A-Za-z0-9_.{_GREEK}]+")
"""A word in runs: plain letters, single Greek ones, anything else."""


def escaped(text: str) -> str:
    """Any text as it may stand inside `\\text{}` or `\\texttt{}`."""
    return "".join(_ESCAPES.get(c, c if c.isprintable() else " ") for c in text)


class Latex:
    """The LaTeX alphabet; see `Alphabet`."""

    signs: ClassVar[dict[str, str]] = {
        "times": r" \cdot ",
        "entrywise": r" \odot ",
        "plus": " + ",
        "minus": " - ",
        "negative": "-",
        "mod": r" \bmod ",
        "<": " < ",
        ">": " > ",
        "<=": r" \le ",
        ">=": r" \ge ",
        "==": " = ",
        "!=": r" \ne ",
        "in": r" \in ",
        "not in": r" \notin ",
        "is": r" \text{ is } ",
        "is not": r" \text{ is not } ",
        "and": r" \land ",
        "or": r" \lor ",
        "not": r"\lnot ",
        "bitand": r" \mathbin{\&} ",
        "bitor": r" \mathbin{|} ",
        "xor": r" \oplus ",
        "left": r" \ll ",
        "right": r" \gg ",
        "invert": r"\mathord{\sim}",
        "becomes": r" \leftarrow ",
        "gathers": r" \mathrel{+}= ",
        "comma": ", ",
        "colon": r"\mathord{:}",
        "dots": r"\ldots",
        "star": r"\mathord{*}",
    }
    big: ClassVar[dict[str, str]] = {"sum": r"\sum", "prod": r"\prod"}
    functions: ClassVar[dict[str, str]] = {
        **{name: f"\\{name}" for name in ("max", "min", "sin", "cos", "tan", "tanh", "sinh")},
        "cosh": r"\cosh",
        "exp": r"\exp",
        "log": r"\ln",
        "log2": r"\log_{2}",
        "log10": r"\log_{10}",
        "sigmoid": r"\sigma",
        "relu": r"\operatorname{ReLU}",
    }
    constants: ClassVar[dict[str, str]] = {
        "inf": r"\infty",
        "pi": r"\pi",
        "nan": r"\mathrm{NaN}",
        "e": r"\mathrm{e}",
        "i": r"\mathrm{i}",
    }

    def name(self, form: Form) -> Piece:
        """A symbol: Z_{1}, \\mathrm{each}_{2}, \\mathrm{d}W_{1}^{(2)}."""
        text = self._letters(form.base)
        if form.below:
            parts = (p if p.isdigit() or len(p) == 1 else rf"\mathrm{{{p}}}" for p in form.below)
            safe = (p if p.isascii() else rf"\text{{{p}}}" for p in parts)
            text += f"_{{{','.join(safe)}}}"
        if not form.gradient:
            return Piece(text)
        if form.above:
            above = form.above if form.above.isdigit() else rf"\text{{{escaped(form.above)}}}"
            return Piece(rf"\mathrm{{d}}{text}^{{({above})}}", Level.POWER)
        return Piece(rf"\mathrm{{d}}{text}", Level.PREFIXED)

    def _letters(self, base: str) -> str:
        if base in LETTERS:
            return f"\\{LETTERS[base]}"
        if len(base) == 1 and base.isascii() and base.isalpha():
            return base
        return "".join(self._run(run) for run in _RUNS.findall(base)) or r"\text{}"

    def _run(self, run: str) -> str:
        if run in LETTERS:
            return f"\\{LETTERS[run]} "
        simple = _SIMPLE.fullmatch(run)
        return rf"\mathrm{{{escaped(run)}}}" if simple else rf"\text{{{escaped(run)}}}"

    def derivative(self, loss: Form, of: Form, above: str) -> Piece:
        """∂L/∂W as a fraction."""
        text = rf"\frac{{\partial {self.name(loss).text}}}{{\partial {self.name(of).text}}}"
        if above:
            text = rf"\left({text}\right)^{{(\text{{{escaped(above)}}})}}"
        return Piece(text, Level.POWER)

    def operator(self, name: str) -> str:
        """The name of a function, upright."""
        if name.isascii():
            return rf"\operatorname{{{escaped(name)}}}"
        return rf"\operatorname{{\text{{{escaped(name)}}}}}"

    def scientific(self, mantissa: str, exponent: int) -> Piece:
        """10^{-8}, 1.5 \\cdot 10^{-8}."""
        tens = f"10^{{{exponent}}}"
        if mantissa == "1":
            return Piece(tens, Level.POWER)
        return Piece(rf"{mantissa} \cdot {tens}", Level.PRODUCT)

    def everywhere(self, number: int) -> str:
        """An array of ones or zeros, in bold."""
        return rf"\mathbf{{{number}}}"

    def string(self, text: str) -> str:
        """A string of the program, in quotes."""
        return rf"\text{{`{escaped(text)}'}}"

    def code(self, source: str) -> str:
        """Program text that has no mathematical form."""
        return rf"\texttt{{{escaped(' '.join(source.split()))}}}"

    def paren(self, inside: str) -> str:
        """Round brackets."""
        return rf"\left({inside}\right)"

    def bracket(self, inside: str) -> str:
        """1 where a statement holds, 0 elsewhere (Iverson's bracket)."""
        return rf"\left[{inside}\right]"

    def call(self, function: str, arguments: Sequence[str]) -> str:
        """A function of its arguments."""
        return function + self.paren(", ".join(arguments))

    def keyword(self, name: str, value: str) -> str:
        """An argument given by name."""
        return rf"\text{{{escaped(name)}}} = {value}"

    def along(self, operator: str, axes: Sequence[str], kept: bool) -> str:
        """A Σ or a function with the axes it runs along."""
        words = [*axes, "kept"] if kept else list(axes)
        below = ", ".join(words).replace("−", "$-$")
        return rf"{operator}_{{\text{{{below}}}}}" if words else operator

    def over(self, numerator: Piece, denominator: Piece) -> Piece | None:
        """A fraction, which needs no brackets."""
        return Piece(rf"\frac{{{numerator.text}}}{{{denominator.text}}}", Level.POWER)

    def fraction(self, numerator: int, denominator: int) -> Piece | None:
        """A fraction of two small numbers, a coefficient."""
        return Piece(rf"\frac{{{numerator}}}{{{denominator}}}", Level.POWER, numeral=True)

    def power(self, base: str, exponent: Piece) -> str:
        """The base with an exponent."""
        return f"{base}^{{{exponent.text}}}"

    def exponential(self, exponent: Piece, free: bool) -> Piece:
        """e^x, if the letter e is free; exp(x) where something else is called e."""
        if free:
            return Piece(rf"\mathrm{{e}}^{{{exponent.text}}}", Level.POWER)
        return Piece(self.call(r"\exp", [exponent.text]))

    def transpose(self, base: str) -> str:
        """X^{\\top}."""
        return rf"{base}^{{\top}}"

    def root(self, inside: Piece) -> Piece:
        """A square root."""
        return Piece(rf"\sqrt{{{inside.text}}}")

    def between(self, kind: str, inside: str) -> str:
        """Absolute value, norm or floor: two bars or hooks."""
        left, right = {
            "abs": ("|", "|"),
            "norm": (r"\|", r"\|"),
            "floor": (r"\lfloor", r"\rfloor"),
        }[kind]
        return rf"\left{left} {inside} \right{right}"

    def cases(self, rows: Sequence[tuple[str, str]]) -> Piece:
        """Values with their conditions, the last one without."""
        *first, (last, _) = rows
        lines = [rf"{value} & \text{{if }} {condition}" for value, condition in first]
        lines.append(rf"{last} & \text{{otherwise}}")
        return Piece(r"\begin{cases} " + r" \\ ".join(lines) + r" \end{cases}", Level.LOOSE)

    def beside(self, left: str, right: str) -> str:
        """Two factors side by side."""
        return rf"{left} \, {right}"

    def index(self, base: str, parts: Sequence[str]) -> str:
        """Entries of an array."""
        return rf"{base}\left[{', '.join(parts)}\right]"

    def matrix(self, rows: Sequence[Sequence[str]]) -> str:
        """Numbers in rows and columns."""
        return r"\begin{bmatrix} " + r" \\ ".join(map(" & ".join, rows)) + r" \end{bmatrix}"

    def lines(self, statements: Sequence[tuple[str, str]]) -> str:
        """Several statements, their signs of equality under each other."""
        rows = [f"{left} &{right}" if left else f"& {right}" for left, right in statements]
        return r"\begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}"
