"""How index formulas look: as plain Unicode text, and as LaTeX."""

import math
import re
from collections.abc import Sequence

GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
}
SUPERSCRIPTS = {"2": "²", "3": "³"}
COMPARISONS = {"==": "=", "!=": r"\ne", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">"}


def decimal(value: float, digits: int) -> str:
    """A number to so many significant digits; whole numbers that fit are written out."""
    if float(value).is_integer() and abs(value) < 10 ** max(digits, 6):
        return str(int(value))
    return f"{value:.{digits}g}"


class Plain:
    """`X[0,2]·dZ[0,0] + exp(z[0,1])`."""

    times = "·"
    dots = "…"
    minus = "−"

    def entry(self, name: str, indices: Sequence[str]) -> str:
        """An entry of an operand."""
        return f"{name}[{','.join(indices)}]" if indices else name

    def number(self, value: float, digits: int) -> str:
        """A number."""
        return decimal(value, digits).replace("-", "−")

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
    dots = r"\dots"
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

    def number(self, value: float, digits: int) -> str:
        """A number; powers of ten as such."""
        if math.isinf(value):
            return r"\infty" if value > 0 else r"-\infty"
        if math.isnan(value):
            return r"\mathrm{NaN}"
        mantissa, mark, exponent = decimal(value, digits).partition("e")
        return mantissa + (rf"\cdot 10^{{{int(exponent)}}}" if mark else "")

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
