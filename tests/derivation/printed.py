"""Reading the numbers of a printed derivation back: what is printed must be what was computed."""

import re

import numpy as np

from tinygrad_ed.ops.index.formula import FUNCTION_VALUES

NUMBER = r"[−-]?\d+(?:\.\d+)?(?:e[-+]\d+)?(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_PLAIN = str.maketrans("₀₁₂₃₄₅₆₇₈₉−", "0123456789-")


def number(text: str) -> float:
    """A printed number: −0.5, 2.3·10⁻⁸."""
    mantissa, _, power = text.partition("·10")
    value = float(mantissa.translate(_PLAIN))
    return value * 10.0 ** int(power.translate(_RAISED)) if power else value


def arrays(text: str) -> list[tuple[str, np.ndarray]]:
    """Every array that is printed with its shape, and every single number, with its name."""
    found = []
    for match in re.finditer(r"^ +(\S+) \(([\d × ]*)\) = (\[.*\](?:\n +\[.*\])*)$", text, re.M):
        name, sizes, entries = match.groups()
        shape = tuple(int(n) for n in sizes.split("×") if n.strip())
        values = [float(n) for n in re.findall(r"[-+]?\d+\.?\d*(?:e[-+]\d+)?", entries)]
        found.append((name.translate(_PLAIN), np.array(values).reshape(shape)))
    return found


def entries(text: str) -> list[tuple[str, tuple[int, ...], str, float]]:
    """Every line `name[place] = numbers = value`."""
    found = []
    for match in re.finditer(rf"^ +(\S+?)(\[[\d, ]*\])? = (.+) = ({NUMBER})$", text, re.M):
        name, place, numbers, value = match.groups()
        where = tuple(int(k) for k in re.findall(r"\d+", place or ""))
        found.append((name.translate(_PLAIN), where, numbers, number(value)))
    return found


def evaluated(numbers: str) -> float:
    """What the numbers of an index formula's entry come to: `0.5·(−2) + (3 more: 10⁻⁸)`."""

    def power(match: re.Match[str]) -> str:
        return f"({match[1] or 1}e{match[2].translate(_RAISED)})"

    text = re.sub(r"(?:([\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", power, numbers)
    text = re.sub(r"\(\d+ more: ", "(", text)
    for sign, python in (("−", "-"), ("·", "*"), ("²", "**2"), ("³", "**3"), ("^", "**")):
        text = text.replace(sign, python)
    text = re.sub(r"(?<![\w.])(\d+\.?\d*(?:e-?\d+)?)", r"np.float64(\1)", text)
    names = {**FUNCTION_VALUES, "np": np, "max": lambda *a: max(a), "min": lambda *a: min(a)}
    with np.errstate(all="ignore"):
        return float(eval(text, {**names, "∞": np.inf, "NaN": np.nan}))
