"""How a network shows itself: its repr, its table, and the place of an error."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import ShapeError, nn


class Net(nn.Module):
    """Own parameters, and layers in a list and a dict."""

    def __init__(self) -> None:
        self.scale = nn.Parameter([2.0])
        self.blocks = [nn.Linear(3, 4, seed=0), nn.Linear(4, 4, seed=1)]
        self.heads = {"left": nn.Linear(4, 1, seed=2), "right": nn.Linear(4, 1, seed=3)}
        self.shift = tg.tensor([0.5], requires_grad=True)
        self.width = 4

    def forward(self, X: Any) -> Any:
        for block in self.blocks:
            X = block(X)
        return (self.heads["left"](X) - self.heads["right"](X)) * self.scale + self.shift


def batch(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(0).normal(size=shape).astype("float32"))


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4, activation="relu", seed=0), nn.Linear(4, 1, seed=1))


def words(row: str) -> str:
    return " ".join(row.split())


def test_repr_shows_the_layers_inside_each_other() -> None:
    net = nn.Sequential(nn.Linear(3, 4, activation="relu"), nn.Sequential(nn.Dropout(0.1)))
    assert repr(net).splitlines() == [
        "Sequential(",
        "  0: Linear(3, 4, relu)",
        "  1: Sequential(",
        "    0: Dropout(0.1)",
        "  )",
        ")",
    ]


def test_summary_is_a_table_of_layers_shapes_and_numbers() -> None:
    rows = two_layers().summary((5, 3)).splitlines()
    assert words(rows[1]) == "0 Linear(3, 4, relu) (5, 4) 16 W1 (3, 4), b1 (4,)"
    assert words(rows[2]) == "1 Linear(4, 1) (5, 1) 5 W2 (4, 1), b2 (1,)"
    assert rows[3] == "21 numbers to train; float32 on 'numpy'; input (5, 3)"


def test_summary_without_an_input_shape_leaves_the_shapes_out() -> None:
    rows = two_layers().summary().splitlines()
    assert "output" not in rows[0]
    assert words(rows[1]) == "0 Linear(3, 4, relu) 16 W1 (3, 4), b1 (4,)"


def test_summary_counts_shared_parameters_once_and_names_frozen_ones() -> None:
    shared = nn.Linear(3, 3)
    shared.b.requires_grad = False
    text = nn.Sequential(shared, nn.ReLU(), shared).summary((1, 3))
    assert text.splitlines()[-1].startswith("12 numbers, 3 of them frozen")


def test_summary_counts_a_tied_weight_in_the_first_of_its_layers() -> None:
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].W = tied[0].W
    rows = tied.summary().splitlines()
    assert words(rows[1]) == "0 Linear(3, 3) 12 W1 (3, 3), b1 (3,)"
    assert words(rows[2]) == "1 Linear(3, 3) 3 b2 (3,)"
    assert rows[3].startswith("15 numbers")


def test_summary_lists_a_modules_own_parameters() -> None:
    rows = Net().summary((2, 3)).splitlines()
    assert words(rows[1]) == "- Net (2, 1) 2 scale (1,), shift (1,)"


def test_summary_changes_nothing() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5, seed=0))
    net.summary((2, 3))
    assert net[1].call == 0 and net[1].training
    assert not any("forward" in vars(module) for _, module in net.named_modules())
    assert net(batch(2, 3)).requires_grad


def test_summary_of_an_input_that_does_not_fit_names_the_layer() -> None:
    net = two_layers()
    with pytest.raises(ShapeError, match="layer 0, Linear"):
        net.summary((5, 4))
    assert "forward" not in vars(net[0])


def test_an_error_deep_inside_is_located_by_its_whole_path() -> None:
    net = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Linear(2, 2)))
    with pytest.raises(
        ShapeError, match=r"^layer 0\.1, Linear\(2, 2\): an input of shape \(1, 3\)"
    ):
        net([[1.0, 2.0, 3.0]])
