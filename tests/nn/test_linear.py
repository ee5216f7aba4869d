"""`Linear`: Z = X W + b with W (in, out), one node of the tape, on every device."""

from typing import Any

import numpy as np
import pytest
from devices import DEVICES
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed import DTypeError, ShapeError, nn

ACTIVATIONS = {
    None: lambda Z: Z,
    "relu": lambda Z: np.maximum(Z, 0),
    "sigmoid": lambda Z: 1 / (1 + np.exp(-Z)),
    "tanh": np.tanh,
}


def inputs(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_linear_layer_computes_f_of_x_w_plus_b(device: str, activation: str | None) -> None:
    layer = nn.Linear(3, 2, activation=activation, init="torch", dtype="float64", device=device)
    X = inputs(5, 3)
    W, b = layer.W.numpy(), layer.b.numpy()
    A = layer(tg.tensor(X, device=device))
    np.testing.assert_allclose(A.numpy(), ACTIVATIONS[activation](X @ W + b), rtol=1e-13)
    assert A.device == device


def test_w_is_in_out() -> None:
    layer = nn.Linear(30, 64)
    assert layer.W.shape == (30, 64)
    assert layer.b.shape == (64,)


@pytest.mark.parametrize("device", DEVICES)
def test_a_layer_with_activation_is_one_node(device: str) -> None:
    layer = nn.Linear(3, 2, activation="tanh", device=device)
    X = tg.tensor(inputs(5, 3).astype("float32"), device=device)
    A = layer(X)
    assert A.op.name == "linear"
    assert A._sources == (X, layer.W, layer.b)


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_are_those_of_the_derivation(device: str) -> None:
    # [D4-B1] with rows as samples: dW = X^T dZ, db = sum of dZ over the samples, dX = dZ W^T.
    layer = nn.Linear(3, 2, dtype="float64", device=device)
    X = tg.tensor(inputs(5, 3), requires_grad=True, device=device)
    dZ = inputs(5, 2, seed=1)
    layer(X).backward(seed=dZ)
    np.testing.assert_allclose(layer.W.grad.numpy(), X.numpy().T @ dZ, rtol=1e-12)
    np.testing.assert_allclose(layer.b.grad.numpy(), dZ.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(X.grad.numpy(), dZ @ layer.W.numpy().T, rtol=1e-12)


@given(st.lists(st.integers(0, 4), max_size=4))
def test_any_leading_axes_are_samples(leading: list[int]) -> None:
    layer = nn.Linear(3, 2, activation="tanh", dtype="float64", init="torch", seed=0)
    X = inputs(*leading, 3)
    A = layer(tg.tensor(X))
    assert A.shape == (*leading, 2)
    Z = X @ layer.W.numpy() + layer.b.numpy()
    np.testing.assert_allclose(A.numpy(), np.tanh(Z), atol=1e-14)


def test_gradients_flow_through_leading_axes() -> None:
    layer = nn.Linear(3, 2, dtype="float64")
    X = inputs(4, 5, 3)
    layer(tg.tensor(X)).sum().backward()
    np.testing.assert_allclose(layer.W.grad.numpy(), np.stack([X.sum((0, 1))] * 2, axis=1))
    np.testing.assert_allclose(layer.b.grad.numpy(), [20.0, 20.0])


def test_without_bias_z_is_x_w() -> None:
    layer = nn.Linear(3, 2, bias=False, dtype="float64")
    assert layer.b is None
    (only,) = layer.parameters()
    assert only is layer.W
    X = inputs(5, 3)
    np.testing.assert_allclose(layer(X).numpy(), X @ layer.W.numpy(), rtol=1e-14)


def test_lists_and_arrays_are_taken_as_inputs() -> None:
    layer = nn.Linear(2, 1)
    assert layer([[1, 2], [3, 4]]).shape == (2, 1)
    assert layer(np.zeros((4, 2), "float32")).dtype == np.float32


def test_parameters_are_float32_unless_told_otherwise() -> None:
    assert nn.Linear(2, 1).W.dtype == np.float32
    assert nn.Linear(2, 1, dtype="float64").b.dtype == np.float64


def test_equal_seeds_give_equal_layers_in_both_precisions() -> None:
    narrow, wide = (nn.Linear(4, 3, dtype=d, seed=7).W.numpy() for d in ("float32", "float64"))
    np.testing.assert_array_equal(narrow, wide.astype("float32"))


def test_torch_layout_goes_there_and_back() -> None:
    weight, bias = inputs(2, 3), inputs(2)
    layer = nn.Linear.from_torch_layout(weight, bias, activation="relu", dtype="float64")
    assert (layer.in_features, layer.out_features, layer.activation) == (3, 2, "relu")
    X = inputs(5, 3)
    expected = np.maximum(X @ weight.T + bias, 0)
    np.testing.assert_allclose(layer(X).numpy(), expected, rtol=1e-13)
    back = layer.to_torch_layout()
    np.testing.assert_array_equal(back[0], weight)
    np.testing.assert_array_equal(back[1], bias)
    back[0][:] = 0  # a copy: the layer keeps its weights
    np.testing.assert_array_equal(layer.W.numpy(), weight.T)


def test_torch_layout_without_bias() -> None:
    layer = nn.Linear.from_torch_layout(inputs(2, 3))
    assert layer.b is None
    assert layer.to_torch_layout()[1] is None


def test_torch_layout_that_does_not_fit_names_both_shapes() -> None:
    with pytest.raises(ShapeError, match=r"weight \(out, in\).* got \(2, 3\) and \(3,\)"):
        nn.Linear.from_torch_layout(inputs(2, 3), inputs(3))


@pytest.mark.parametrize("device", DEVICES)
def test_a_wrong_input_size_names_both_shapes_and_the_layer(device: str) -> None:
    net = nn.Sequential(nn.Linear(30, 64, device=device), nn.Linear(63, 1, device=device))
    with pytest.raises(
        ShapeError,
        match=r"layer 1, Linear\(63, 1\): an input of shape \(8, 64\) does not fit W2 \(63, 1\)",
    ):
        net(np.zeros((8, 30), "float32"))


@pytest.mark.parametrize("shape", [(), (4,), (4, 2, 4)])
def test_every_rank_is_checked(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"must have 3 entries"):
        nn.Linear(3, 2)(np.zeros(shape, "float32"))


def test_mixed_number_types_name_the_layer_and_the_fix() -> None:
    with pytest.raises(DTypeError, match=r"Linear\(3, 2\): .*float64.*float32.*astype"):
        nn.Linear(3, 2)(np.zeros((5, 3)))


@pytest.mark.parametrize("size", [0, -1, 2.0, "3", True])
def test_sizes_are_whole_numbers_of_at_least_one(size: Any) -> None:
    with pytest.raises(ValueError, match="in_features must be a whole number of at least 1"):
        nn.Linear(size, 2)
    with pytest.raises(ValueError, match="out_features must be a whole number of at least 1"):
        nn.Linear(2, size)


def test_an_activation_that_is_not_fused_is_offered_as_a_layer() -> None:
    with pytest.raises(ValueError, match=r"unknown activation 'gelu'; .*nn\.GELU\(\) after it"):
        nn.Linear(2, 3, activation="gelu")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(tg.DeviceError, match="unknown device 'tpu'"):
        nn.Linear(2, 3, device="tpu")


def test_second_derivatives_go_through_a_layer() -> None:
    # y = tanh(w x): d²y/dx² = -2 y (1 - y²) w²
    layer = nn.Linear(1, 1, activation="tanh", bias=False, dtype="float64", seed=0)
    x = tg.tensor(np.array([[0.7]]), requires_grad=True)
    y = layer(x)
    slope = tg.grad(y.sum(), x, create_graph=True)
    curvature = tg.grad(slope.sum(), x).item()
    w, value = layer.W.item(), y.item()
    assert curvature == pytest.approx(-2 * value * (1 - value**2) * w**2, rel=1e-12)
