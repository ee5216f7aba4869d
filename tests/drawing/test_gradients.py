"""Gradients in the boxes: the tensors' own or "not computed"; and drawing changes nothing."""

from typing import Any

import numpy as np
import pytest
from devices import each_device
from drawing.networks import data, leaf, perceptron
from drawing.reading import boxes, gradient_rows

import tinygrad_ed as tg
from tinygrad_ed.drawing import draw
from tinygrad_ed.tape import Node, recorded_nodes


@each_device
def test_gradients_are_not_computed_before_backward_and_right_after_it(device: str) -> None:
    x = tg.tensor([[0.5, -1.0]], name="x", device=device)
    w = tg.tensor([[2.0], [1.0]], requires_grad=True, name="w", device=device)
    Z = x @ w
    loss = (tg.sigmoid(Z) * 3.0).sum()
    before = gradient_rows(draw(loss, gradients=True, collapse=False))
    assert set(before) == {"w", "Z", "A", "multiply1", "sum1"}
    assert all(rows == [f"d{name}: not computed"] for name, rows in before.items())
    loss.backward()
    after = gradient_rows(draw(loss, gradients=True, collapse=False))
    s = 1 / (1 + np.exp(0.0))
    slope = np.float32(3 * s * (1 - s))
    assert after["Z"] == [f"dZ = [[{slope:.4g}]]"] and after["A"] == ["dA = [[3]]"]
    assert after["w"] == [f"dw = [[{0.5 * slope:.4g}]", f"[{-slope:.4g}]]"]
    assert after["sum1"] == ["dsum1 = 1"] and set(after) == set(before)


def test_inner_gradients_are_shown_only_if_they_are_those_of_the_pass() -> None:
    x = leaf("x", 2)
    y = (x * x).sum()
    y.backward(3.0)
    rows = gradient_rows(draw(y, gradients=True))
    assert rows["multiply1"][0].startswith("dmultiply1: not kept")
    assert x.grad is not None and rows["x"][0].startswith("dx = [")
    x.grad = None
    assert "not computed" in gradient_rows(draw(y, gradients=True))["x"][0]
    z = (x * x).sum()
    z.backward(retain_graph=True)
    assert gradient_rows(draw(z, gradients=True))["multiply1"] == ["dmultiply1 = [1, 1]"]


def test_a_gradient_is_shown_for_every_layer_that_is_collapsed() -> None:
    loss = perceptron(2)
    loss.backward()
    shown = boxes(draw(loss, values=True, gradients=True, collapse=True))
    assert set(shown) == {"X", "layer 1", "layer 2", "t", "L"}
    text = " ".join(shown["layer 2"])
    for part in ("Z2 = linear", "W2 (3, 1)", "b2 (1,)", "dW2 = ", "db2 = ", "→ Z2 (8, 1)", "dZ2:"):
        assert part in text


def snapshot(loss: tg.Tensor) -> list[Any]:
    nodes: list[Any] = recorded_nodes(loss)
    leaves = [s for n in nodes for s in n._sources if isinstance(s, Node)]
    return [
        (
            id(n), n._array.tobytes(), n._needs, n._used, n._retains, n._spent, n.name, id(n._home),
            id(n._grad), n._version and n._version.ticket,
            None if n._grad is None else np.asarray(getattr(n._grad, "_array", n._grad)).tobytes(),
        )
        for n in [*nodes, *leaves]
    ]  # fmt: skip


@pytest.mark.parametrize("ready", [False, True])
def test_drawing_changes_nothing(ready: bool) -> None:
    loss = perceptron(2)
    leaves = [s for n in recorded_nodes(loss) for s in n._sources if isinstance(s, tg.Tensor)]
    optimizer = tg.optim.SGD([t for t in leaves if t.requires_grad and t.is_leaf], lr=0.1)
    loss = perceptron(2)
    if ready:
        loss.backward()
    before = snapshot(loss)
    draw(loss, values=True, gradients=True)
    assert snapshot(loss) == before
    if not ready:
        loss.backward()
    optimizer.zero_grad()


def test_the_places_that_an_optimiser_gave_to_gradients_stay_its_own() -> None:
    W = leaf("W", 2, 2)
    optimizer = tg.optim.SGD([W], lr=0.1)
    loss = (data("X", 3, 2) @ W).sum()
    loss.backward()
    home = W._home
    assert home is not None
    draw(loss, gradients=True)
    assert W._home is home
    optimizer.step()


def test_numbers_that_no_longer_fit_are_refused_but_the_graph_is_drawn() -> None:
    W = leaf("W", 2, 2)
    loss = (data("X", 3, 2) @ W).sum()
    W.data = np.zeros((2, 2))
    with pytest.raises(tg.TapeError, match=r"W .* was changed in place"):
        draw(loss, values=True)
    with pytest.raises(tg.TapeError, match=r"W .* was changed in place"):
        draw(loss, gradients=True)
    assert "W" in boxes(draw(loss))
