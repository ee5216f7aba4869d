"""A derivation on a terminal, in colours; plain where the output goes elsewhere."""

import re
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from .derivation import Derivation

STYLES = (
    (re.compile(r"(\S.*|=+|-+)$"), "bold"),  # headings stand at the margin
    (re.compile(r" *\d+\. "), "bold cyan"),
    (re.compile(r" +[\[(].*\]$| +\S+ \([\d × ]*\) = \["), "dim"),  # values
)
"""What a line looks like, and how it is written; other lines are formulas."""


def show(derivation: "Derivation", digits: int = 4, file: TextIO | None = None) -> None:
    """Prints the derivation: in colours if `file` (standard output if None) is a terminal."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        print(derivation.text(digits), end="", file=file)
        return
    console = Console(file=file, soft_wrap=True, highlight=False)
    for line in derivation.text(digits).splitlines():
        style = next((s for pattern, s in STYLES if pattern.match(line)), "")
        console.print(Text(line, style))
