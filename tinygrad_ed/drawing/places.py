"""From ranks to coordinates: straight main lines, and nothing overlaps.

Along the arrows, ranks stand one after the other. Across them every item wants to stand level with
its neighbours, edges of the main line want it more (the measure of Gansner et al. 1993), and items
keep their distance. For one rank, with its neighbours fixed, that is an isotonic regression, solved
exactly at least squares; ranks are taken in turn. Later rounds weigh each wish by how far it is
from being fulfilled, which turns squares into absolute differences: one bend instead of a stair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import inf

from .layers import Edges, Layers

LANE = 10.0  # the room that a lane takes
ROOM = 16.0  # between two boxes of a rank
LANE_ROOM = 9.0  # between a lane and its neighbour
GAP = 40.0  # between two ranks
PORT = 13.0  # between the arrow heads at one box, where there is room
MAIN_WEIGHT = 200.0  # of the edges of a main line, where the others have 1
LANE_WEIGHT = 400.0
SQUARES = 10  # so many rounds measure squares; later ones absolute differences
ROUNDS = 50
STILL = 0.05


@dataclass(frozen=True)
class Places:
    """Where everything stands; "along" is the direction of the arrows, "across" the other one.

    Attributes:
        along: Of each box: its edge at which arrows arrive.
        across: Of each item: its middle.
        columns: Start and end of each rank.
        ports: For each edge, how far from the box's middle it arrives.
    """

    along: list[float]
    across: list[float]
    columns: list[tuple[float, float]]
    ports: list[float]


def placed(
    layers: Layers,
    edges: Edges,
    weights: Sequence[float],
    lengths: Sequence[float],
    breadths: Sequence[float],
) -> Places:
    """Coordinates of all items, from 0 on.

    Args:
        layers: Ranks and orders.
        edges: The edges.
        weights: How much each edge wants to be straight.
        lengths: Size of each box along the arrows.
        breadths: Size of each box across.
    """
    sizes = [*breadths, *[LANE] * (len(layers.owner) - layers.boxes)]
    ports = _ports(layers, edges, weights, breadths)
    across = _across(layers, sizes, _wishes(layers, edges, weights, ports))
    columns = _columns(layers, lengths, across)
    along = [
        _along(layers, box, columns[layers.rank[box]], lengths[box]) for box in range(layers.boxes)
    ]
    return Places(along, across, columns, ports)


def _along(layers: Layers, box: int, column: tuple[float, float], length: float) -> float:
    """A leaf stands at the end of its column, near its user; other boxes in the middle."""
    start, end = column
    return (start + end - length) / 2 if layers.before[box] else end - length


def _ports(
    layers: Layers, edges: Edges, weights: Sequence[float], breadths: Sequence[float]
) -> list[float]:
    """Arrows arrive in the order in which their sources stand; a main line in the middle."""
    place = {item: k for items in layers.order for k, item in enumerate(items)}
    arriving: list[list[int]] = [[] for _ in range(layers.boxes)]
    for k, (_, target) in enumerate(edges):
        arriving[target].append(k)
    ports = [0.0] * len(edges)
    for box, found in enumerate(arriving):
        found.sort(key=lambda k: place[layers.carrier(edges[k][0], layers.rank[box] - 1)])
        heaviest = max((weights[k] for k in found), default=0)
        main = [n for n, k in enumerate(found) if weights[k] == heaviest]
        middle = main[0] if len(main) == 1 else (len(found) - 1) / 2
        most = max(middle, len(found) - 1 - middle)
        step = min(PORT, (breadths[box] / 2 - 9) / most) if most else 0
        for n, k in enumerate(found):
            ports[k] = (n - middle) * step
    return ports


Wish = tuple[int, float, float]
"""The neighbour, how far from it the item wants to stand, and how much it wants that."""


def _wishes(
    layers: Layers, edges: Edges, weights: Sequence[float], ports: Sequence[float]
) -> list[list[Wish]]:
    """For each item, where its neighbours want it; long edges want to be straight most of all.

    A leaf follows its user, and a box on a main line does not follow its leaves.
    """
    wishes: list[list[Wish]] = [[] for _ in layers.owner]
    heaviest = [0.0] * layers.boxes
    for (_, target), weight in zip(edges, weights, strict=True):
        heaviest[target] = max(heaviest[target], weight)
    for (source, target), weight, port in zip(edges, weights, ports, strict=True):
        carrier = layers.carrier(source, layers.rank[target] - 1)
        wishes[carrier].append((target, port, weight))
        if weight == heaviest[target]:
            wishes[target].append((carrier, -port, weight))
    for (source, rank), lane in layers.lanes.items():
        carrier = layers.carrier(source, rank - 1)
        weight = LANE_WEIGHT if carrier != source else LANE_WEIGHT / 8
        wishes[carrier].append((lane, 0, weight))
        wishes[lane].append((carrier, 0, weight))
    return wishes


def _across(layers: Layers, sizes: Sequence[float], wishes: list[list[Wish]]) -> list[float]:
    distances = [_distances(layers, items, sizes) for items in layers.order]
    across = [0.0] * len(sizes)
    placed: set[int] = set()
    forth = list(range(len(layers.order)))
    for turn in range(ROUNDS):
        moved = 0.0
        for rank in forth if turn % 2 == 0 else forth[::-1]:
            items = layers.order[rank]
            heard = [_heard(wishes[i], i, across, placed, turn) for i in items]
            wanted = [level for level, _ in heard]
            strength = [weight for _, weight in heard]
            moved = max(moved, _settle(items, wanted, strength, distances[rank], across))
            placed.update(items)
        if turn > SQUARES and moved < STILL:
            break
    _straighten(layers, distances, across)
    first = min((across[i] - sizes[i] / 2 for i in range(len(sizes))), default=0)
    return [place - first for place in across]


def _heard(
    wishes: list[Wish], item: int, across: list[float], placed: set[int], turn: int
) -> tuple[float, float]:
    """Where the neighbours want an item, and how much; at first only those that have a place."""
    level = strength = 0.0
    for neighbour, offset, weight in wishes:
        if turn or neighbour in placed:
            there = across[neighbour] + offset
            if turn >= SQUARES:
                weight /= max(abs(there - across[item]), 2.0)
            level += there * weight
            strength += weight
    return (level / strength, strength) if strength else (across[item], 0.01)


def _straighten(layers: Layers, distances: list[list[float]], across: list[float]) -> None:
    """Takes the last small steps out of long edges: lanes are level as far as others let them."""
    place = {item: k for items in layers.order for k, item in enumerate(items)}

    def room(lane: int) -> tuple[float, float]:
        """From where to where the lane can move in its rank."""
        items, apart = layers.order[layers.rank[lane]], distances[layers.rank[lane]]
        k = place[lane]
        low = across[items[k - 1]] + apart[k] - apart[k - 1] if k else -inf
        high = across[items[k + 1]] + apart[k] - apart[k + 1] if k + 1 < len(items) else inf
        return min(low, across[lane]), max(high, across[lane])  # it fits, whatever was rounded

    def level(run: list[int], low: float, high: float) -> None:
        mean = sum(across[lane] for lane in run) / len(run)
        for lane in run:
            across[lane] = min(max(mean, low), high)

    for _, found in groupby(layers.lanes.items(), key=lambda entry: entry[0][0]):
        run: list[int] = []
        low, high = -inf, inf
        for _, lane in found:  # one source, rank by rank
            least, most = room(lane)
            if max(low, least) > min(high, most):
                level(run, low, high)
                run, low, high = [], -inf, inf
            run.append(lane)
            low, high = max(low, least), min(high, most)
        level(run, low, high)


def _distances(layers: Layers, items: list[int], sizes: Sequence[float]) -> list[float]:
    """How far each item of a rank must stand from the first one, at least."""
    apart = [0.0]
    for first, second in pairwise(items):
        lane = first >= layers.boxes or second >= layers.boxes
        room = LANE_ROOM if lane else ROOM
        apart.append(apart[-1] + (sizes[first] + sizes[second]) / 2 + room)
    return apart


def _settle(
    items: list[int],
    wanted: Sequence[float],
    strength: Sequence[float],
    apart: Sequence[float],
    across: list[float],
) -> float:
    """Places a rank: least squares under the distances, by pooling adjacent violators.

    Returns how far the item moved that moved most.
    """
    pools: list[tuple[float, float, int]] = []  # level, strength, how many items
    for wish, weight, distance in zip(wanted, strength, apart, strict=True):
        level, count = wish - distance, 1
        while pools and pools[-1][0] >= level:
            other, heavy, many = pools.pop()
            level = (level * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + many
        pools.append((level, weight, count))
    moved, k = 0.0, 0
    for level, _, count in pools:
        for _ in range(count):
            place = level + apart[k]
            moved = max(moved, abs(place - across[items[k]]))
            across[items[k]] = place
            k += 1
    return moved


def _columns(
    layers: Layers, lengths: Sequence[float], across: Sequence[float]
) -> list[tuple[float, float]]:
    """Start and end of each rank; where edges climb far, the gap before it is wider."""
    columns: list[tuple[float, float]] = []
    start = 0.0
    for rank, items in enumerate(layers.order):
        if rank:
            climbs = [abs(across[b] - across[i]) for i in items for b in layers.before[i]]
            start += GAP + min(70.0, 0.12 * max(climbs, default=0))
        length = max((lengths[i] for i in items if i < layers.boxes), default=0)
        columns.append((start, start + length))
        start += length
    return columns
