"""Dropout, Flatten, Sequential and the activations as layers."""

from typing import Any

import numpy as np
import pytest
from devices import DEVICES, NAMES
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed import ShapeError, nn, ops


def ones(*shape: int, device: str = "numpy") -> tg.Tensor:
    return tg.ones(shape, device=device)


# --- dropout ------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_dropout_keeps_the_expectation(device: str) -> None:
    y = nn.Dropout(0.25, seed=0)(ones(400, 500, device=device)).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    n = y.size
    assert abs(y.mean() - 1) < 5 * np.sqrt(0.25 / 0.75 / n)


def test_dropout_is_the_identity_in_evaluation_and_for_p_zero() -> None:
    x = ones(3, 4)
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0)(x) is x


def test_every_call_draws_another_mask_and_a_seed_repeats_the_series() -> None:
    x = ones(20, 20)
    first, second = nn.Dropout(0.5, seed=3), nn.Dropout(0.5, seed=3)
    series = [[layer(x).numpy() for _ in range(3)] for layer in (first, second)]
    np.testing.assert_array_equal(series[0], series[1])
    assert not np.array_equal(series[0][0], series[0][1])
    assert first.call == 3


def test_the_mask_is_the_same_on_every_device() -> None:
    masks = [nn.Dropout(0.5, seed=3)(ones(7, 9, device=device)).numpy() for device in NAMES]
    for mask in masks[1:]:
        np.testing.assert_array_equal(mask, masks[0])


@pytest.mark.parametrize("device", DEVICES)
def test_the_gradient_passes_where_the_value_passed(device: str) -> None:
    x = tg.tensor(np.ones((5, 6)), requires_grad=True, device=device)
    y = nn.Dropout(0.5, seed=1)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_layers_that_share_a_generator_draw_different_masks() -> None:
    rng = np.random.default_rng(0)
    first, second = nn.Dropout(0.5, rng), nn.Dropout(0.5, rng)
    assert first.seed != second.seed


def test_evaluation_does_not_move_the_series_on() -> None:
    layer = nn.Dropout(0.5, seed=0)
    layer.eval()(ones(3))
    assert layer.call == 0


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, float("nan")])
def test_p_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"the chance of a zero, in \[0, 1\)"):
        nn.Dropout(p)


def test_a_seed_that_is_no_64_bit_number_is_refused() -> None:
    with pytest.raises(ValueError, match="a seed lies in"):
        nn.Dropout(0.5, seed=-1)


# --- flatten ------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_flatten_keeps_the_samples_and_the_c_order(shape: list[int]) -> None:
    x = np.arange(np.prod(shape), dtype="float64").reshape(shape)
    y = nn.Flatten()(tg.tensor(x))
    assert y.shape == (shape[0], int(np.prod(shape[1:], dtype=int)))
    np.testing.assert_array_equal(y.numpy().ravel(), x.ravel())


def test_a_scalar_cannot_be_flattened() -> None:
    with pytest.raises(ShapeError, match=r"Flatten\(\): a scalar has no axis of samples"):
        nn.Flatten()(tg.tensor(1.0))


# --- sequential ---------------------------------------------------------------------------------


def test_sequential_is_composition() -> None:
    first, second = nn.Linear(3, 4, seed=0), nn.Linear(4, 2, seed=1)
    x = ones(5, 3)
    both = nn.Sequential(first, nn.Tanh(), second)
    np.testing.assert_array_equal(both(x).numpy(), second(tg.tanh(first(x))).numpy())


def test_sequential_is_indexable_and_iterable() -> None:
    layers = nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)
    net = nn.Sequential(*layers)
    assert len(net) == 3
    assert net[0] is layers[0] and net[-1] is layers[2]
    assert list(net) == list(layers)
    with pytest.raises(IndexError):
        net[3]


def test_a_slice_is_a_network_that_shares_layers_and_names() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    tail = net[1:]
    assert isinstance(tail, nn.Sequential) and len(tail) == 2
    assert tail[1] is net[2]
    assert net[2].W.name == tail[1].W.name == "W2"
    assert tail(ones(5, 4)).shape == (5, 2)


def test_an_empty_sequential_is_the_identity() -> None:
    x = ones(2)
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize("wrong", [nn.ReLU, tg.relu, "relu"])
def test_something_that_is_no_layer_is_refused_with_its_place(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"layer 1 is .* not a module"):
        nn.Sequential(nn.Linear(2, 2), wrong)


# --- activations --------------------------------------------------------------------------------

ACTIVATIONS = {
    nn.ReLU(): ops.relu,
    nn.Sigmoid(): ops.sigmoid,
    nn.Tanh(): ops.tanh,
    nn.Softplus(): ops.softplus,
    nn.GELU(): ops.gelu,
    nn.SiLU(): ops.silu,
    nn.LeakyReLU(0.2): lambda z: ops.leaky_relu(z, slope=0.2),
    nn.Softmax(axis=0): lambda z: ops.softmax(z, axis=0),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layer", ACTIVATIONS, ids=repr)
def test_an_activation_layer_is_its_op(layer: nn.Module, device: str) -> None:
    z = np.linspace(-3, 3, 12).reshape(3, 4)
    np.testing.assert_allclose(
        layer(tg.tensor(z, device=device)).numpy(), ACTIVATIONS[layer](z), rtol=1e-12
    )
    assert layer.parameters() == []


def test_softmax_adds_up_to_one_along_its_axis() -> None:
    z = tg.tensor(np.random.default_rng(0).normal(size=(3, 4)))
    np.testing.assert_allclose(nn.Softmax()(z).numpy().sum(axis=-1), 1)
    np.testing.assert_allclose(nn.Softmax(axis=0)(z).numpy().sum(axis=0), 1)


def test_a_sigmoid_layer_before_a_loss_on_logits_is_noticed() -> None:
    net = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
    with pytest.warns(tg.LogitsWarning, match="bce_with_logits expects logits"):
        tg.bce_with_logits(net(ones(5, 3)), ones(5, 1))
