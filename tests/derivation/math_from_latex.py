"""LaTeX formulas in the Unicode form, sign by sign, so that one evaluator reads both."""

import re
from collections.abc import Mapping

SIGNS = {
    **{r"\cdot": "·", r"\odot": "⊙", r"\land": "∧", r"\lor": "∨", r"\lnot ": "¬", r"\le ": "≤ "},
    **{r"\ge ": "≥ ", r"\ne ": "≠ ", r"\infty": "∞", r"\bmod": "mod", r"\left(": "("},
    **{r"\right)": ")", r"\left[": "[", r"\right]": "]", r"\sum": "Σ", r"\prod": "Π", r"\ln": "ln"},
    **{r"\left\lfloor ": "⌊", r" \right\rfloor": "⌋", r"\left| ": "abs(", r" \right|": ")"},
    **{r"\max": "max", r"\min": "min", r"\tanh": "tanh", r"\sin": "sin", r"\cos": "cos"},
    **{
        r"\exp": "exp",
        r" \,": "",
        r"\mathord{:}": ":",
        r"\ldots": "…",
        r"\mathbf{1}": "1",
        "-": "−",
        r"^{\top}": "ᵀ",
        r"\sigma(": "σ(",
    },
}


def from_latex(text: str, names: Mapping[str, str]) -> str:
    """A LaTeX formula in the Unicode form; `names` gives the Unicode form of each symbol."""
    for latex in sorted(names, key=len, reverse=True):
        if "{" in latex or "\\" in latex:
            text = text.replace(latex, names[latex])
    text = re.sub(r"_\{\\text\{((?:[^{}])*)\}\}", lambda m: f"[{m[1].replace('$', '')}]", text)
    text = text.replace(r"\begin{cases} ", "{").replace(r" & \text{otherwise} \end{cases}",
                                                         " otherwise}")  # fmt: skip
    text = text.replace(r" & \text{if } ", " if ").replace(r" \\ ", ", ")
    text = re.sub(r"\\text\{([\w\\]+)\} = ", lambda m: m[1].replace("\\", "") + "=", text)
    text = re.sub(r"\\text\{`([^{}]*)'\}", lambda m: repr(m[1].replace("\\", "")), text)
    for latex, sign in SIGNS.items():
        text = text.replace(latex, sign)
    text = re.sub(r"\\operatorname\{([^{}]*)\}", lambda m: m[1].replace("\\", ""), text)
    text = re.sub(r"(?:(?<=\d)( · ))?(?<!\d)10\^\{(−?\d+)\}", _tens, text)
    while found := re.search(r"\\frac\{|\\sqrt\{|\\mathrm\{e\}\^\{|\^\{", text):
        first, end = _group(text, found.end())
        if found.group() == "\\frac{":
            second, end = _group(text, end + 1)
            whole = f"(({first})/({second}))"
        elif found.group() == "\\sqrt{":
            whole = f"(√({first}))"
        else:
            whole = f"exp({first})" if found.group().startswith("\\") else f"^({first})"
        text = text[: found.start()] + whole + text[end:]
    return text


def _tens(found: re.Match[str]) -> str:
    power = found[2].replace("−", "-").translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{'·' if found[1] else ''}10{power}"


def _group(text: str, start: int) -> tuple[str, int]:
    """What stands from here to the closing brace, and where that ends."""
    depth = 1
    for k in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[k], 0)
        if depth == 0:
            return text[start:k], k + 1
    raise AssertionError(f"{text!r}: braces do not balance")
