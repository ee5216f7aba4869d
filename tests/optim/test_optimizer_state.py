"""state_dict and load_state_dict: what is saved, what is brought back, what is refused."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from devices import each_device

import tinygrad_ed as tg
from tinygrad_ed.optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp

OPTIMISERS: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    (AdaGrad, {"lr": 0.1, "initial_accumulator_value": 0.1, "lr_decay": 0.1}),
    (RMSProp, {"momentum": 0.5, "centered": True}),
    (Adam, {"lr": 0.1, "amsgrad": True}),
    (AdamW, {"lr": 0.1}),
]
every_optimiser = pytest.mark.parametrize(
    ("make", "hypers"), OPTIMISERS, ids=[f"{c.__name__}-{len(h)}" for c, h in OPTIMISERS]
)


def two_parameters(values: Any = ([1.0, -2.0], [[3.0]])) -> list[tg.Tensor]:
    return [tg.tensor(np.array(v, float), requires_grad=True) for v in values]


def train(optimiser: Optimizer, params: list[tg.Tensor], steps: int, start: int = 0) -> None:
    """Deterministic gradients; every third step the second parameter has none."""
    for t in range(start, start + steps):
        for i, p in enumerate(params):
            p.grad = None if (t % 3 == 2 and i) else tg.tensor(np.cos(p.numpy() + t))
        optimiser.step()


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(np.array_equal(a, b)) and type(a) is type(b)


@every_optimiser
def test_a_run_goes_on_from_its_saved_state_to_the_bit(make: Any, hypers: Any) -> None:
    params = two_parameters()
    optimiser = make(params, **hypers)
    train(optimiser, params, 5)
    saved, values = optimiser.state_dict(), [p.numpy().copy() for p in params]
    train(optimiser, params, 5, start=5)

    others = two_parameters(values)
    resumed = make(others, **{**hypers, "lr": 0.7})  # the saved learning rate comes back too
    resumed.load_state_dict(saved)
    assert same(resumed.state_dict(), saved)
    train(resumed, others, 5, start=5)
    for p, q in zip(params, others, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    assert same(resumed.state_dict(), optimiser.state_dict())


@every_optimiser
def test_loading_a_fresh_state_starts_over(make: Any, hypers: Any) -> None:
    params = two_parameters()
    optimiser = make(params, **hypers)
    fresh = optimiser.state_dict()
    assert fresh["state"] == [{}, {}]
    train(optimiser, params, 4)
    optimiser.load_state_dict(fresh)
    others = two_parameters([p.numpy() for p in params])
    train(optimiser, params, 3)
    train(make(others, **hypers), others, 3)
    for p, q in zip(params, others, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_a_state_is_plain_numbers_and_arrays() -> None:
    params = two_parameters()
    optimiser = Adam(params, lr=0.1)
    train(optimiser, params, 3)
    state = optimiser.state_dict()
    assert state["algorithm"] == "Adam"
    assert state["param_groups"] == [
        {
            "lr": 0.1,
            "betas": (0.9, 0.999),
            "eps": 1e-8,
            "weight_decay": 0.0,
            "amsgrad": False,
            "params": [0, 1],
        }
    ]
    assert [entry["t"] for entry in state["state"]] == [3, 2]
    assert [type(entry["m"]) for entry in state["state"]] == [np.ndarray] * 2
    assert [entry["v"].shape for entry in state["state"]] == [(2,), (1, 1)]


def test_a_state_shares_no_memory_with_the_optimiser() -> None:
    params = two_parameters()
    optimiser = Adam(params)
    train(optimiser, params, 2)
    state = optimiser.state_dict()
    kept = copy.deepcopy(state)
    train(optimiser, params, 2)
    assert same(state, kept)
    optimiser.load_state_dict(state)
    train(optimiser, params, 1)
    assert same(state, kept)
    state["state"][0]["m"][:] = 99.0
    assert optimiser.state_dict()["state"][0]["m"].max() < 99


def test_loading_memory_for_a_frozen_parameter_makes_room_for_it() -> None:
    params, others = two_parameters(), two_parameters()
    optimiser = Adam(params)
    train(optimiser, params, 3)
    others[1].requires_grad = False
    resumed = Adam(others)
    resumed.load_state_dict(optimiser.state_dict())
    assert same(resumed.state_dict(), optimiser.state_dict())


def test_one_state_spans_all_groups() -> None:
    p, q = two_parameters()
    optimiser = Adam([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1)
    train(optimiser, [p, q], 2)
    state = optimiser.state_dict()
    assert [(g["params"], g["lr"]) for g in state["param_groups"]] == [([0], 0.1), ([1], 0.5)]
    p, q = two_parameters()
    other = Adam([{"params": [p]}, {"params": [q]}])
    other.load_state_dict(state)
    assert same(other.state_dict(), state)


def spoil(path: list[Any], value: Any) -> Any:
    def change(state: dict[str, Any]) -> dict[str, Any]:
        inner: Any = state
        for key in path[:-1]:
            inner = inner[key]
        if value is KeyError:
            del inner[path[-1]]
        else:
            inner[path[-1]] = value
        return state

    return change


SPOILED = {
    "no dict": (lambda state: [state], TypeError, "expected a dict .* got list"),
    "no state": (spoil(["state"], KeyError), TypeError, r"got \['algorithm', 'param_groups'\]"),
    "other algorithm": (spoil(["algorithm"], "AdamW"), TypeError, "made by AdamW"),
    "no groups": (spoil(["param_groups"], 3), TypeError, "'param_groups' must be a list of dicts"),
    "no entries": (spoil(["state"], None), TypeError, "'state' must be a list of dicts"),
    "other parameters": (spoil(["param_groups", 0, "params"], [0]), ValueError, r"\[1\].*\[2\]"),
    "missing hyper-parameter": (
        spoil(["param_groups", 0, "eps"], KeyError),
        ValueError,
        r"lacks \['eps'\]",
    ),
    "bad hyper-parameter": (spoil(["param_groups", 0, "lr"], -1.0), ValueError, "lr must be .*-1"),
    "unknown hyper-parameter": (
        spoil(["param_groups", 0, "alpha"], 0.9),
        TypeError,
        "no hyper-parameter 'alpha'",
    ),
    "other memory": (spoil(["param_groups", 0, "amsgrad"], True), ValueError, "amsgrad.*memory"),
    "missing memory": (spoil(["state", 1, "v"], KeyError), ValueError, r"\['m', 't'\], expected"),
    "bad counter": (spoil(["state", 1, "t"], 0), ValueError, "t of parameter number 1 is 0"),
    "fractional counter": (spoil(["state", 0, "t"], 1.5), ValueError, "1.5"),
    "other shape": (
        spoil(["state", 1, "m"], np.zeros((1, 2))),
        ValueError,
        r"'m' of parameter number 1 .*\(1, 2\).*\(1, 1\)",
    ),
    "other dtype": (
        spoil(["state", 1, "m"], np.zeros((1, 1), np.float32)),
        ValueError,
        "float32.*float64",
    ),
    "list for an array": (spoil(["state", 1, "m"], [[0.0]]), TypeError, "NumPy array, got list"),
    "entry no dict": (spoil(["state", 1], 7), TypeError, "'state' must be a list of dicts"),
}


@pytest.mark.parametrize(("change", "error", "message"), SPOILED.values(), ids=SPOILED)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(
    change: Any, error: Any, message: str
) -> None:
    params = two_parameters()
    optimiser = Adam(params, lr=0.1)
    train(optimiser, params, 2)
    before, values = optimiser.state_dict(), [p.numpy().copy() for p in params]
    other = Adam(donors := two_parameters(), lr=0.2)
    train(other, donors, 4)
    with pytest.raises(error, match=message):
        optimiser.load_state_dict(change(other.state_dict()))
    assert same(optimiser.state_dict(), before)
    for p, v in zip(params, values, strict=True):
        np.testing.assert_array_equal(p.numpy(), v)


@each_device
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_trains_the_copied_parameters_and_goes_on_from_the_same_state(
    copied: Any, device: str
) -> None:
    """Its flat memory must be new: a copied view would be a view no more, and train nothing."""
    a, b, idle = (tg.tensor(np.ones(n), requires_grad=True, device=device) for n in (3, 2, 4))
    idle.requires_grad = False
    optimizer = tg.optim.Adam([{"params": [a, idle]}, {"params": [b], "lr": 0.1}])

    def train(optimizer: Any, steps: int) -> list[Any]:
        (a, idle), (b,) = (group["params"] for group in optimizer.param_groups)
        for _ in range(steps):
            loss = (a * a).sum() + (b * b * b).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [np.array(p.numpy()) for p in (a, idle, b)]

    train(optimizer, 3)
    optimizer.param_groups[1]["lr"] = 0.2
    (x, y, z), other = copied(([a, idle, b], optimizer))
    assert [p for group in other.param_groups for p in group["params"]] == [x, y, z]
    assert repr(other) == repr(optimizer)
    before = [np.array(p.numpy()) for p in (a, idle, b)]
    theirs = train(other, 4)
    np.testing.assert_equal([np.array(p.numpy()) for p in (a, idle, b)], before)
    np.testing.assert_equal(train(optimizer, 4), theirs)
    assert optimizer.state_dict()["state"][0]["t"] == other.state_dict()["state"][0]["t"] == 7
