"""How index formulas look: as plain Unicode text, and as LaTeX."""

import math
import re
from collections.abc import Callable, Sequence

from ..math.numbers import decimal

GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
}
SUPERSCRIPTS = {"2": "²", "3": "³"}
WHOLE = 10**6
"""Whole numbers below this are written out."""
COMPARISONS = {"==": "=", "!=": r"\ne", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">"}


class Plain:
    """`X[0,2]·dZ[0,0] + exp(z[0,1])`."""

    times = "·"
    minus = "−"

    def entry(self, name: str, indices: Sequence[str]) -> str:
        """An entry of an operand."""
        return f"{name}[{','.join(indices)}]" if indices else name

    def number(self, value: float, digits: int | None) -> str:
        """A number: −0.5, 2.5·10⁻⁸; to all its digits if None."""
        return _TEXT_SIGN[value < 0] + _unsigned(value, digits, "NaN", "∞", _text_power)

    def group(self, inside: str) -> str:
        """In round brackets."""
        return f"({inside})"

    def bracket(self, inside: str) -> str:
        """An Iverson bracket."""
        return f"[{inside}]"

    def comparison(self, sign: str) -> str:
        """A comparison sign."""
        return {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}.get(sign, sign)

    def quotient(self, above: str, below: str, whole: bool) -> str:
        """A quotient; `whole`: what is above needs no brackets."""
        return f"{above if whole else self.group(above)}/{below}"

    def power(self, base: str, exponent: str) -> str:
        """A power."""
        return base + (SUPERSCRIPTS.get(exponent) or f"^{_grouped(exponent)}")

    def call(self, function: str, argument: str) -> str:
        """A function."""
        return f"{function}({argument})"

    def softmax(self, row: str, at: str) -> str:
        """An entry of a row's softmax."""
        return f"softmax({row})[{at}]"

    def reduction(self, kind: str, indices: Sequence[str], body: str) -> str:
        """A sum that is not written out."""
        return " ".join(f"{kind}_{i}" for i in indices) + f" {body}"

    def more(self, count: int, total: str) -> str:
        """What was left out."""
        return f"({count} more{f': {total}' if total else ''})"

    def listed(self, kind: str, parts: Sequence[str]) -> str:
        """The largest or smallest of several."""
        return f"{kind}({', '.join(parts)})"


class Latex:
    """`X_{0,2}\\,\\mathrm{d}Z_{0,0} + e^{z_{0,1}}`."""

    times = r"\,"
    minus = "-"

    def entry(self, name: str, indices: Sequence[str]) -> str:
        """An entry of an operand."""
        several = re.fullmatch(r"(.*)\[(\d+)\]", name)
        if several:
            name = f"{several[1]}{several[2]}"
        own, sub = latex_name(name)
        if not indices:
            return own + (f"_{{{sub}}}" if sub else "")
        separator = " " if all(len(i) == 1 and i.isalpha() for i in indices) else ","
        if sub:
            own = f"{own}^{{({sub})}}"
        return f"{own}_{{{separator.join(indices)}}}"

    def number(self, value: float, digits: int | None) -> str:
        """A number; to all its digits if None."""
        sign = "-" if value < 0 else ""
        return sign + _unsigned(value, digits, r"\mathrm{NaN}", r"\infty", _latex_power)

    def group(self, inside: str) -> str:
        """In round brackets."""
        return rf"\left({inside}\right)"

    def bracket(self, inside: str) -> str:
        """An Iverson bracket."""
        return rf"\left[{inside}\right]"

    def comparison(self, sign: str) -> str:
        """A comparison sign."""
        return COMPARISONS[sign]

    def quotient(self, above: str, below: str, whole: bool) -> str:
        """A quotient."""
        above, below = (
            part[len(r"\left(") : -len(r"\right)")] if _one_pair(part) else part
            for part in (above, below)
        )
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        """A power."""
        return f"{{{base}}}^{{{exponent}}}"

    def call(self, function: str, argument: str) -> str:
        """A function."""
        match function:
            case "exp":
                return f"e^{{{argument}}}"
            case "sqrt":
                return rf"\sqrt{{{argument}}}"
            case "abs":
                return rf"\left\lvert {argument} \right\rvert"
            case "log" | "tanh" | "sin" | "cos":
                return rf"\{function}{self.group(argument)}"
            case "sigmoid":
                return rf"\sigma{self.group(argument)}"
        return rf"\operatorname{{{function}}}{self.group(argument)}"

    def softmax(self, row: str, at: str) -> str:
        """An entry of a row's softmax."""
        return rf"\operatorname{{softmax}}\left({row}\right)_{{{at}}}"

    def reduction(self, kind: str, indices: Sequence[str], body: str) -> str:
        """A sum that is not written out."""
        sign = {"Σ": r"\sum", "Π": r"\prod", "max": r"\max", "min": r"\min"}[kind]
        return rf"{sign}_{{{','.join(indices)}}} {body}"

    def more(self, count: int, total: str) -> str:
        """What was left out."""
        inside = rf"{count}\ \text{{more}}{f': {total}' if total else ''}"
        return self.group(inside)

    def listed(self, kind: str, parts: Sequence[str]) -> str:
        """The largest or smallest of several."""
        return rf"\{kind}\left\{{{', '.join(parts)}\right\}}"


_TEXT_SIGN = ("", "−")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _unsigned(
    value: float, digits: int | None, nan: str, infinity: str, scientific: Callable[[str, int], str]
) -> str:
    """A number without its sign, as the formulas beside it write numbers."""
    if not math.isfinite(value):
        return nan if math.isnan(value) else infinity
    whole = float(value).is_integer() and abs(value) < WHOLE
    mantissa, power = decimal(int(value) if whole else float(value), digits)
    return mantissa if power is None else scientific(mantissa, power)


def _text_power(mantissa: str, power: int) -> str:
    tens = f"10{str(power).translate(_RAISED)}"
    return tens if mantissa == "1" else f"{mantissa}·{tens}"


def _latex_power(mantissa: str, power: int) -> str:
    tens = f"10^{{{power}}}"
    return tens if mantissa == "1" else rf"{mantissa} \cdot {tens}"


def is_power(text: str) -> bool:
    """Whether a written number has a power of ten, which binds like a product."""
    return "10⁻" in text or "10^{" in text or any(f"10{k}" in text for k in "⁰¹²³⁴⁵⁶⁷⁸⁹")


def latex_name(name: str) -> tuple[str, str]:
    """A name and its number: dW1 as (\\mathrm{d}W, 1), labels as (\\mathrm{labels}, "")."""
    stem, number = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
    rest = stem[1:]
    gradient = stem.startswith("d") and bool(rest)
    if gradient and (len(rest) == 1 or rest[0].isupper() or rest.startswith("log") or rest == "xs"):
        return rf"\mathrm{{d}}{latex_name(rest)[0]}", number
    if len(stem) == 1:
        return stem, number
    if stem in GREEK:
        return "\\" + stem, number
    if not stem:
        return name, ""
    return rf"\mathrm{{{stem}}}".replace("_", r"\_"), number


def _grouped(exponent: str) -> str:
    return exponent if exponent.isalnum() else f"({exponent})"


def _one_pair(text: str) -> bool:
    """Whether one pair of \\left( \\right) encloses everything."""
    depth = 0
    if not text.startswith(r"\left("):
        return False
    for found in re.finditer(r"\\left|\\right", text):
        depth += 1 if found[0] == r"\left" else -1
        if depth == 0:
            return found.end() == len(text) - 1
    return False
