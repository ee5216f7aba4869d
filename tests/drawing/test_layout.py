"""Where boxes and edges lie: nothing overlaps, and no edge runs through a foreign box."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing.networks import NETWORKS, tangled
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.drawing import draw
from tinygrad_ed.drawing.graph import Box, Edge, Graph
from tinygrad_ed.drawing.layers import crossings, layered, ranks, with_lanes
from tinygrad_ed.drawing.routes import sampled
from tinygrad_ed.drawing.svg import Layout, laid_out


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Boxes of many sizes, edges at random, some of them double."""
    count = draw(st.integers(1, 24))
    sizes = draw(
        st.lists(st.tuples(st.integers(1, 30), st.integers(0, 6)), min_size=count, max_size=count)
    )
    pairs = [(s, t) for t in range(count) for s in range(t)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=45)) if pairs else []
    kinds = draw(st.lists(st.sampled_from(["result", "data", "layer"]), min_size=count))
    boxes = [
        Box(f"b{k}", kinds[k], "n" * width, ("row",) * rows, "")
        for k, (width, rows) in enumerate(sizes)
    ]
    main = draw(st.lists(st.booleans(), min_size=len(edges), max_size=len(edges)))
    return Graph(boxes, [Edge(s, t, "x", False, m) for (s, t), m in zip(edges, main, strict=True)])


def assert_readable(graph: Graph, layout: Layout) -> None:
    """No boxes overlap, edges go their own ways, and everything lies within the drawing."""
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(layout.boxes, 2):
        assert x + w < x2 or x2 + w2 < x or y + h < y2 or y2 + h2 < y, "two boxes overlap"
    for x, y, w, h in layout.boxes:
        assert x >= 0 and y >= 0 and x + w <= layout.width and y + h <= layout.height
    corners = np.array(layout.boxes)
    for edge, route in zip(graph.edges, layout.routes, strict=True):
        way = np.array([layout.turn(point) for point in sampled(route)])
        assert (way >= 0).all() and (way <= [layout.width, layout.height]).all()
        foreign = np.delete(corners, [edge.source, edge.target], axis=0)
        for x, y, w, h in foreign:
            assert not crosses(way, x, y, x + w, y + h), "an edge runs through a foreign box"
        assert touches(way[0], layout.boxes[edge.source])
        assert touches(way[-1], layout.boxes[edge.target])


