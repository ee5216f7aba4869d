"""From a graph to ranks: who stands in which rank, and in which order, so that few edges cross.

The layered method of Sugiyama, Tagawa and Toda (1981): every edge leads to a later rank; where it
passes other ranks it gets a *lane* there, a place of its own; then the order within the ranks is
improved, sweep by sweep. Everything is deterministic.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Edges = Sequence[tuple[int, int]]
"""Pairs (source, target) of box numbers; the source has the smaller number."""

SWEEPS = 24
SMALL = 400  # so many items are also improved by exchanging neighbours, which takes longer


@dataclass
class Layers:
    """Boxes and lanes in ranks.

    Items are numbered: first the boxes, then the lanes. All edges of one source that pass a rank
    share one lane there: they part where their ways part.

    Attributes:
        boxes: How many items are boxes.
        rank: Of each item.
        owner: Of each item: the box whose edges pass here; a box is its own.
        order: The items of each rank.
        before: The neighbours of each item in the rank before, each once.
        after: The same in the rank after.
        lanes: The item that carries a source's edges through a rank.
    """

    boxes: int
    rank: list[int]
    owner: list[int]
    order: list[list[int]]
    before: list[list[int]]
    after: list[list[int]]
    lanes: dict[tuple[int, int], int]

    def carrier(self, source: int, rank: int) -> int:
        """Where the edges of a source leave a rank: from its box, or from a lane."""
        return self.lanes.get((source, rank), source)


def layered(boxes: int, edges: Edges) -> Layers:
    """Ranks, lanes, and an order with few crossings."""
    layers = with_lanes(boxes, edges, ranks(boxes, edges))
    _first_order(layers)
    _improve(layers)
    return layers


def ranks(boxes: int, edges: Edges) -> list[int]:
    """The longest path to each box, then as late as makes the edges short.

    A leaf stands just before its first user. Another box moves when that lengthens no edge that
    the move does not also shorten.
    """
    sources: list[set[int]] = [set() for _ in range(boxes)]
    targets: list[set[int]] = [set() for _ in range(boxes)]
    for source, target in edges:
        sources[target].add(source)
        targets[source].add(target)
    rank = [0] * boxes
    for box in range(boxes):
        rank[box] = 1 + max((rank[s] for s in sources[box]), default=-1)
    for box in reversed(range(boxes)):
        if not targets[box]:
            continue
        latest = min(rank[t] for t in targets[box]) - 1
        longer = sum(rank[box] >= max(rank[t] for t in targets[s]) for s in sources[box])
        if not longer:
            rank[box] = latest
    return rank


def with_lanes(boxes: int, edges: Edges, rank: Sequence[int]) -> Layers:
    """Gives long edges a lane in each rank that they pass."""
    last = {box: rank[box] for box in range(boxes)}
    for source, target in edges:
        last[source] = max(last[source], rank[target])
    all_ranks, owner = list(rank), list(range(boxes))
    lanes = {}
    for source in range(boxes):
        for between in range(rank[source] + 1, last[source]):
            lanes[source, between] = len(owner)
            owner.append(source)
            all_ranks.append(between)
    count = len(owner)
    layers = Layers(
        boxes=boxes,
        rank=all_ranks,
        owner=owner,
        order=[[] for _ in range(max(rank, default=-1) + 1)],
        before=[[] for _ in range(count)],
        after=[[] for _ in range(count)],
        lanes=lanes,
    )
    links = {(layers.carrier(s, r - 1), lane): None for (s, r), lane in lanes.items()}
    links.update({(layers.carrier(s, rank[t] - 1), t): None for s, t in edges})
    for first, second in links:
        layers.before[second].append(first)
        layers.after[first].append(second)
    return layers


def crossings(layers: Layers) -> int:
    """How often edges cross between neighbouring ranks."""
    return sum(
        _crossings_before(layers, layers.order[r - 1], layers.order[r])
        for r in range(1, len(layers.order))
    )


def _crossings_before(layers: Layers, earlier: list[int], later: list[int]) -> int:
    place = {item: k for k, item in enumerate(earlier)}
    seen: list[int] = []
    found = 0
    for item in later:
        ends = [place[neighbour] for neighbour in layers.before[item]]
        found += sum(len(seen) - bisect_right(seen, end) for end in ends)
        for end in ends:
            insort(seen, end)
    return found


def _first_order(layers: Layers) -> None:
    """Depth first from the ends, operands in their order: a tree comes out without crossings."""
    seen = [False] * len(layers.owner)
    for end in reversed(range(layers.boxes)):
        if layers.after[end]:
            continue
        todo = [(end, False)]
        while todo:
            item, done = todo.pop()
            if done:
                layers.order[layers.rank[item]].append(item)
            elif not seen[item]:
                seen[item] = True
                todo.append((item, True))
                todo.extend((neighbour, False) for neighbour in reversed(layers.before[item]))


def _improve(layers: Layers) -> None:
    """Sweeps forth and back as long as they help; the best order is kept."""
    best, fewest = [list(items) for items in layers.order], crossings(layers)
    small = len(layers.owner) <= SMALL
    idle = 0
    for sweep in range(SWEEPS):
        if not fewest or idle == 6:
            break
        forth = range(1, len(layers.order))
        back = range(len(layers.order) - 2, -1, -1)
        for r in forth if sweep % 2 == 0 else back:
            neighbours = layers.before if sweep % 2 == 0 else layers.after
            fixed = layers.order[r - 1 if sweep % 2 == 0 else r + 1]
            layers.order[r] = _by_barycentre(layers.order[r], fixed, neighbours)
        if small:
            _exchange(layers)
        count = crossings(layers)
        idle += 1
        if count < fewest:
            best, fewest, idle = [list(items) for items in layers.order], count, 0
    layers.order = best


def _by_barycentre(items: list[int], fixed: list[int], neighbours: list[list[int]]) -> list[int]:
    """Sorted by the mean place of the neighbours; an item without any keeps its place."""
    place = {item: k for k, item in enumerate(fixed)}
    mean = {
        item: sum(place[n] for n in neighbours[item]) / len(neighbours[item])
        for item in items
        if neighbours[item]
    }
    movable = iter(sorted(mean, key=mean.__getitem__))
    return [next(movable) if item in mean else item for item in items]


def _exchange(layers: Layers) -> None:
    """Exchanges neighbours in a rank as long as that takes away crossings."""
    place = {item: k for items in layers.order for k, item in enumerate(items)}
    key: Callable[[int], int] = place.__getitem__
    for _ in range(8):
        better = False
        for items in layers.order:
            for k in range(len(items) - 1):
                first, second = items[k], items[k + 1]
                gain = 0
                for side in (layers.before, layers.after):
                    a, b = sorted(map(key, side[first])), sorted(map(key, side[second]))
                    gain += _pairs(a, b) - _pairs(b, a)
                if gain > 0:
                    items[k], items[k + 1] = second, first
                    place[first], place[second] = k + 1, k
                    better = True
        if not better:
            break


def _pairs(first: list[int], second: list[int]) -> int:
    """How many edges cross if the item with ends `first` stands before the one with `second`."""
    return sum(bisect_left(second, end) for end in first)
