"""Calling ops: by position and by name, and what is refused or warned about, with which words."""

from typing import Any

import numpy as np
import pytest
from strict_arrays import StrictBackend

import tinygrad_ed as tg


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: tg.mse(x, tg.ones((4, 1))), ["(4,)", "(4, 1)", "same shape"]),
        (lambda x: tg.bce(tg.sigmoid(x), tg.ones((4, 1))), ["(4,)", "(4, 1)"]),
        (lambda x: tg.bce_with_logits(x, [0.0, 1.0, 2.0, 0.0]), ["[0, 1]", "[2]", "2"]),
        (lambda x: tg.bce(x, [0.0, 1.0, 1.0, 0.0]), ["bce_with_logits", "[0, 1]"]),
        (lambda x: tg.cross_entropy(x.reshape(2, 2), [0, 2]), ["label 2", "0 to 1"]),
        (lambda x: tg.cross_entropy(x.reshape(2, 2), [0, -1]), ["label -1"]),
        (lambda x: tg.cross_entropy(x.reshape(2, 2), [0.0, 1.0]), ["integers", "float64"]),
        (lambda x: tg.cross_entropy(x.reshape(2, 2), [0, 1, 1]), ["(2, 2)", "(3,)"]),
        (lambda x: tg.mse(x, x, reduction="average"), ["'average'", "'mean'"]),
        (lambda x: tg.dropout(x, p=1.0, seed=0), ["[0, 1)", "1.0"]),
        (lambda x: tg.clip(x, low=1, high=0), ["low <= high"]),
        (lambda x: tg.linear(x.reshape(2, 2), np.ones((3, 2))), ["(2, 2)", "(3, 2)", "in then"]),
        (lambda x: tg.linear(x.reshape(2, 2), np.ones((2, 2)), activation="elu"), ["'elu'"]),
        (lambda x: x.reshape(3), ["reshape", "(4,)"]),
        (lambda x: x.sum(axis=2), ["sum", "axis"]),
        (lambda x: tg.split(x, 3), ["4 entries", "3 equal"]),
        (lambda x: x @ 2.0, ["no axis"]),
    ],
)  # fmt: skip
def test_bad_calls_are_explained(call: Any, words: list[str]) -> None:
    x = tg.tensor(np.array([0.5, -1.0, 1.5, 2.0]), requires_grad=True)
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        call(x)
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("squash", "loss", "names"),
    [
        (tg.sigmoid, lambda y: tg.bce_with_logits(y, tg.ones(y.shape, dtype=y.dtype)), "sigmoid"),
        (tg.softmax, lambda y: tg.cross_entropy(y, [0, 1]), "softmax"),
        (tg.softmax, lambda y: tg.cross_entropy(y, np.full((2, 2), 0.5)), "softmax"),
        (
            lambda x: tg.linear(x, np.eye(2), activation="sigmoid"),
            lambda y: tg.bce_with_logits(y.reshape(4), tg.ones(4, dtype=y.dtype)),
            "sigmoid",
        ),
    ],
)
def test_probabilities_fed_to_a_loss_on_logits_are_noticed(
    squash: Any, loss: Any, names: str
) -> None:
    x = tg.tensor(np.array([[0.5, -1.0], [1.5, 2.0]]), requires_grad=True)
    with pytest.warns(tg.LogitsWarning, match=names) as caught:
        loss(squash(x))
    assert caught[0].filename == __file__


def test_logits_raise_no_warning() -> None:
    x = tg.tensor(np.array([[0.5, -1.0]]), requires_grad=True)
    tg.cross_entropy(x, [0])
    tg.cross_entropy(tg.log_softmax(x), [0])


