"""Reads formulas back: an evaluator for the Unicode form, written from its rules alone.

It shares nothing with the renderer, and takes what a reader of mathematics takes: side by side
binds tighter than a sign, a minus in front takes in the product behind it, Σ takes in the product
behind it. LaTeX is first rewritten into the Unicode form (`math_from_latex`).
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

NUMBER = re.compile(r"(?:(\d+\.?\d*)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)|\d+\.?\d*")
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
VULGAR = {"½": 1 / 2, "⅓": 1 / 3, "⅔": 2 / 3, "¼": 1 / 4, "¾": 3 / 4, "⅛": 1 / 8}
FUNCTIONS: dict[str, Any] = {
    **{"ln": np.log, "ReLU": lambda x: np.maximum(x, 0), "σ": lambda x: 1 / (1 + np.exp(-x))},
    **{
        "slice": slice,
        "broadcast": np.broadcast_to,
        "norm": np.linalg.norm,
        "size": np.size,
        "shape": np.shape,
    },
}
COMPARED = {"=": np.equal, "≠": np.not_equal, "<": np.less, ">": np.greater}
COMPARED |= {"≤": np.less_equal, "≥": np.greater_equal}


def read(text: str, names: Mapping[str, Any]) -> Any:
    """The value of a formula; `names` gives the values of symbols as they are written."""
    reader = Reader(text, names)
    value = reader.logic()
    reader.skip()
    assert reader.at == len(text), f"{text!r}: cannot read on at {text[reader.at :]!r}"
    return value


class Reader:
    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.text, self.names, self.at, self.bars = text, names, 0, 0
        written = sorted(names, key=len, reverse=True)
        self.known = re.compile("|".join(map(re.escape, written)) or r"(?!)")

    def skip(self) -> bool:
        """Passes over blanks; says whether there were any."""
        start = self.at
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1
        return self.at > start

    def take(self, *signs: str) -> str:
        """The sign that comes next, passed over, if it is one of these."""
        start = self.at
        self.skip()
        for sign in signs:
            if self.text.startswith(sign, self.at):
                self.at += len(sign)
                return sign
        self.at = start
        return ""

    def need(self, sign: str) -> None:
        assert self.take(sign), f"{self.text!r}: expected {sign!r} at {self.text[self.at :]!r}"

    # --- statements ----------------------------------------------------------------------------

    def logic(self) -> Any:
        value = self.both()
        while self.take("∨"):
            value = value | self.both()
        return value

    def both(self) -> Any:
        value = self.negation()
        while self.take("∧"):
            value = value & self.negation()
        return value

    def negation(self) -> Any:
        if self.take("¬"):
            return ~np.asarray(self.power())
        value = self.sum()
        while sign := self.take(*COMPARED):
            right = self.sum()
            value = COMPARED[sign](value, right)
        return value

    # --- arithmetic ----------------------------------------------------------------------------

    def sum(self) -> Any:
        value = self.signed()
        while sign := self.take("+", "−"):
            right = self.product()
            value = value + right if sign == "+" else value - right
        return value

    def signed(self) -> Any:
        return -self.product() if self.take("−") else self.product()

    def product(self) -> Any:
        value = self.beside()
        while True:
            if self.comes("Σ", "Π"):  # 1/m Σ x
                value = value * self.beside()
            elif self.take("mod "):
                value = value % self.beside()
            elif sign := self.take("·", "⊙", "/"):
                right = self.beside()
                value = value / right if sign == "/" else value * right
            else:
                return value

    def comes(self, *signs: str) -> bool:
        start = self.at
        found = bool(self.take(*signs))
        self.at = start
        return found

    def beside(self) -> Any:
        """Factors side by side: a matrix product, or one with a number."""
        if sign := self.take("Σ", "Π"):
            axis, keepdims = self.along()
            function = np.sum if sign == "Σ" else np.prod
            return function(self.product(), axis=axis, keepdims=keepdims)
        value = self.power()
        while self.factor_follows():
            right = self.power()
            plain = np.ndim(value) == 0 or np.ndim(right) == 0
            value = value * right if plain else value @ right
        return value

    def factor_follows(self) -> bool:
        rest = self.text[self.at :]
        if not rest.startswith(" ") or rest[1:].startswith(("if ", "otherwise", "mod ")):
            return False
        if rest.startswith(" |"):
            return not self.bars
        return bool(re.match(r" [\w([{√⌊‖∞½⅓⅔¼¾⅛∂]", rest)) and not self.comes("Σ", "Π")

    def power(self) -> Any:
        if self.take("√"):
            return np.sqrt(self.postfix(self.atom()))
        value = self.postfix(self.atom())
        while True:
            raised = re.compile(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+").match(self.text, self.at)
            if self.text.startswith("ᵀ", self.at):
                self.at += 1
                value = np.swapaxes(value, -1, -2) if np.ndim(value) > 1 else np.transpose(value)
            elif raised:
                self.at = raised.end()
                value = value ** int(raised.group().translate(RAISED))
            elif self.text.startswith("^", self.at):
                self.at += 1
                value = value ** self.postfix(self.atom())
            else:
                return value

    def postfix(self, value: Any) -> Any:
        while self.text.startswith("[", self.at):
            self.at += 1
            parts = self.list_until("]")
            value = value[tuple(parts) if len(parts) != 1 else parts[0]]
        return value

    # --- atoms ---------------------------------------------------------------------------------

    def atom(self) -> Any:
        self.skip()
        known = self.known.match(self.text, self.at)
        if known and not re.match(r"[^\W⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ]|\(", self.text[known.end() : known.end() + 1]):
            self.at = known.end()
            return self.names[known.group()]
        if found := NUMBER.match(self.text, self.at):
            self.at = found.end()
            if found[2]:
                return float(f"{found[1] or 1}e{found[2].translate(RAISED)}")
            text = found.group()
            return float(text) if "." in text else int(text)
        if self.text[self.at] in VULGAR:
            self.at += 1
            return VULGAR[self.text[self.at - 1]]
        if sign := self.take("∞", "π", "NaN", "None", "True", "False", "…"):
            words = {"∞": np.inf, "π": np.pi, "NaN": np.nan, "…": ..., "None": None}
            return words.get(sign, sign == "True")
        if self.text[self.at] in "'\"":
            quoted = re.compile(r"(['\"])(.*?)\1").match(self.text, self.at)
            assert quoted
            self.at = quoted.end()
            return quoted[2]
        return self.enclosed() if self.text[self.at] in "(|‖⌊[{" else self.function()

    def enclosed(self) -> Any:
        if self.take("("):
            start = self.at
            values = self.list_until(")")
            single = len(values) == 1 and not self.text[start : self.at].endswith(",)")
            return values[0] if single else tuple(values)
        if sign := self.take("|", "‖", "⌊"):
            self.bars += 1
            value = self.logic()
            self.bars -= 1
            self.need({"|": "|", "‖": "‖", "⌊": "⌋"}[sign])
            return {"|": np.abs, "‖": np.linalg.norm, "⌊": np.floor}[sign](value)
        if self.take("["):
            value = self.logic()
            self.need("]")
            return np.asarray(value)
        self.need("{")
        yes = self.logic()
        self.need("if ")
        condition = self.logic()
        self.need(",")
        no = self.logic()
        self.need("otherwise}")
        return np.where(condition, yes, no)

    def function(self) -> Any:
        found = re.compile(r"[^\W\d](?:[^\W⁰¹²³⁴⁵⁶⁷⁸⁹ᵀ]|\.)*").match(self.text, self.at)
        assert found, f"{self.text!r}: nothing to read at {self.text[self.at :]!r}"
        self.at, name = found.end(), found.group()
        axes = self.along() if self.text.startswith("[", self.at) else None
        assert self.text.startswith("(", self.at), f"{self.text!r}: what is {name}?"
        self.at += 1
        options: dict[str, Any] = {}
        arguments = self.list_until(")", options)
        if axes is not None:
            options = {"axis": axes[0], **({"keepdims": True} if axes[1] else {})}
        if name in ("max", "min") and len(arguments) == 2:
            name += "imum"
        function = self.names.get(f"{name}(", FUNCTIONS.get(name)) or getattr(np, name)
        return function(*arguments, **options)

    def along(self) -> tuple[Any, bool]:
        """[axis 0, kept], [axes 0, 1], [last axis]: the axis and whether it is kept."""
        found = re.compile(r"\[((?:last )?ax[^\]]*|kept|no axis[^\]]*)\]").match(self.text, self.at)
        if found is None:
            return None, False
        self.at = found.end()
        words = found[1].replace("−", "-")
        numbers = tuple(int(k) for k in re.findall(r"-?\d+", words))
        if words.startswith("last"):
            numbers = (-1,)
        whole = None if not numbers and "no axis" not in words else numbers
        return whole[0] if whole and len(whole) == 1 else whole, words.endswith("kept")

    def list_until(self, end: str, options: dict[str, Any] | None = None) -> list[Any]:
        values: list[Any] = []
        while not self.take(end):
            keyword = re.compile(r" ?([^\W\d]\w*)=").match(self.text, self.at)
            if options is not None and keyword:
                self.at = keyword.end()
                options[keyword[1]] = self.logic()
            elif end == "]" and (part := self.slice()) is not None:
                values.append(part)
            else:
                values.append(self.logic())
            self.take(",")
        return values

    def slice(self) -> slice | None:
        found = re.compile(r" ?(−?\d+|None)?:(−?\d+|None)?(?::(−?\d+))?").match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        bounds = [b.replace("−", "-") if b else None for b in found.groups()]
        return slice(*(int(b) if b not in (None, "None") else None for b in bounds))
