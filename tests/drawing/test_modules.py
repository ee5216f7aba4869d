"""`tg.draw(network, X)`: layers as the modules are called."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import nn
from tinygrad_ed.drawing import draw


class Block(nn.Module):
    """Two layers around a skip connection."""

    def __init__(self, size: int) -> None:
        self.first = nn.Linear(size, size, activation="relu", seed=0)
        self.second = nn.Linear(size, size, seed=1)

    def forward(self, X: Any) -> Any:
        """Shapes: (N, D) -> (N, D)."""
        return X + self.second(self.first(X))


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4, seed=2), nn.Tanh(), Block(4), nn.Dropout(0.5, seed=3))


X = np.ones((5, 3), "float32")


def names(collapse: Any) -> list[str]:
    return [box.name for box in draw(network(), X, collapse=collapse).graph.boxes]


def test_layers_are_collapsed_as_deep_as_one_asks() -> None:
    assert names(False) == ["X", "W1", "b1", "Z1", "A1", "W2", "b2", "A2", "W3", "b3", "Z3", "add1"]
    assert names(True) == names(1) == ["X", "0 Linear(3, 4)", "A1", "2 Block"]
    assert names(2) == [
        "X", "0 Linear(3, 4)", "A1", "2.first Linear(4, 4, relu)", "2.second Linear(4, 4)", "add1",
    ]  # fmt: skip


def test_a_layer_that_is_called_twice_is_two_boxes_around_its_shared_parameters() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 3, seed=0)

        def forward(self, X: Any) -> Any:
            return self.layer(tg.tanh(self.layer(X)))

    graph = draw(Twice(), X, collapse=True).graph
    assert [box.name for box in graph.boxes if box.layer] == ["Z1", "Z2"]
    assert [b.layer for b in graph.boxes if b.layer] == [
        "layer Linear(3, 3)",
        "layer Linear(3, 3), call 2",
    ]
    assert {"W1", "b1"} <= {box.name for box in graph.boxes}


def test_drawing_a_network_leaves_it_as_it_was() -> None:
    net = network()
    net[1].eval()
    modes = [module.training for _, module in net.named_modules()]
    members = [set(vars(module)) for _, module in net.named_modules()]
    draw(net, X, values=True, gradients=True)
    assert [module.training for _, module in net.named_modules()] == modes
    assert [set(vars(module)) for _, module in net.named_modules()] == [
        m | {"training"} for m in members
    ]
    assert net[3].call == 0 and all(p.grad is None for p in net.parameters())


def test_a_forward_of_an_object_of_its_own_is_run_and_stays() -> None:
    net = nn.Sequential(nn.Linear(3, 4, seed=0))
    vars(net[0])["forward"] = own = lambda X: tg.tanh(tg.tensor(X) @ net[0].W)
    drawing = draw(net, X, collapse=False)
    assert [box.name for box in drawing.graph.boxes] == ["A", "W1", "Z", "A_2"]
    assert vars(net[0])["forward"] is own


def test_a_layer_with_many_parts_lists_some_of_them() -> None:
    class Wide(nn.Module):
        def __init__(self) -> None:
            self.parts = [nn.Linear(3, 3, seed=k) for k in range(9)]

        def forward(self, X: Any) -> Any:
            for part in self.parts:
                X = part(X)
            return X

    (box,) = (b for b in draw(nn.Sequential(Wide()), X, collapse=1).graph.boxes if b.layer)
    assert "… 3 more" in box.rows and "… 12 more parameters" in box.rows
    assert all(f"Z{k} = linear" in box.detail and f"W{k}\n" in box.detail for k in range(1, 10))


def test_a_network_is_as_it_was_after_an_error_too() -> None:
    net = network()
    with pytest.raises(tg.ShapeError, match="layer 0"):
        draw(net, np.ones((5, 7), "float32"))
    assert all("forward" not in vars(module) for _, module in net.named_modules())
    assert all(module.training for _, module in net.named_modules())


def test_a_network_without_trainable_parameters_is_not_recorded() -> None:
    with pytest.raises(tg.TapeError, match="draw needs a recorded result"):
        draw(nn.Sequential(nn.Tanh()), X)


def test_drawing_inside_a_captured_step_is_refused() -> None:
    net = nn.Sequential(nn.Linear(3, 1, seed=0)).to("cpu")
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1)

    def step(X: Any, t: Any) -> Any:
        loss = tg.mse(net(X), t)
        draw(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    batch = tg.tensor(X, device="cpu"), tg.tensor(np.ones((5, 1), "float32"), device="cpu")
    with pytest.raises(tg.CaptureError, match=r"drawing .*the result of mse"):
        tg.capture(step)(*batch)