@pytest.mark.parametrize(
    ("short", "spelled_out"),
    [
        (lambda x: tg.sum(x, 0), lambda x: tg.sum(x, axis=0)),
        (lambda x: tg.softmax(x, 1), lambda x: tg.softmax(x, axis=1)),
        (lambda x: tg.reshape(x, (4,)), lambda x: tg.reshape(x, shape=(4,))),
        (lambda x: tg.clip(x, 0, 1), lambda x: tg.clip(x, low=0, high=1)),
        (lambda x: tg.mse(x, x * 2, "sum"), lambda x: tg.mse(x, x * 2, reduction="sum")),
        (lambda x: tg.mse(x, t=x * 2), lambda x: tg.mse(x, x * 2)),
        (lambda x: tg.linear(x, W=x, b=x[0]), lambda x: tg.linear(x, x, x[0])),
        (lambda x: tg.linear(X=x, W=x), lambda x: x @ x),
    ],
)
def test_parameters_may_come_by_position_and_operands_by_name(short: Any, spelled_out: Any) -> None:
    x = np.array([[0.5, -1.0], [1.5, 2.0]])
    t = tg.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(short(t).numpy(), spelled_out(t).numpy())
    np.testing.assert_array_equal(short(x), spelled_out(x))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: tg.sum(x, 0, False, 3), ["sum takes (x, axis, keepdims)", "4 by position"]),
        (lambda x: tg.sum(x, 0, axis=1), ["sum takes", "axis"]),
        (lambda x: tg.dropout(x, 0.5), ["dropout needs seed="]),
        (lambda x: tg.leaky_relu(x, slope=tg.tensor(0.1)), ["slope is a parameter", ".item()"]),
        (lambda x: x * [x[0], x[1]], ["tg.stack"]),
        (lambda x: tg.tensor([x[0], x[1]]), ["tg.stack"]),
        (lambda x: tg.zeros(2).__setitem__(0, x[0]), ["lose its gradient", "tg.where"]),
        (lambda x: x * 1j, ["complex"]),
        (lambda x: setattr(x * 2, "requires_grad", False), [".detach()"]),
        (lambda x: setattr(tg.tensor(np.arange(3)), "requires_grad", True), ["int64"]),
        (lambda x: setattr(x, "grad", np.zeros(2)), ["tg.tensor", "ndarray"]),
        (lambda x: setattr(x, "data", np.array([1j, 2])), ["imaginary"]),
        (lambda x: setattr(x, "data", np.array(["1", "2"])), ["numbers"]),
        (lambda x: list(tg.tensor(3.0)), ["scalar", "iterate"]),
    ],
)
def test_silent_losses_are_refused(call: Any, words: list[str]) -> None:
    x = tg.tensor(np.array([0.5, -1.0]), requires_grad=True)
    with pytest.raises((TypeError, tg.TapeError)) as caught:
        call(x)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_values_out_of_range_stay_value_errors_on_tensors() -> None:
    with pytest.raises(ValueError, match="targets must lie") as caught:
        tg.bce(tg.tensor([0.5]), tg.tensor([2.0]))
    assert not isinstance(caught.value, tg.ShapeError)


def test_an_empty_index_picks_nothing() -> None:
    assert tg.ones(3)[[]].shape == (0,)


def test_in_place_power_writes_into_a_parameter() -> None:
    w = tg.tensor([2.0], requires_grad=True)
    same = w
    with tg.no_grad():
        w **= 3
    assert w is same and w.item() == 8.0


def test_probabilities_are_noticed_behind_other_shapes() -> None:
    p = tg.softmax(tg.tensor(np.ones((2, 2)), requires_grad=True))
    with pytest.warns(tg.LogitsWarning):
        tg.bce_with_logits(p[:, 0], [0.0, 1.0])


def test_tensors_and_arrays_are_indices_on_any_device() -> None:
    device = StrictBackend()
    x = tg.Tensor(device.asarray(np.arange(6.0).reshape(3, 2)), device, True)
    places = tg.Tensor(device.asarray(np.array([2, 0])), device)
    for picked in (x[places], x[[2, 0]], x[np.array([2, 0])], tg.take(x, places)):
        np.testing.assert_array_equal(picked.numpy(), [[4.0, 5.0], [0.0, 1.0]])
    assert tg.grad(x[places].sum(), x).numpy().tolist() == [[1, 1], [0, 0], [1, 1]]
