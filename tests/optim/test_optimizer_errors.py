"""Bad input to an optimiser: each mistake has its message, and none changes a parameter."""

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.optim import SGD, AdaGrad, Adam, RMSProp


def parameter(values: Any = (1.0, 2.0), name: str | None = None) -> tg.Tensor:
    return tg.tensor(np.array(values, float), requires_grad=True, name=name)


BAD_HYPERS = [
    (SGD, {"lr": 0.0}, ValueError, r"SGD: lr must be > 0, got 0\.0"),
    (SGD, {"lr": -0.1}, ValueError, r"SGD: lr must be .* got -0\.1.*climbs"),
    (Adam, {"lr": math.nan}, ValueError, r"Adam: lr must be finite.* got nan"),
    (Adam, {"lr": math.inf}, ValueError, r"got inf"),
    (Adam, {"lr": "0.1"}, TypeError, r"lr must be a number, got '0\.1' of type str"),
    (Adam, {"lr": True}, TypeError, r"lr must be a number, got True"),
    (Adam, {"lr": tg.tensor([0.1])}, TypeError, r"lr must be a number.*\.item\(\)"),
    (Adam, {"betas": (1.0, 0.9)}, ValueError, r"betas\[0\] must be in \[0, 1\), got 1\.0"),
    (Adam, {"betas": (0.9, -0.1)}, ValueError, r"betas\[1\] must be in \[0, 1\), got -0\.1"),
    (Adam, {"betas": (0.9, math.nan)}, ValueError, r"betas\[1\].*nan"),
    (Adam, {"betas": 0.9}, TypeError, r"betas must be two numbers .* got 0\.9"),
    (Adam, {"betas": (0.9,)}, TypeError, r"betas must be two numbers"),
    (Adam, {"eps": 0.0}, ValueError, r"eps must be finite and above 0, got 0\.0.*1e-8"),
    (Adam, {"weight_decay": -1e-3}, ValueError, r"weight_decay .* got -0\.001"),
    (Adam, {"amsgrad": 1}, TypeError, r"amsgrad must be True or False, got 1"),
    (SGD, {"momentum": -0.9}, ValueError, r"momentum .* got -0\.9"),
    (SGD, {"momentum": 0.9, "dampening": 1.5}, ValueError, r"dampening must be in \[0, 1\]"),
    (SGD, {"nesterov": True}, ValueError, r"nesterov=True needs momentum > 0 .*momentum=0\.0"),
    (
        SGD,
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
        ValueError,
        r"nesterov=True .* dampening=0\.1",
    ),
    (RMSProp, {"alpha": 1.0}, ValueError, r"alpha must be in \[0, 1\), got 1\.0"),
    (RMSProp, {"centered": "yes"}, TypeError, r"centered must be True or False"),
    (AdaGrad, {"lr_decay": -1}, ValueError, r"lr_decay .* got -1"),
    (AdaGrad, {"initial_accumulator_value": -1}, ValueError, r"initial_accumulator_value"),
]


@pytest.mark.parametrize(("make", "hypers", "error", "message"), BAD_HYPERS)
def test_a_bad_hyper_parameter_is_named_with_its_value(
    make: Any, hypers: Any, error: Any, message: str
) -> None:
    p = parameter()
    storage = p._array
    with pytest.raises(error, match=message):
        make([p], **hypers)
    with pytest.raises(error, match=message):
        make([{"params": [p], **hypers}])
    assert p._array is storage


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("lr", math.nan, ValueError, "lr must be finite.*nan"),
        ("lr", -1.0, ValueError, "lr must be"),
        ("learning_rate", 0.1, TypeError, "no hyper-parameter 'learning_rate'.*It has lr"),
        ("nestrov", True, TypeError, "Did you mean 'nesterov'"),
        ("momentum", 0.9, ValueError, "'momentum': 0.9.*on or off.*new optimiser"),
        ("params", [], TypeError, "add_param_group"),
    ],
)
def test_setting_a_bad_hyper_parameter_fails_at_once_and_keeps_the_old(
    name: str, value: Any, error: Any, message: str
) -> None:
    group = SGD([parameter()], lr=0.1).param_groups[0]
    before = dict(group)
    with pytest.raises(error, match=message):
        group[name] = value
    assert dict(group) == before and group["lr"] == 0.1


def test_no_entry_of_a_group_can_be_removed() -> None:
    group = SGD([parameter()], lr=0.1).param_groups[0]
    with pytest.raises(TypeError, match="keeps all its entries"):
        del group["lr"]
    assert len(group) == len(list(group)) == 6


