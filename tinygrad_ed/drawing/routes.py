"""From coordinates to curves: an edge bends only between two ranks, where no box stands.

Within a rank it keeps to its own lane, level, so it cannot run through a foreign box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .layers import Edges, Layers
from .places import Places

Point = tuple[float, float]
"""(along, across)"""

HEAD = 8.0  # length of an arrow head


@dataclass(frozen=True)
class Route:
    """The way of one edge.

    Attributes:
        start: Where it leaves its source.
        pieces: Corner points: one point for a level line, three for a cubic Bézier curve (two
            control points, and the end).
        end: The tip of the arrow head.
    """

    start: Point
    pieces: list[tuple[Point, ...]]
    end: Point


def routed(layers: Layers, edges: Edges, places: Places, lengths: Sequence[float]) -> list[Route]:
    """One route for each edge."""
    routes = []
    for (source, target), port in zip(edges, places.ports, strict=True):
        level = places.across[source]
        start = (places.along[source] + lengths[source], level)
        pieces: list[tuple[Point, ...]] = []
        first = layers.rank[source]
        for rank in range(first + 1, layers.rank[target] + 1):
            leave, arrive = places.columns[rank - 1][1], places.columns[rank][0]
            if rank == layers.rank[target]:
                there = places.across[target] + port
                arrive -= HEAD  # the head stands level
            else:
                there = places.across[layers.lanes[source, rank]]
            pieces.append(((leave, level),))
            middle = (leave + arrive) / 2
            pieces.append(((middle, level), (middle, there), (arrive, there)))
            level = there
        end = (places.along[target], level)
        pieces.append(((end[0] - HEAD, level),))
        routes.append(Route(start, _without_standing_still(start, pieces), end))
    return routes


def _without_standing_still(
    start: Point, pieces: list[tuple[Point, ...]]
) -> list[tuple[Point, ...]]:
    """Drops pieces of no length, and makes level curves lines; lines in a row become one."""
    kept: list[tuple[Point, ...]] = []
    here = start
    for piece in pieces:
        end = piece[-1]
        if abs(end[1] - here[1]) < 1e-9:
            piece = (end,)
            if abs(end[0] - here[0]) < 1e-9:
                continue
            if kept and len(kept[-1]) == 1:
                kept.pop()
        kept.append(piece)
        here = end
    return kept


def sampled(route: Route, steps: int = 16) -> list[Point]:
    """Points on the way, close together."""
    points = [route.start]
    for piece in route.pieces:
        start = points[-1]
        if len(piece) == 1:
            points.append(piece[0])
            continue
        one, two, end = piece
        for k in range(1, steps + 1):
            t = k / steps
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            points.append(
                (
                    a * start[0] + b * one[0] + c * two[0] + d * end[0],
                    a * start[1] + b * one[1] + c * two[1] + d * end[1],
                )
            )
    return [*points, route.end]
