"""Parameters live in one flat buffer, and nothing but the clock can tell."""

import gc
import weakref
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_ed as tg
from tinygrad_ed.optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp

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


@every_optimiser
@settings(max_examples=25, deadline=None)
@given(
    plan=st.lists(
        st.lists(st.sampled_from(["train", "freeze", "no gradient"]), min_size=4, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_skipping_and_flat_updates_have_the_bits_of_one_optimiser_per_parameter(
    make: Any, hypers: Any, plan: list[list[str]]
) -> None:
    """Whole buffer, contiguous runs or single parameters: whatever takes part, the same bits."""
    rng = np.random.default_rng(len(plan))
    start = [rng.normal(size=shape) for shape in [(3, 2), (2,), (), (2, 5)]]
    together, alone = [parameter(a) for a in start], [parameter(a) for a in start]
    one, many = make(together, **hypers), [make([p], **hypers) for p in alone]
    for fates in [["train"] * 4, *plan, ["train"] * 4]:
        gradients = [rng.normal(size=a.shape) for a in start]
        for p, q, g, fate, single in zip(together, alone, gradients, fates, many, strict=True):
            for t in (p, q):
                t.requires_grad = fate != "freeze"
                t.grad = None if fate == "no gradient" else tg.tensor(g)
            if fate == "train":
                single.step()
        if "train" in fates:
            one.step()
        for p, q in zip(together, alone, strict=True):
            np.testing.assert_array_equal(p.numpy(), q.numpy())
    states = zip(one.state_dict()["state"], many, strict=True)
    for ours, single in states:
        theirs = single.state_dict()["state"][0]
        assert ours.keys() == theirs.keys() and ours["t"] == theirs["t"]
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_parameters_keep_their_identity_values_shape_and_layout() -> None:
    values = [np.arange(6.0).reshape(2, 3).T, np.float64(7), np.zeros((0, 4)), np.ones((1, 1))]
    params = [parameter(v) for v in values]
    ids = [id(p) for p in params]
    optimiser = Adam(params)
    assert [id(p) for p in optimiser.param_groups[0]["params"]] == ids
    for p, v in zip(params, values, strict=True):
        assert p.shape == v.shape
        np.testing.assert_array_equal(p.numpy(), v)


@every_optimiser
def test_one_update_call_serves_all_parameters(make: Any, hypers: Any) -> None:
    calls = []

    class Counting(make):  # type: ignore[misc]
        def _update(self, p: Any, *rest: Any) -> Any:
            calls.append(p.shape)
            return super()._update(p, *rest)

    params = [parameter(np.ones(n)) for n in (4, 1, 3)]
    optimiser = Counting(params, **hypers)
    for p in params:
        give_gradient(p, np.ones(p.shape))
    optimiser.step()
    assert calls == [(8,)]
    params[1].grad = None  # the neighbours on both sides go on, in two runs
    optimiser.step()
    assert calls == [(8,), (4,), (3,)]
    give_gradient(params[1], [1.0])  # and from now on its counter is one behind
    optimiser.step()
    assert calls == [(8,), (4,), (3,), (4,), (1,), (3,)]


def test_assigning_data_copies_into_place_and_training_goes_on_from_there() -> None:
    p, q = parameter([1.0, 2.0]), parameter([3.0])
    optimiser = SGD([p, q], lr=1.0)
    p.data = np.array([10.0, 20.0])
    give_gradient(p, [1.0, 1.0])
    optimiser.step()
    np.testing.assert_array_equal(p.numpy(), [9.0, 19.0])
    np.testing.assert_array_equal(q.numpy(), [3.0])


def test_float32_and_float64_parameters_train_side_by_side() -> None:
    p, q, r = parameter([1.0]), parameter([1.0], dtype=np.float32), parameter([2.0])
    optimiser = SGD([p, q, r], lr=0.5)
    for t in (p, q, r):
        give_gradient(t, [1.0])
    optimiser.step()
    assert [(t.item(), t.dtype) for t in (p, q, r)] == [
        (0.5, np.float64),
        (0.5, np.float32),
        (1.5, np.float64),
    ]


def test_gradients_are_read_through_any_strides_and_left_alone() -> None:
    p = parameter(np.zeros((2, 3)))
    optimiser = SGD([p], lr=1.0, weight_decay=0.5, momentum=0.9)
    g = np.arange(6.0).reshape(3, 2).T
    p.grad = tg.tensor(np.zeros((2, 3)))
    p.grad._array = g[:, ::-1]
    p.grad._array.flags.writeable = False
    optimiser.step()
    np.testing.assert_array_equal(p.numpy(), -g[:, ::-1])
    np.testing.assert_array_equal(p.grad.numpy(), np.arange(6.0).reshape(3, 2).T[:, ::-1])


def test_a_step_leaves_other_arrays_with_the_same_values_alone() -> None:
    """The caller's array, and a gradient that two parameters share, are not written to."""
    mine = np.ones(3)
    p, q = parameter(mine), parameter(mine)
    optimiser = Adam([p, q], lr=0.1)
    (p + q).sum().backward()
    optimiser.step()
    np.testing.assert_array_equal(mine, 1.0)
    np.testing.assert_allclose([p.numpy(), q.numpy()], 0.9)


def test_a_loss_from_before_the_step_can_no_longer_be_differentiated() -> None:
    w = parameter([1.0, 2.0], name="w")
    optimiser = SGD([w], lr=0.1)
    stale = (w * w).sum()
    (w * w).sum().backward()
    optimiser.step()
    with pytest.raises(tg.TapeError, match=r"w.*SGD\.step"):
        stale.backward()


def test_making_an_optimiser_between_loss_and_backward_changes_no_gradient() -> None:
    w = parameter([1.0, 2.0])
    loss = (w * w).sum()
    Adam([w])
    loss.backward()
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), [2.0, 4.0])


def test_a_frozen_parameter_is_not_written_so_its_tape_stays_valid() -> None:
    w, frozen = parameter([1.0]), parameter([3.0])
    optimiser = SGD([w, frozen], lr=0.1)
    frozen.requires_grad = False
    x = parameter([2.0])
    loss = (x * frozen).sum()
    (w * w).sum().backward()
    optimiser.step()
    loss.backward()
    assert x.grad is not None and x.grad.item() == 3.0


@every_optimiser
def test_an_optimiser_and_its_buffers_are_freed_without_the_garbage_collector(
    make: Any, hypers: Any
) -> None:
    p = parameter(np.ones(3))
    optimiser = make([p], **hypers)
    give_gradient(p, np.ones(3))
    optimiser.step()
    alive = weakref.ref(optimiser), weakref.ref(optimiser.param_groups[0].blocks[0])
    gc.disable()
    try:
        del optimiser
        assert [ref() for ref in alive] == [None, None]
    finally:
        gc.enable()
    assert np.all(p.numpy() < 1)  # and the parameter outlives it