def bad_params() -> list[tuple[Any, Any, str]]:
    p, named = parameter(), parameter(name="W1")
    whole = tg.tensor(np.arange(3))
    read = iter([p])
    next(read)
    return [
        ([], ValueError, "params is empty: there is nothing to train"),
        (read, ValueError, "a generator can be read only once"),
        (p, TypeError, r"got one tensor: pass \[tensor\]"),
        (7, TypeError, "must be a list of tensors, got 7 of type int"),
        ("weights", TypeError, "got 'weights' of type str"),
        ({"W": p}, TypeError, r"list\(params\.values\(\)\)"),
        ({"params": [p]}, TypeError, "a list of groups"),
        ([np.ones(3)], TypeError, "parameter number 0 is of type ndarray, not a tensor"),
        ([p, None], TypeError, "parameter number 1 is of type NoneType"),
        ([("W", p)], TypeError, r"\(name, tensor\) pairs"),
        ([p, whole], tg.DTypeError, "parameter number 1 is of dtype int64.*float32"),
        ([p, named * 2.0], ValueError, r"number 1 of shape \(2,\) is the result of an operation"),
        ([{"params": []}], ValueError, "params is empty"),
        ([{"lr": 0.1}], TypeError, r"group 0 has no 'params', only \['lr'\]"),
        ([{"params": [p]}, p], TypeError, "entry 1 is of type Tensor"),
        ([{"params": [p], "momntum": 0.9}], TypeError, "Did you mean 'momentum'"),
        (
            [{"params": [p, named]}, {"params": [parameter(), named]}],
            ValueError,
            "parameter 'W1' of group 1 is also in group 0",
        ),
    ]


@pytest.mark.parametrize("case", range(len(bad_params())))
def test_what_cannot_be_trained_is_refused(case: int) -> None:
    params, error, message = bad_params()[case]
    with pytest.raises(error, match=message):
        SGD(params, lr=0.1)


def test_a_refused_group_leaves_the_optimiser_as_it_was() -> None:
    p, q = parameter(name="p"), parameter()
    optimiser = SGD([p], lr=0.1)
    storage = q._array
    for group in ({"params": [q, p]}, {"params": [q], "lr": -1.0}):
        with pytest.raises(ValueError, match=r"in group 0|lr must be"):
            optimiser.add_param_group(group)
    assert len(optimiser.param_groups) == 1 and q._array is storage


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.ones((2, 1)), tg.ShapeError, r"'b' of shape \(2,\) has a gradient of shape \(2, 1\)"),
        (np.ones(1), tg.ShapeError, r"'b' of shape \(2,\) has a gradient of shape \(1,\)"),
        (np.ones(2, np.float32), tg.DTypeError, "'b' of dtype float64 .* of dtype float32"),
    ],
)
def test_a_gradient_that_does_not_fit_changes_no_parameter(
    array: Any, error: Any, message: str
) -> None:
    a, b = parameter(name="a"), parameter(name="b")
    optimiser = Adam([{"params": [a]}, {"params": [b]}], lr=0.1)
    (a + b).sum().backward()
    assert b.grad is not None
    b.grad._array = array
    with pytest.raises(error, match=r"Adam\.step: parameter " + message):
        optimiser.step()
    for p in (a, b):
        np.testing.assert_array_equal(p.numpy(), [1.0, 2.0])
    assert optimiser.state_dict()["state"] == [{}, {}]


def test_a_parameter_whose_array_was_replaced_by_another_shape_is_refused() -> None:
    p = parameter(name="W")
    optimiser = SGD([p], lr=0.1)
    p._array = np.ones(3)
    p.grad = tg.tensor(np.ones(3))
    with pytest.raises(
        tg.ShapeError, match=r"'W' of shape \(2,\) is now of shape \(3,\).*new optimiser"
    ):
        optimiser.step()


def test_a_gradient_on_another_device_is_refused() -> None:
    p = parameter(name="W")
    optimiser = SGD([p], lr=0.1)
    p._grad = tg.tensor(np.ones(2), device="cpu")
    with pytest.raises(tg.DeviceError, match="'W' on 'numpy' has a gradient on 'cpu'"):
        optimiser.step()


def test_a_step_without_any_gradient_warns_that_backward_was_forgotten() -> None:
    p = parameter()
    optimiser = SGD([p], lr=0.1)
    with pytest.warns(UserWarning, match=r"SGD\.step: none of the 1 .*backward\(\)"):
        optimiser.step()
    p.requires_grad = False
    optimiser.step()  # nothing wants to be trained: no warning
