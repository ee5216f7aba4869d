"""From places and routes to the text of an SVG file: one that stands alone, without scripts."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from .graph import Box, Graph
from .layers import layered
from .places import MAIN_WEIGHT, Places, placed
from .routes import HEAD, Point, Route, routed
from .shapes import FOLD, LINE, PAD, STACK, head, lines, outline, size
from .text import CELL, cells, escaped, is_plain, runs
from .theme import style

MARGIN = 20.0
KEY = (
    "Rounded boxes are parameters, sheets with a folded corner data, pills numbers, stacks layers; "
    "a double border marks the result that was asked for; what is dashed needs no gradient."
)


@dataclass(frozen=True)
class Layout:
    """Where the boxes stand, and which ways the edges take, in pixels.

    Attributes:
        boxes: (x, y, width, height) of each box.
        routes: The way of each edge, in (along, across).
        turn: From (along, across) to (x, y).
        width: Of the drawing.
        height: Of the drawing.
    """

    boxes: list[tuple[float, float, float, float]]
    routes: list[Route]
    turn: Callable[[Point], Point]
    width: float
    height: float


def laid_out(graph: Graph, direction: str) -> Layout:
    """The layout of a graph whose arrows point to the right, or down."""
    down = direction == "down"
    sizes = [size(box) for box in graph.boxes]
    lengths = [height if down else width for width, height in sizes]
    breadths = [width if down else height for width, height in sizes]
    edges = [(edge.source, edge.target) for edge in graph.edges]
    weights = [MAIN_WEIGHT if edge.main else 1.0 for edge in graph.edges]
    layers = layered(len(sizes), edges)
    places: Places = placed(layers, edges, weights, lengths, breadths)
    routes = routed(layers, edges, places, lengths)

    def turn(point: Point) -> Point:
        along, across = point[0] + MARGIN, point[1] + MARGIN
        return (across, along) if down else (along, across)

    corners = [
        turn((places.along[k], places.across[k] - breadths[k] / 2)) for k in range(len(sizes))
    ]
    boxes = [(*corner, *sides) for corner, sides in zip(corners, sizes, strict=True)]
    reach = [turn(p) for route in routes for piece in route.pieces for p in piece]
    right = max([x + w for x, _, w, _ in boxes] + [x for x, _ in reach])
    bottom = max([y + h for _, y, _, h in boxes] + [y for _, y in reach])
    return Layout(boxes, routes, turn, right + MARGIN, bottom + MARGIN)


def written(graph: Graph, layout: Layout, title: str, notes: Sequence[str], theme: str) -> str:
    """The SVG.

    Ids begin with a digest of the content, so that several drawings may stand in one page. A page
    finds a box by `data-name`, a layer by `data-layer`, and the boxes of an edge by its
    `data-source` and `data-target`, which are ids.
    """
    body = [_edge(graph, k, layout) for k in range(len(graph.edges))]
    body += _boxes(graph, layout)
    content = "\n".join(body)
    mark = "tgd" + hashlib.sha256(f"{title}{content}".encode("utf-8", "replace")).hexdigest()[:8]
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tgd-{theme}" role="img" '
        f'aria-labelledby="{mark}-title {mark}-desc" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        f'<title id="{mark}-title">{escaped(title)}</title>',
        f'<desc id="{mark}-desc">{escaped(_description(graph, notes))}</desc>',
        f"<style>\n{style(theme)}\n</style>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        content.replace("@mark", mark),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _description(graph: Graph, notes: Sequence[str]) -> str:
    """The drawing in words: every box, and what it comes from."""
    told = [*notes, KEY]
    for k, box in enumerate(graph.boxes):
        sources = [graph.boxes[e.source].name for e in graph.edges if e.target == k]
        origin = f", from {', '.join(sources)}" if sources else ""
        told.append(f"{box.name} ({box.kind}){origin}: {'; '.join(box.rows)}")
    return "\n".join(told)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _point(layout: Layout, point: Point) -> str:
    x, y = layout.turn(point)
    return f"{_number(x)},{_number(y)}"


# --- edges ----------------------------------------------------------------------------------------


def _edge(graph: Graph, k: int, layout: Layout) -> str:
    """The curve, and its head; the tip touches the box."""
    edge, route = graph.edges[k], layout.routes[k]
    source, target = graph.boxes[edge.source], graph.boxes[edge.target]
    way = [f"M{_point(layout, route.start)}"]
    for piece in route.pieces:
        letter = "L" if len(piece) == 1 else "C"
        way.append(letter + " ".join(_point(layout, point) for point in piece))
    along, across = route.end
    base = along - HEAD
    corners = [(base, across - HEAD / 2), route.end, (base, across + HEAD / 2)]
    tip = " L".join(_point(layout, corner) for corner in corners)
    title = f"{source.name} → {target.name}, as its operand {edge.operand}"
    return (
        f'<g class="edge{" frozen" if edge.frozen else ""}" data-source="@mark-{edge.source}" '
        f'data-target="@mark-{edge.target}"><title>{escaped(title)}</title>'
        f'<path d="{" ".join(way)}"/><path class="head" d="M{tip} Z"/></g>'
    )


# --- boxes ----------------------------------------------------------------------------------------


def _boxes(graph: Graph, layout: Layout) -> list[str]:
    """The boxes; those of one layer in a group that a page can find."""
    order = sorted(range(len(graph.boxes)), key=lambda k: (graph.boxes[k].layer, k))
    found: list[str] = []
    for layer, members in groupby(order, key=lambda k: graph.boxes[k].layer):
        drawn = [_box(graph.boxes[k], k, layout) for k in members]
        if layer:
            place = len(found)
            drawn = [
                f'<g id="@mark-layer-{place}" class="group" data-layer="{escaped(layer)}">',
                *drawn,
                "</g>",
            ]
        found.append("\n".join(drawn))
    return found


def _box(box: Box, k: int, layout: Layout) -> str:
    x, y, width, height = layout.boxes[k]
    frozen = " frozen" if box.frozen else ""
    named = f'data-name="{escaped(box.key)}"'
    parts = [f'<g id="@mark-{k}" class="box {box.kind}{frozen}" {named}>']
    parts.append(f"<title>{escaped(box.detail)}</title>")
    parts += outline(box, x, y, width, height)
    name, layer = head(box)
    top, right = y, x + width - PAD
    if box.kind == "layer":
        top, layer = y + STACK, ""
    if box.kind == "number":
        parts.append(_text(name, x + PAD, y + LINE, "number"))
        return "\n".join([*parts, "</g>"])
    parts.append(_text(name, x + PAD, top + LINE + 2, "name"))
    if layer:
        side = right - cells(layer) * CELL - (FOLD if box.kind == "data" else 0)
        parts.append(_text(layer, side, top + LINE + 2, "muted"))
    for n, row in enumerate(lines(box)):
        bare = row.lstrip()
        indent = (len(row) - len(bare)) * CELL
        parts.append(_text(bare, x + PAD + indent, top + LINE * (n + 2) + 2, "muted"))
    return "\n".join([*parts, "</g>"])


def _text(text: str, x: float, y: float, kind: str) -> str:
    """A line of text; letters that a font may lack are told how wide they have to be."""
    shown, here = [], x
    for run, plain in runs(text):
        wide = cells(run) * CELL
        fit = f' textLength="{wide:.1f}" lengthAdjust="spacingAndGlyphs"'
        shown.append(f'<tspan x="{_number(here)}"{"" if plain else fit}>{escaped(run)}</tspan>')
        here += wide
    inside = escaped(text) if is_plain(text) else "".join(shown)
    place = f'x="{_number(x)}" y="{_number(y)}"'
    return f'<text class="{kind}" {place} xml:space="preserve">{inside}</text>'
