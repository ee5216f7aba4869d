"""The shapes of the boxes: each kind has its own, so that colour alone says nothing.

A computed result is a rectangle, the tensor that was asked for has a double border, a parameter is
rounded, data is a sheet with a folded corner, a number is a pill, a layer is a stack.
"""

from .graph import Box
from .text import CELL, cells, cut

LINE = 16.0  # from one line of text to the next
PAD = 11.0  # beside the text
FOLD = 10.0  # of a sheet's corner
STACK = 5.0  # how far the sheet behind a layer looks out
MOST = 44  # letters in a line


def head(box: Box) -> tuple[str, str]:
    """The head line: the name, and the layer where it is told beside it."""
    return cut(box.name, MOST), cut(box.layer, MOST // 2) if box.layer and box.rows else ""


def lines(box: Box) -> list[str]:
    """The lines below, cut where they are too long."""
    return [" " * (len(row) - len(row.lstrip())) + cut_row(row) for row in box.rows]


def cut_row(row: str) -> str:
    """A line without the spaces it begins with; those inside an array stay."""
    bare = row.lstrip()
    room = MOST - (len(row) - len(bare))
    return bare if cells(bare) <= room else cut(bare, room)


def size(box: Box) -> tuple[float, float]:
    """Width and height that hold the text."""
    name, layer = head(box)
    if box.kind == "number":
        return cells(name) * CELL + 2 * PAD, LINE + 8
    top = cells(name) + (2 + cells(layer) if layer and box.kind != "layer" else 0)
    widest = max([top, *map(cells, lines(box))])
    width = max(widest * CELL + 2 * PAD, 44.0)
    height = LINE * (1 + len(box.rows)) + 14
    if box.kind == "data":
        width += FOLD
    if box.kind == "layer":
        width, height = width + STACK, height + STACK
    return round(width, 1), height


def outline(box: Box, x: float, y: float, width: float, height: float) -> list[str]:
    """The SVG elements that draw the shape."""
    if box.kind == "data":
        right, bottom = x + width, y + height
        corner = f"{right - FOLD:g},{y:g}"
        return [
            f'<path class="shape" d="M{x:g},{y:g} L{corner} L{right:g},{y + FOLD:g} '
            f'L{right:g},{bottom:g} L{x:g},{bottom:g} Z"/>',
            f'<path class="inner" d="M{corner} L{right - FOLD:g},{y + FOLD:g} '
            f'L{right:g},{y + FOLD:g}"/>',
        ]
    if box.kind == "layer":
        back = _rectangle("shape", x + STACK, y, width - STACK, height - STACK, 3)
        return [back, _rectangle("shape", x, y + STACK, width - STACK, height - STACK, 3)]
    round_corner = {"parameter": 11, "number": height / 2}.get(box.kind, 3)
    elements = [_rectangle("shape", x, y, width, height, round_corner)]
    if box.kind == "root":
        elements.append(_rectangle("inner", x + 3, y + 3, width - 6, height - 6, 1.5))
    return elements


def _rectangle(kind: str, x: float, y: float, width: float, height: float, corner: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{corner:g}"/>'
    )
