"""What the tests read from a drawing: the text in its boxes, and what is joined to what."""

import re
from collections import Counter
from typing import Any
from xml.etree import ElementTree

from tinygrad_ed.drawing import Drawing

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawing: Drawing) -> Any:
    return ElementTree.fromstring(drawing.svg())


def boxes(drawing: Drawing) -> dict[str, list[str]]:
    """The lines of text in each box, by its first one."""
    found = {}
    for group in parsed(drawing).iter(f"{SVG}g"):
        if "box" in group.get("class", "").split():
            name, *rows = ["".join(text.itertext()) for text in group.findall(f"{SVG}text")]
            found[name] = rows
            assert group.findall(f"{SVG}title")[0].text
    return found


def edges(drawing: Drawing) -> Counter[tuple[str, str]]:
    """How often each pair of boxes is joined, by their first lines."""
    root = parsed(drawing)
    names = {
        group.get("id"): group.findall(f"{SVG}text")[0].text
        for group in root.iter(f"{SVG}g")
        if "box" in group.get("class", "").split()
    }
    return Counter(
        (names[group.get("data-source")], names[group.get("data-target")])
        for group in root.iter(f"{SVG}g")
        if "edge" in group.get("class", "").split()
    )


def gradient_rows(drawing: Drawing) -> dict[str, list[str]]:
    """The lines of each box from that with its gradient on."""
    found = {}
    for name, rows in boxes(drawing).items():
        start = [k for k, row in enumerate(rows) if re.match(rf"d{name}( =|:)", row)]
        if start:
            found[name] = rows[start[0] :]
    return found
