"""The text of a kernel: a `.cu` file with the files it includes put in their places.

A compiler then needs no folder, and a digest of the text covers all of it: an edited header makes
another text. (CuPy's own cache of compiled kernels looks at the text that it is given, not at what
that includes.)
"""

import functools
import re
from pathlib import Path

HERE = Path(__file__).parent
INCLUDE = re.compile(r'#include "(\w+\.cuh)"')

TYPES = {"float32": "float", "float64": "double", "uint8": "unsigned char"}
"""Number types that kernels are made for, and what C++ calls them; bytes are only moved."""


@functools.cache
def text_of(file: str) -> str:
    """A `.cu` file with its headers inside; lines keep the numbers they have in their files."""
    return with_headers(file, (HERE / file).read_text(encoding="utf-8"))


def with_headers(file: str, text: str) -> str:
    """The same for a text that stands in no file; `file` is what compilers are to call it."""
    return "\n".join(_lines(file, text, set()))


def _lines(file: str, text: str, seen: set[str]) -> list[str]:
    seen.add(file)
    lines = [f'#line 1 "{file}"']
    for number, line in enumerate(text.splitlines(), 1):
        included = INCLUDE.fullmatch(line.strip())
        if included is None:
            lines.append("" if line.strip() == "#pragma once" else line)
        elif included[1] in seen:
            lines.append("")
        else:
            header = (HERE / included[1]).read_text(encoding="utf-8")
            lines += [*_lines(included[1], header, seen), f'#line {number + 1} "{file}"']
    return lines
