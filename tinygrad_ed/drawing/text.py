"""How wide a text is at most, how to cut it, and how to write it into XML.

An SVG cannot ask how wide a font is. The drawings use fonts whose letters are equally wide, and a
letter is taken wider than any of them makes it.
"""

import re
import unicodedata

SIZE = 12.0
"""Font size of all text, in pixels."""

CELL = 0.62 * SIZE
"""Width of one letter; the common fonts of equal width have 0.55 to 0.605 of their size."""

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_KNOWN = frozenset("…→×−·’")


def cells(text: str) -> int:
    """How many letters wide a text is at most: what our fonts may lack counts as two."""
    return sum(_cells(letter) for letter in text)


def _cells(letter: str) -> int:
    if letter < "\u0530" or letter in _KNOWN:
        return 0 if unicodedata.category(letter) == "Mn" else 1
    return 0 if unicodedata.category(letter) in ("Mn", "Me") else 2


def is_plain(text: str) -> bool:
    """Whether every letter is in every font, so that the width is certain."""
    return all(letter < "\u0300" or letter in _KNOWN for letter in text)


def runs(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, and whether the width of each is certain."""
    found: list[tuple[str, bool]] = []
    for letter in text:
        plain = is_plain(letter)
        before, certain = found[-1] if found else ("", plain)
        if not cells(letter) and certain and before:  # an accent belongs to the letter before it
            found[-1:] = [(before[:-1], True)] if before[:-1] else []
            found.append((before[-1] + letter, False))
        elif found and certain == plain:
            found[-1] = (before + letter, plain)
        else:
            found.append((letter, plain))
    return found


def cut(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis if it is wider than so many letters."""
    text = " ".join(text.split())
    if cells(text) <= most:
        return text
    kept, used = "", 1
    for letter in text:
        used += _cells(letter)
        if used > most:
            break
        kept += letter
    return kept.rstrip() + "…"


def escaped(text: str) -> str:
    """As XML content or attribute; what XML cannot hold becomes the replacement character."""
    return re.sub("[&<>\"']", lambda found: _ESCAPES[found.group()], _ILLEGAL.sub("\ufffd", text))
