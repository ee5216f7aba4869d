"""`Module`: which parameters it has, what they are called, and its modes."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import DTypeError, nn


class Net(nn.Module):
    """Layers as an attribute, in a list, in a dict and nested; a parameter and a plain leaf."""

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


def test_attributes_lists_and_dicts_are_searched_in_order() -> None:
    assert [path for path, _ in Net().named_parameters()] == [
        "scale",
        "shift",
        "blocks.0.W",
        "blocks.0.b",
        "blocks.1.W",
        "blocks.1.b",
        "heads.left.W",
        "heads.left.b",
        "heads.right.W",
        "heads.right.b",
    ]


def test_parameters_are_called_by_the_symbols_of_the_derivation() -> None:
    assert [p.name for p in two_layers().parameters()] == ["W1", "b1", "W2", "b2"]
    names = [p.name for p in Net().parameters()]
    assert names == ["scale", "shift", "W1", "b1", "W2", "b2", "W3", "b3", "W4", "b4"]
    layer = nn.Linear(2, 1)
    assert (layer.W.name, layer.b.name) == ("W", "b")


def test_layers_without_parameters_are_not_counted() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.ReLU(), nn.Linear(4, 1))
    assert [p.name for p in net.parameters()] == ["W1", "b1", "W2", "b2"]
    assert list(net.state_dict()) == ["0.W", "0.b", "3.W", "3.b"]


def test_an_outer_network_numbers_all_its_layers() -> None:
    first, second = two_layers(), two_layers()
    both = nn.Sequential(first, second)
    assert [p.name for p in both.parameters()] == [f"{s}{k}" for k in (1, 2, 3, 4) for s in "Wb"]


def test_a_name_that_was_chosen_stays() -> None:
    class Gain(nn.Module):
        def __init__(self) -> None:
            self.g = nn.Parameter([1.0], name="γ")

        def forward(self, X: Any) -> Any:
            return X * self.g

    net = nn.Sequential(nn.Linear(2, 2), Gain(), nn.Linear(2, 2))
    assert [p.name for p in net.parameters()] == ["W1", "b1", "γ", "W3", "b3"]


def test_names_are_unique_even_where_attributes_look_like_them() -> None:
    class Clash(nn.Module):
        def __init__(self) -> None:
            self.W1 = nn.Parameter([1.0])
            self.hidden = nn.Linear(2, 2)

    net = Clash()
    assert [p.name for p in net.parameters()] == ["W1", "hidden.W", "b1"]
    net.name_parameters()
    assert [p.name for p in net.parameters()] == ["W1", "hidden.W", "b1"]


def test_a_layer_added_later_is_found_and_can_be_named() -> None:
    net = Net()
    net.blocks.append(nn.Linear(4, 4))
    assert len(net.parameters()) == 12
    net.name_parameters()
    assert net.blocks[2].W.name == "W3"


def test_a_shared_layer_counts_once() -> None:
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    assert list(net.state_dict()) == ["0.W", "0.b"]
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].W = tied[0].W
    assert [path for path, _ in tied.named_parameters()] == ["0.W", "0.b", "1.b"]


def test_a_module_that_holds_itself_is_walked_once() -> None:
    net = two_layers()
    net[0].parent = net
    assert len(net.parameters()) == 4


def test_no_constructor_of_the_base_class_is_needed() -> None:
    class Bare(nn.Module):
        pass

    assert Bare().training
    assert Bare().parameters() == []
    with pytest.raises(NotImplementedError, match="Bare has no forward"):
        Bare()(1)


# --- parameters ---------------------------------------------------------------------------------


def test_a_parameter_is_a_float32_leaf_with_its_own_memory() -> None:
    data = np.ones(3)
    p = nn.Parameter(data)
    data[:] = 7
    assert p.dtype == np.float32
    assert p.requires_grad and p.is_leaf
    assert p.numpy().tolist() == [1, 1, 1]


def test_results_of_ops_on_parameters_are_plain_tensors() -> None:
    assert type(nn.Parameter([1.0]) * 2) is tg.Tensor


@pytest.mark.parametrize("dtype", ["int64", "complex128", "bool"])
def test_a_parameter_of_whole_or_complex_numbers_is_refused(dtype: str) -> None:
    with pytest.raises(DTypeError, match="follows its gradient in small steps"):
        nn.Parameter([1, 2], dtype=dtype)


def test_a_frozen_parameter_stays_a_parameter() -> None:
    net = two_layers()
    net[0].W.requires_grad = False
    assert "0.W" in net.state_dict()
    tg.mse(net(batch(5, 3)), batch(5, 1)).backward()
    assert net[0].W.grad is None
    assert net[0].b.grad is not None


# --- modes and gradients ------------------------------------------------------------------------


def test_train_and_eval_reach_every_layer() -> None:
    net = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout()))
    assert net.eval() is net
    assert not any(module.training for _, module in net.named_modules())
    net.train()
    assert all(module.training for _, module in net.named_modules())


def test_evaluation_gives_back_each_layers_own_mode() -> None:
    net = nn.Sequential(nn.Dropout(), nn.Dropout())
    net[1].eval()
    with nn.evaluation(net):
        assert not net[0].training and not tg.is_recording()
    assert (net[0].training, net[1].training, tg.is_recording()) == (True, False, True)


def test_zero_grad_forgets_every_gradient() -> None:
    net = two_layers()
    tg.mse(net(batch(5, 3)), batch(5, 1)).backward()
    net.zero_grad()
    assert [p.grad for p in net.parameters()] == [None] * 4