def crosses(way: Any, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether a polyline meets a rectangle: each piece is clipped against it (Liang and Barsky)."""
    start, step = way[:-1], np.diff(way, axis=0)
    enter, leave = np.zeros(len(step)), np.ones(len(step))
    for axis, low, high in ((0, left, right), (1, top, bottom)):
        with np.errstate(divide="ignore", invalid="ignore"):
            a = (low - start[:, axis]) / step[:, axis]
            b = (high - start[:, axis]) / step[:, axis]
        inside = (start[:, axis] > low) & (start[:, axis] < high)
        still = step[:, axis] == 0
        first = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(a, b))
        last = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(a, b))
        enter, leave = np.maximum(enter, first), np.minimum(leave, last)
    return bool((enter < leave).any())


def touches(point: Any, box: tuple[float, float, float, float]) -> bool:
    x, y, w, h = box
    slack = 1e-6
    return bool(x - slack <= point[0] <= x + w + slack and y - slack <= point[1] <= y + h + slack)


def test_the_check_itself_sees_a_line_through_a_box() -> None:
    line = np.array([[0.0, 0.0], [10.0, 10.0]])
    assert crosses(line, 4, 4, 6, 6) and crosses(line, -5, -5, 20, 20)
    assert not crosses(line, 6, 0, 9, 5) and not crosses(line[:1].repeat(2, 0), 4, 4, 6, 6)
    assert crosses(np.array([[0.0, 5.0], [10.0, 5.0]]), 4, 4, 6, 6)
    assert not crosses(np.array([[0.0, 3.0], [10.0, 3.0]]), 4, 4, 6, 6)


@pytest.mark.parametrize("direction", ["right", "down"])
@settings(max_examples=60)
@given(graph=graphs())
def test_any_graph_is_laid_out_readably(direction: str, graph: Graph) -> None:
    assert_readable(graph, laid_out(graph, direction))


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("network", NETWORKS)
def test_networks_are_laid_out_readably(network: str, direction: str, collapse: bool) -> None:
    drawing = draw(NETWORKS[network](), direction=direction, collapse=collapse, values=True)
    assert_readable(drawing.graph, drawing.layout)


@settings(max_examples=60)
@given(graph=graphs())
def test_arrows_point_forward_and_arrive_side_by_side(graph: Graph) -> None:
    layout = laid_out(graph, "right")
    tips = {route.end for route in layout.routes}
    assert len(tips) == len(graph.edges), "two arrow heads lie on each other"
    for edge, route in zip(graph.edges, layout.routes, strict=True):
        along = [point[0] for point in sampled(route)]
        assert along == sorted(along)
        assert layout.boxes[edge.source][0] < layout.boxes[edge.target][0]


@settings(max_examples=60)
@given(graph=graphs())
def test_each_box_has_a_later_rank_than_its_sources(graph: Graph) -> None:
    edges = [(e.source, e.target) for e in graph.edges]
    rank = ranks(len(graph.boxes), edges)
    assert all(rank[s] < rank[t] for s, t in edges)
    used = {s for s, _ in edges}
    computed = {t for _, t in edges}
    for box in used - computed:
        assert rank[box] == min(rank[t] for s, t in edges if s == box) - 1


@settings(max_examples=60)
@given(graph=graphs())
def test_crossings_are_counted_as_by_looking_at_all_pairs(graph: Graph) -> None:
    layers = layered(len(graph.boxes), [(e.source, e.target) for e in graph.edges])
    place = {item: k for items in layers.order for k, item in enumerate(items)}
    found = 0
    for items in layers.order:
        links = [(place[b], place[i]) for i in items for b in layers.before[i]]
        found += sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(links, 2))
    assert crossings(layers) == found
    everyone = sorted(item for items in layers.order for item in items)
    assert everyone == list(range(len(layers.owner)))


@pytest.mark.parametrize("network", ["neuron", "perceptron 12", "residual", "shared weight"])
def test_what_can_be_drawn_without_crossings_is(network: str) -> None:
    graph = draw(NETWORKS[network](), collapse=False).graph
    layers = layered(len(graph.boxes), [(e.source, e.target) for e in graph.edges])
    assert crossings(layers) == 0


def test_sweeps_take_away_most_crossings() -> None:
    graph = draw(tangled(60, 3), collapse=False).graph
    edges = [(e.source, e.target) for e in graph.edges]
    unsorted = with_lanes(len(graph.boxes), edges, ranks(len(graph.boxes), edges))
    for item, rank in enumerate(unsorted.rank):
        unsorted.order[rank].append(item)
    assert crossings(layered(len(graph.boxes), edges)) < crossings(unsorted) / 3


def test_the_main_line_of_a_network_is_straight() -> None:
    drawing = draw(NETWORKS["perceptron 12"](), collapse=False)
    middles = [
        y + height / 2
        for box, (_, y, _, height) in zip(drawing.graph.boxes, drawing.layout.boxes, strict=True)
        if box.kind in ("result", "root")
    ]
    assert len(middles) == 24 and max(middles) - min(middles) < 10


def test_the_same_graph_gives_the_same_drawing_in_every_process() -> None:
    loss = tangled(40, 5)
    assert draw(loss).svg() == draw(loss).svg()
    program = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from drawing.networks import tangled; from tinygrad_ed.drawing import draw\n"
        "print(hashlib.sha256(draw(tangled(40, 5)).svg().encode()).hexdigest())"
    )
    tests = str(Path(__file__).parent.parent)
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, tests],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
