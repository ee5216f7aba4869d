"""How pdfLaTeX is told to set the letters that are not ASCII, in text and in mathematics.

Without font packages it knows few of them, and no accents in mathematics; so a document declares
each one that stands in it. XeLaTeX and LuaLaTeX read past the declarations.
"""

import unicodedata
from collections.abc import Mapping

from .math.names import LETTERS
from .math.tex import escaped

_MATHS: Mapping[str, str] = {
    **{letter: f"\\{name}" for letter, name in LETTERS.items()},
    **{"·": r"\cdot", "×": r"\times", "−": "-", "∂": r"\partial", "⊙": r"\odot", "√": r"\surd"},
    **{"∞": r"\infty", "←": r"\leftarrow", "→": r"\rightarrow", "≤": r"\le", "≥": r"\ge"},
    **{"≠": r"\ne", "…": r"\ldots", "ᵀ": r"^{\top}"},
    **{sign: f"_{{{k}}}" for k, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{sign: f"^{{{k}}}" for k, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
_ACCENTS = {
    **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u"},
    **{"\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c"},
}
_LETTERS = {
    **{"ß": r"\ss", "æ": r"\ae", "Æ": r"\AE", "œ": r"\oe", "Œ": r"\OE", "ø": r"\o", "Ø": r"\O"},
    **{"ł": r"\l", "Ł": r"\L"},
}


def declarations(content: str) -> str:
    """The lines of a preamble that declare the letters of a document."""
    rare = sorted({letter for letter in content if not letter.isascii()})
    lines = [rf"  \DeclareUnicodeCharacter{{{ord(x):04X}}}{{{letter_in_latex(x)}}}" for x in rare]
    if not lines:
        return ""
    return "\n".join([r"\ifdefined\DeclareUnicodeCharacter", *lines, r"\fi", ""])


def letter_in_latex(letter: str) -> str:
    """A letter as a sign of mathematics, with an accent of TeX, in plain letters, or by its number
    in Unicode: whichever is the first that there is.
    """
    if letter in _MATHS:
        return rf"\ensuremath{{{_MATHS[letter]}}}"
    if letter in _LETTERS:
        return rf"\text{{{_LETTERS[letter]}{{}}}}"
    parts = unicodedata.normalize("NFD", letter)
    base, accent = parts[0], parts[1:]
    if accent in _ACCENTS and base.isascii() and base.isalpha():
        inside = f"\\{base}" if base in "ij" and accent != "\u0327" else base
        return rf"\text{{\{_ACCENTS[accent]}{{{inside}}}}}"
    plain = unicodedata.normalize("NFKD", letter)
    if plain.isascii() and plain.strip():
        return rf"\text{{{escaped(plain)}}}"
    return rf"\texttt{{U+{ord(letter):04X}}}"
