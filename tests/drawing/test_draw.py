"""`tg.draw`: every box and edge once, with the tensor's own numbers; the file stands alone."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing.networks import NETWORKS, data, leaf, perceptron
from drawing.reading import SVG, boxes, edges, parsed

import tinygrad_ed as tg
from tinygrad_ed.drawing import draw
from tinygrad_ed.tape import Node, recorded_nodes


@pytest.mark.parametrize("network", NETWORKS)
def test_every_tensor_and_every_operand_is_drawn_once(network: str) -> None:
    loss = NETWORKS[network]()
    drawing = draw(loss, collapse=False)
    nodes = recorded_nodes(loss)
    operands = [s for node in nodes for s in node._sources if s is not None]
    leaves = {s for s in operands if isinstance(s, Node) and s._op is None}
    plain = [s for s in operands if not isinstance(s, Node)]
    root = parsed(drawing)
    classes = Counter(
        name for group in root.iter(f"{SVG}g") for name in group.get("class", "").split()
    )
    assert classes["box"] == len(nodes) + len(leaves) + len(plain)
    assert classes["edge"] == len(operands)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_names_are_those_of_unroll_and_edges_join_them() -> None:
    drawing = draw(perceptron(2), collapse=False)
    assert edges(drawing) == Counter(
        {
            ("X", "Z1"): 1, ("W1", "Z1"): 1, ("b1", "Z1"): 1, ("Z1", "A1"): 1, ("A1", "Z2"): 1,
            ("W2", "Z2"): 1, ("b2", "Z2"): 1, ("Z2", "L"): 1, ("t", "L"): 1,
        }
    )  # fmt: skip
    assert boxes(drawing)["Z1"] == ["layer 1", "linear [D1-F1]", "(8, 3) float64"]
    assert boxes(draw(perceptron(2), shapes=False))["L"] == ["bce_with_logits [D4-L2]"]


def test_an_operand_that_is_used_twice_has_two_edges() -> None:
    x = leaf("x", 2)
    y = x * x
    y.name = "y"
    drawing = draw(y)
    assert edges(drawing) == Counter({("x", "y"): 2})
    assert "x → y, as its operand" in drawing.svg()


def test_values_are_those_of_the_tensors() -> None:
    W = tg.tensor([[1.5, -2.0], [0.25, 1e-9]], dtype="float64", requires_grad=True, name="W")
    X = data("X", 50, 2)
    loss = tg.mse(X @ W, data("t", 50, 2))
    shown = boxes(draw(loss, values=True))
    assert shown["W"][-2:] == ["W = [[  1.5,    -2]", "[ 0.25, 1e-09]]"]
    assert shown["L"][-1] == f"L = {loss.item():.4g}"
    a = X.numpy()
    assert shown["X"][-1] == f"X: min {a.min():.4g} mean {a.mean():.4g} max {a.max():.4g}"
    assert "1.0e-09" in next(
        box.detail for box in draw(loss, values=True).graph.boxes if box.name == "W"
    )


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (np.zeros((0, 3)), ["v = empty"]),
        (np.array([1.0, np.nan, -np.inf]), ["v = [   1,  nan, -inf]"]),
        (np.full(99, np.nan), ["v: no finite entry"]),
        (np.r_[np.arange(99.0), np.inf], ["v: min 0 mean 49 max 98", "1 not finite"]),
        (np.arange(3), ["v = [0, 1, 2]"]),
        (np.ones(99, bool), ["v: 99 entries"]),
    ],
)
def test_unusual_values_are_shown_too(array: Any, shown: list[str]) -> None:
    v = tg.tensor(array, name="v")
    loss = (leaf("x") * v).sum()
    assert boxes(draw(loss, values=True))["v"][-len(shown) :] == shown


def test_a_long_name_is_cut_and_whole_in_the_tool_tip() -> None:
    name = "weights_of_the_" * 5
    drawing = draw((leaf(name, 2) * 2.0).sum(), values=True, gradients=True)
    (box,) = (box for box in drawing.graph.boxes if box.kind == "parameter")
    rows = boxes(drawing)[name[:43] + "…"]
    assert rows[1].startswith("weights_of_the_… = [") and rows[2].endswith(": not computed")
    assert name in box.detail and f"{name} = [" in box.detail


def test_parameters_are_folded_into_their_layer_and_shared_ones_are_not() -> None:
    shown = boxes(draw(NETWORKS["shared weight"](), collapse=True))
    assert set(shown) == {"X", "W", "layer 1", "layer 2", "layer 3", "layer 4", "layer 5", "t", "L"}
    x, W = leaf("x", 3, 2), tg.nn.Parameter(np.ones((2, 2)), dtype="float64", name="W")
    assert set(boxes(draw((x @ W).sum(), collapse=True))) == {"x", "layer 1", "sum1"}


def test_large_graphs_are_collapsed_and_say_so_and_huge_ones_are_refused() -> None:
    drawing = draw(perceptron(20))
    assert len(drawing.graph.boxes) == 23
    assert "layers are collapsed, since there would be" in str(drawing)
    assert "layers are collapsed" in parsed(drawing).findall(f"{SVG}desc")[0].text
    assert len(draw(perceptron(20), collapse=False).graph.boxes) > 60
    with pytest.raises(ValueError, match=r"boxes cannot be read.*collapse=True"):
        draw(perceptron(120), collapse=False)
    with pytest.raises(ValueError, match="400 is the most: draw a part"):
        chain = leaf("x", 2)
        for _ in range(400):
            chain = tg.sin(chain)
        draw(chain)


def test_dashes_say_that_no_gradient_is_needed() -> None:
    kinds = {
        group.findall(f"{SVG}text")[0].text: group.get("class").split()
        for group in parsed(draw(NETWORKS["residual"](), collapse=False)).iter(f"{SVG}g")
        if "box" in group.get("class").split()
    }
    assert {"data", "frozen"} <= set(kinds["X"]) and {"number", "frozen"} <= set(kinds["0.5"])
    assert "parameter" in kinds["W1"] and "frozen" not in kinds["W1"]
    assert "root" in kinds["mean1"] and "result" in kinds["Z1"]
    W = tg.nn.Parameter(np.ones((2, 2)), name="W")
    W.requires_grad = False
    svg = draw((tg.tensor(np.ones((2, 2), "float32"), requires_grad=True) @ W).sum()).svg()
    assert 'class="box parameter frozen"' in svg


def test_the_svg_stands_alone() -> None:
    for theme in ("light", "dark", "auto"):
        drawing = draw(perceptron(2), theme=theme)
        svg = drawing.svg()
        assert drawing._repr_svg_() == svg
        for banned in ("<script", "<image", "href", "url(", "@import", "onload"):
            assert banned not in svg
        assert set(re.findall(r"https?://[^\"' ]+", svg)) == {"http://www.w3.org/2000/svg"}
        root = parsed(drawing)
        assert root.get("aria-labelledby").split() == [
            root.findall(f"{SVG}title")[0].get("id"),
            root.findall(f"{SVG}desc")[0].get("id"),
        ]
        told = root.findall(f"{SVG}desc")[0].text
        assert "Z1 (result), from X, W1, b1: linear [D1-F1]" in told


def test_layers_are_groups_that_a_page_can_find() -> None:
    groups = {
        group.get("data-layer"): group
        for group in parsed(draw(perceptron(2), collapse=False)).iter(f"{SVG}g")
        if group.get("class") == "group"
    }
    assert set(groups) == {"layer 1", "layer 2"}
    inside = [g.findall(f"{SVG}text")[0].text for g in groups["layer 1"].findall(f"{SVG}g")]
    assert set(inside) == {"W1", "b1", "Z1", "A1"} and groups["layer 1"].get("id")


def test_saving_takes_svg_only(tmp_path: Path) -> None:
    drawing = draw(perceptron(2))
    path = drawing.save(tmp_path / "net.svg")
    assert path.read_text(encoding="utf-8") == drawing.svg()
    with pytest.raises(ValueError, match=r"ends in '\.png'.*save it as 'net\.svg'"):
        drawing.save(tmp_path / "net.png")
    assert [p.name for p in tmp_path.iterdir()] == ["net.svg"]
    assert str(drawing) == "<drawing: the computation of L, 10 boxes, 9 edges>"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "up"}, "direction='up'"),
        ({"theme": "sepia"}, "theme='sepia'"),
        ({"collapse": -1}, "collapse=-1"),
        ({"collapse": "yes"}, "collapse='yes'"),
    ],
)
def test_unknown_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(perceptron(2), **options)


def test_what_cannot_be_drawn_is_explained() -> None:
    with pytest.raises(tg.TapeError, match="draw needs a recorded result"):
        draw(data("X", 2))
    with pytest.raises(TypeError, match=r"draw takes a recorded tensor.*got ndarray"):
        draw(np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="got Tensor, Tensor"):
        draw(perceptron(2), data("X", 2))
