"""The optimisers: five-line loop, freezing, tying, groups."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp, rules

OPTIMISERS: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    (AdaGrad, {"lr": 0.1, "initial_accumulator_value": 0.1, "lr_decay": 0.1}),
    (RMSProp, {"momentum": 0.5, "centered": True}),
    (Adam, {"lr": 0.1, "amsgrad": True}),
    (AdamW, {"lr": 0.1}),
]
every_optimiser = pytest.mark.parametrize(
    ("make", "hypers"), OPTIMISERS, ids=[f"{c.__name__}-{len(h)}" for c, h in OPTIMISERS]
)


def parameter(values: Any, name: str | None = None, dtype: Any = np.float64) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype), requires_grad=True, name=name)


def give_gradient(p: tg.Tensor, values: Any) -> None:
    p.grad = tg.tensor(np.array(values, p.dtype))


def test_five_line_loop_finds_the_line_of_D2_E2() -> None:
    age, price = np.array([5.0, 10, 15, 20]), np.array([100.0, 150, 200, 250])
    scaled = tg.tensor((age - age.mean()) / age.std())
    w, b = parameter(0.0), parameter(0.0)
    optimiser = SGD([w, b], lr=0.1, momentum=0.5)
    for _ in range(200):
        loss = ((w * scaled + b - price) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    slope = w.item() / age.std()
    np.testing.assert_allclose([b.item() - slope * age.mean(), slope], [50, 10], rtol=1e-9)


@every_optimiser
def test_a_step_is_the_rule_and_nothing_else(make: Any, hypers: Any) -> None:
    """float32 weights under a NumPy float64 learning rate stay float32, by the same bits."""
    p = parameter([[1.0, -2.0], [0.5, 3.0]], dtype=np.float32)
    g = np.array([[0.3, -0.1], [2.0, 1e-3]], np.float32)
    expected = {
        SGD: lambda: rules.sgd(p.numpy(), g, np.zeros_like(g), first=True, **hypers),
        AdaGrad: lambda: rules.adagrad(
            p.numpy(), g, np.full_like(g, 0.1), t=1, lr=0.1, lr_decay=0.1
        ),
        RMSProp: lambda: rules.rmsprop(p.numpy(), g, *np.zeros((3, 2, 2), np.float32), **hypers),
        Adam: lambda: rules.adam(p.numpy(), g, *np.zeros((3, 2, 2), np.float32), t=1, **hypers),
        AdamW: lambda: rules.adamw(p.numpy(), g, *np.zeros((3, 2, 2), np.float32), t=1, **hypers),
    }[make]()[0]
    numpy_numbers = {k: v if isinstance(v, bool) else np.float64(v) for k, v in hypers.items()}
    optimiser = make([p], **numpy_numbers)
    give_gradient(p, g)
    optimiser.step()
    assert p.dtype == np.float32
    np.testing.assert_array_equal(p.numpy(), expected)


def test_a_shared_parameter_counts_once_and_gets_the_sum_of_its_gradients() -> None:
    w = parameter([1.0, 2.0])
    optimiser = SGD([w, w], lr=0.1)
    assert len(optimiser.param_groups[0]["params"]) == 1
    (3 * w + w * w).sum().backward()
    optimiser.step()
    np.testing.assert_allclose(w.numpy(), [1 - 0.1 * 5, 2 - 0.1 * 7])


@every_optimiser
def test_freezing_mid_run_keeps_value_memory_and_step_counter(make: Any, hypers: Any) -> None:
    p, q = parameter([1.0, -1.0]), parameter([2.0])
    optimiser = make([p, q], **hypers)
    for _ in range(3):
        give_gradient(p, [0.5, 1.0])
        give_gradient(q, [1.0])
        optimiser.step()
    p.requires_grad = False
    before, value = optimiser.state_dict()["state"], p.numpy().copy()
    for _ in range(2):
        optimiser.step()
    after = optimiser.state_dict()["state"]
    np.testing.assert_array_equal(p.numpy(), value)
    assert (before[0]["t"], after[0]["t"], after[1]["t"]) == (3, 3, 5)
    for name in before[0]:
        np.testing.assert_array_equal(before[0][name], after[0][name])


def test_a_parameter_frozen_from_the_start_costs_nothing_until_it_is_thawed() -> None:
    backbone, head = parameter(np.ones(1000)), parameter([1.0])
    backbone.requires_grad = False
    storage = backbone._array
    optimiser = Adam([backbone, head], lr=0.1)
    give_gradient(head, [1.0])
    optimiser.step()
    assert backbone._array is storage
    assert sum(block.theta.size for block in optimiser.param_groups[0].blocks) == 1
    backbone.requires_grad = True
    give_gradient(backbone, np.ones(1000))
    optimiser.step()
    np.testing.assert_allclose(backbone.numpy(), 0.9)
    np.testing.assert_allclose(head.numpy(), 0.8)


def test_two_optimisers_may_take_turns_on_one_parameter() -> None:
    w, other = parameter([1.0, -2.0]), parameter([5.0])
    first, second = SGD([w], lr=0.1, momentum=0.9), Adam([other, w], lr=0.2)
    p, v, m, u = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2), np.zeros(2)
    for t in (1, 2, 3):
        give_gradient(w, 2 * w.numpy())
        first.step()
        p, v = rules.sgd(p, 2 * p, v, lr=0.1, momentum=0.9, first=t == 1)
        np.testing.assert_array_equal(w.numpy(), p)
        give_gradient(w, 2 * w.numpy())
        second.step()
        p, m, u, _ = rules.adam(p, 2 * p, m, u, t=t, lr=0.2)
        np.testing.assert_array_equal(w.numpy(), p)
    np.testing.assert_array_equal(other.numpy(), [5.0])


def test_groups_have_their_own_hyper_parameters() -> None:
    p, q = parameter([1.0]), parameter([1.0])
    optimiser = SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.1)
    (p + q).sum().backward()
    optimiser.step()
    np.testing.assert_allclose([p.item(), q.item()], [0.9, 0.5])
    optimiser.param_groups[0]["lr"] = 0.2
    optimiser.param_groups[1].update(lr=0.0)  # where a schedule may end
    optimiser.step()
    np.testing.assert_allclose([p.item(), q.item()], [0.7, 0.5])


def test_a_group_can_be_added_later() -> None:
    p, q = parameter([1.0]), parameter([1.0])
    optimiser = SGD([p], lr=0.1)
    optimiser.add_param_group({"params": [q], "weight_decay": 1.0})
    (p + q).sum().backward()
    optimiser.step()
    np.testing.assert_allclose([p.item(), q.item()], [0.9, 0.8])


def test_zero_grad_forgets_every_gradient() -> None:
    p, q = parameter([1.0]), parameter([1.0])
    optimiser = SGD([p, q], lr=0.1)
    (p + q).sum().backward()
    q.requires_grad = False
    optimiser.zero_grad()
    assert p.grad is None and q.grad is None


def test_repr_shows_the_hyper_parameters_and_what_is_trained() -> None:
    w, b = parameter(np.zeros((40, 30))), parameter(np.zeros(30))
    assert repr(SGD([w, b], lr=0.1)) == (
        "SGD(lr=0.1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False; "
        "2 parameters, 1,230 numbers)"
    )
    assert repr(Adam([{"params": [w]}, {"params": [b], "lr": 0.1}])).splitlines() == [
        "Adam(",
        "  [0] lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False; "
        "1 parameter, 1,200 numbers",
        "  [1] lr=0.1, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0, amsgrad=False; "
        "1 parameter, 30 numbers",
        ")",
    ]
