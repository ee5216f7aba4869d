"""Sizes at which a formula divides by 0 or reduces nothing: a value or a clear error, no crash."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from devices import each_device

import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck

pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")


@pytest.fixture(autouse=True)
def quiet_division_by_zero() -> Iterator[None]:
    with np.errstate(divide="ignore", invalid="ignore"):
        yield


@each_device
@pytest.mark.parametrize("shape", [(1,), (), (1, 1)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_the_unbiased_variance_of_one_entry_and_its_slope_are_nan(
    device: str, shape: tuple[int, ...], create_graph: bool
) -> None:
    x = tg.tensor(np.ones(shape), requires_grad=True, device=device)
    y = tg.var(x, ddof=1)
    slope = tg.grad(y, x, create_graph=create_graph)
    assert np.isnan(y.item()) and np.all(np.isnan(slope.numpy()))


@each_device
def test_the_variance_along_an_empty_axis_is_nan_with_a_gradient_of_no_entries(device: str) -> None:
    W = tg.tensor(np.zeros((0, 3)), requires_grad=True, device=device)
    y = tg.var(W, axis=0)
    y.sum().backward()
    assert W.grad is not None
    assert np.all(np.isnan(y.numpy())) and W.grad.shape == (0, 3)


def test_the_gradient_of_the_variance_is_right_for_every_ddof() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    for ddof in (0, 1, 2):
        gradcheck(lambda x, k=ddof: tg.var(x, axis=0, ddof=k), x, order=2)


def test_the_variance_unrolls_with_its_count_folded_in() -> None:
    x = tg.tensor(np.ones((4, 3)), requires_grad=True)
    program = str(tg.unroll(tg.var(x, axis=0, ddof=1).sum()))
    assert program.count("/ 3") == 2 and "count" not in program and "ddof" not in program


@each_device
@pytest.mark.parametrize("op", [tg.softmax, tg.log_softmax])
@pytest.mark.parametrize(("shape", "axis"), [((3, 0), -1), ((0, 3), 0), ((0, 3), 1), ((0,), 0)])
def test_a_softmax_of_no_classes_is_empty(
    op: Any, shape: tuple[int, ...], axis: int, device: str
) -> None:
    z = tg.tensor(np.zeros(shape), requires_grad=True, device=device)
    y = op(z, axis=axis)
    y.sum().backward()
    assert z.grad is not None
    assert y.shape == shape and z.grad.shape == shape


@each_device
@pytest.mark.parametrize(
    ("axis", "keepdims", "shape"), [(1, False, (3,)), (-1, True, (3, 1)), (None, False, ())]
)
def test_the_log_of_a_sum_of_nothing_is_minus_infinity(
    axis: int | None, keepdims: bool, shape: tuple[int, ...], device: str
) -> None:
    W = tg.tensor(np.zeros((3, 0)), requires_grad=True, device=device)
    y = tg.logsumexp(W, axis=axis, keepdims=keepdims)
    y.sum().backward()
    assert W.grad is not None
    np.testing.assert_array_equal(y.numpy(), np.full(shape, -np.inf))
    assert W.grad.shape == (3, 0)
    assert tg.logsumexp(tg.tensor(np.zeros((0, 3))), axis=1).shape == (0,)


def test_the_shift_of_softmax_stays_one_call_in_the_unrolled_program() -> None:
    z = tg.tensor(np.ones((2, 3)), requires_grad=True)
    program = str(tg.unroll(tg.softmax(z).sum()))
    assert "np.exp(z - np.max(z, axis=-1, keepdims=True))" in program


def test_soft_targets_over_no_classes_give_a_loss_of_zero() -> None:
    z = tg.tensor(np.zeros((3, 0)), requires_grad=True)
    for smoothing in (0.0, 0.1):
        loss = tg.cross_entropy(z, np.zeros((3, 0)), label_smoothing=smoothing)
        loss.backward()
        assert loss.item() == 0 and z.grad is not None and z.grad.shape == (3, 0)


@pytest.mark.parametrize("loss", [tg.nll, tg.cross_entropy])
@pytest.mark.parametrize("weight", [None, [1.0, 1.0, 1.0]])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_label_out_of_range_is_named_before_it_picks_a_weight(
    loss: Any, weight: Any, as_tensor: bool
) -> None:
    W = tg.tensor(np.zeros((2, 3)), requires_grad=True)
    for labels, message in (([0, 5], r"label 5 at \[1\]"), ([-1, 0], r"label -1 at \[0\]")):
        given = tg.tensor(np.array(labels)) if as_tensor else labels
        with pytest.raises(ValueError, match=message):
            loss(W, given, weight=weight)
    with pytest.raises(tg.DTypeError, match="must be integers"):
        loss(W, np.array([0.0, 1.0]), weight=weight)


def test_a_weighted_loss_takes_its_labels_as_a_tensor_too() -> None:
    z, labels, weight = np.random.default_rng(0).normal(size=(4, 3)), [0, 2, 1, 2], [1.0, 2.0, 0.5]
    for loss in (tg.nll, tg.cross_entropy):
        by_list = loss(tg.tensor(z), labels, weight=weight).item()
        by_tensor = loss(tg.tensor(z), tg.tensor(np.array(labels)), weight=weight).item()
        assert by_list == by_tensor
