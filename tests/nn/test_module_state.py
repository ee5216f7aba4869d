"""A network moved, copied, saved and brought back; bad input changes nothing."""

import copy
from typing import Any

import numpy as np
import pytest
from devices import DEVICES

import tinygrad_ed as tg
from tinygrad_ed import DTypeError, ShapeError, nn, optim


def batch(*shape: int) -> Any:
    return tg.tensor(np.random.default_rng(0).normal(size=shape).astype("float32"))


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4, activation="relu", seed=0), nn.Linear(4, 1, seed=1))


# --- devices ------------------------------------------------------------------------------------


def test_moving_keeps_every_parameter_the_object_it_is() -> None:
    net = two_layers()
    tg.mse(net(batch(5, 3)), batch(5, 1)).backward()
    before, values = net.parameters(), net.state_dict()
    assert net.to("cpu") is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.device for p in before} == {p.grad.device for p in before} == {"cpu"}
    for path, value in net.state_dict().items():
        np.testing.assert_array_equal(value, values[path])
    assert net(batch(5, 3).to("cpu")).device == "cpu"


def test_a_tape_from_before_the_move_is_refused() -> None:
    net = two_layers()
    loss = tg.mse(net(batch(5, 3)), batch(5, 1))
    net.to("cpu")
    with pytest.raises(tg.TapeError, match=r"changed in place by Module.to\('cpu'\)"):
        loss.backward()


def test_an_optimiser_from_before_the_move_refuses_its_next_step() -> None:
    net = two_layers()
    optimizer = optim.Adam(net.parameters())
    net.to("cpu")
    tg.mse(net(batch(5, 3).to("cpu")), batch(5, 1).to("cpu")).backward()
    with pytest.raises(tg.DeviceError, match="make a new optimiser"):
        optimizer.step()


def test_an_unusable_device_moves_nothing() -> None:
    net = two_layers()
    with pytest.raises(tg.DeviceError, match="unknown device 'tpu'"):
        net.to("tpu")
    assert {p.device for p in net.parameters()} == {"numpy"}


def test_mixed_devices_name_the_layer() -> None:
    net = two_layers().to("cpu")
    with pytest.raises(tg.DeviceError, match=r"layer 0, Linear\(3, 4, relu\): two devices"):
        net(batch(5, 3))


def test_a_deep_copy_is_a_network_of_its_own() -> None:
    net = two_layers()
    twin = copy.deepcopy(net)
    twin[0].W.data = np.zeros((3, 4))
    assert net[0].W.numpy().any()
    assert twin(batch(5, 3)).shape == (5, 1)


# --- state --------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_a_state_dict_brings_a_network_back(device: str) -> None:
    net, other = two_layers().to(device), two_layers().to(device)
    for p in other.parameters():
        p.data = np.zeros(p.shape)
    X = batch(5, 3).to(device)
    assert not other(X).numpy().any()
    other.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(other(X).numpy(), net(X).numpy())


def test_a_state_dict_holds_copies() -> None:
    net = two_layers()
    state = net.state_dict()
    state["0.W"][:] = 0
    assert net[0].W.numpy().any()
    net.load_state_dict(state)
    state["0.W"][:] = 1
    assert not net[0].W.numpy().any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"0.W": None}, ValueError, "missing: 0.W"),
        ({"2.W": np.zeros(3)}, ValueError, "unexpected: 2.W"),
        (
            {"0.W": np.zeros((4, 3))},
            ShapeError,
            r"0.W has shape \(4, 3\), this network's is \(3, 4\) .*W is \(in, out\)",
        ),
        ({"0.b": np.array(list("abcd"))}, DTypeError, "0.b holds <U1"),
        ({"0.b": np.zeros(4, complex)}, DTypeError, "0.b holds complex128"),
    ],
)
def test_a_state_that_does_not_fit_is_named_and_changes_nothing(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    net = two_layers()
    before = net.state_dict()
    state: dict[str, Any] = {path: value + 1 for path, value in before.items()} | change
    state = {path: value for path, value in state.items() if value is not None}
    with pytest.raises(error, match=message):
        net.load_state_dict(state)
    for path, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[path])


def test_all_misfits_are_named_at_once() -> None:
    with pytest.raises(ShapeError, match=r"missing: 1.b; unexpected: x; 0.b has shape \(9,\)"):
        state = two_layers().state_dict()
        del state["1.b"]
        two_layers().load_state_dict(state | {"x": 0, "0.b": np.zeros(9)})


def test_loading_makes_older_tapes_refuse() -> None:
    net = two_layers()
    loss = tg.mse(net(batch(5, 3)), batch(5, 1))
    net.load_state_dict(net.state_dict())
    with pytest.raises(tg.TapeError, match="changed in place by load_state_dict"):
        loss.backward()


def test_loading_writes_through_to_an_optimisers_buffer() -> None:
    net = two_layers()
    saved = net.state_dict()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    net.load_state_dict({path: np.zeros_like(value) for path, value in saved.items()})
    net[1].b.grad = tg.tensor([1.0])
    optimizer.step()
    assert net[1].b.item() == pytest.approx(-0.1)
