"""Gradients live in the optimiser's memory, and nobody can tell: what was read never changes."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_ed as tg
from tinygrad_ed import nn
from tinygrad_ed.backends import Backend, get_backend
from tinygrad_ed.backends.base import Kernels
from tinygrad_ed.optim import SGD, Adam, rules

Array = np.ndarray[Any, Any]
linear_vjp: Any = tg.linear.backward


class LinearIntoHomes:
    """`linear` by its formula, with the gradients written where they live."""

    def __init__(self) -> None:
        self.into_homes = 0

    def forward(self, arrays: Any, params: Any) -> Any:
        return tg.linear.forward(*arrays, **params)

    def vjp(self, dy: Any, y: Any, arrays: Any, needs: Any, params: Any, homes: Any = None) -> Any:
        found = list(linear_vjp(dy, y, *arrays, **params))
        for k, home in enumerate(homes or ()):
            if home is not None:
                self.into_homes += 1
                home[...] = found[k]
                found[k] = home
        return found


def device(with_kernel: bool) -> Backend:
    return Backend("device", Kernels({tg.linear: LinearIntoHomes()} if with_kernel else {}))


def leaf(backend: Backend, values: Any, name: str | None = None) -> tg.Tensor:
    made = tg.Tensor(np.array(values, np.float64), backend, requires_grad=True)
    made.name = name
    return made


def layer(backend: Backend) -> tuple[tg.Tensor, tg.Tensor]:
    return leaf(backend, np.zeros((3, 2)), "W"), leaf(backend, np.zeros(2), "b")


def loss_of(W: tg.Tensor, b: tg.Tensor, seed: int) -> tuple[tg.Tensor, list[Array]]:
    """Σ (X W + b) for small whole numbers X, and its gradients: all sums are exact."""
    X = np.random.default_rng(seed).integers(-4, 5, (4, 3)).astype(np.float64)
    Z = tg.linear(tg.Tensor(X, W._backend), W, b)
    return Z.sum(), [np.repeat(X.sum(0)[:, None], 2, axis=1), np.full(2, 4.0)]


def grad_of(p: tg.Tensor) -> tg.Tensor:
    assert p.grad is not None
    return p.grad


HOLDS: dict[str, Any] = {
    "tensor": lambda p: grad_of(p),
    "numpy": lambda p: grad_of(p).numpy(),
    "data": lambda p: grad_of(p).data,
    "slice of numpy": lambda p: grad_of(p).numpy()[:1],
    "detached": lambda p: grad_of(p).detach(),
    "view": lambda p: grad_of(p).reshape(-1),
    "entry": lambda p: grad_of(p)[0],
    "as another type": lambda p: grad_of(p).numpy().view(np.int64),
}
both_devices = pytest.mark.parametrize("with_kernel", [False, True], ids=["formula", "kernel"])


@both_devices
@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS.keys())
def test_a_gradient_that_is_held_never_changes(hold: Any, with_kernel: bool) -> None:
    W, b = layer(device(with_kernel))
    optimiser = SGD([W, b], lr=0.5)
    held, expected = [], np.zeros((3, 2))
    for seed in range(6):
        loss, (dW, _) = loss_of(W, b, seed)
        optimiser.zero_grad()
        loss.backward()
        np.testing.assert_array_equal(grad_of(W).numpy(), dW)
        if seed % 2 == 0:
            held.append((hold(W), np.array(hold(W))))
        optimiser.step()
        expected -= 0.5 * dW
        np.testing.assert_array_equal(W.numpy(), expected)
    for kept, values in held:
        np.testing.assert_array_equal(np.array(kept), values)


@pytest.mark.parametrize("watch", [False, True], ids=["unread", "read"])
def test_a_kernel_writes_into_the_optimisers_memory_and_a_step_copies_nothing(watch: bool) -> None:
    backend = device(with_kernel=True)
    W, b = layer(backend)
    optimiser = SGD([W, b], lr=0.5)
    homes = optimiser.param_groups[0].blocks[0].homes
    address = homes.flat.ctypes.data
    for seed in range(5):
        loss, (dW, db) = loss_of(W, b, seed)
        optimiser.zero_grad()
        loss.backward()
        np.testing.assert_array_equal(homes.flat, np.concatenate([dW.ravel(), db]))
        if watch:  # and let go of it again
            np.testing.assert_array_equal(grad_of(W).numpy(), dW)
        optimiser.step()
        assert homes.flat.ctypes.data == address
    assert backend.kernels[tg.linear].into_homes == 10  # type: ignore[union-attr]


ACTIONS = ["backward", "backward", "step", "step", "zero_grad", "W.grad = None", "model.zero_grad"]
ACTIONS += ["other.step", "other.zero_grad", "freeze b", "read b", "set W.grad", "twice"]
plans = st.lists(st.sampled_from(ACTIONS + ["hold " + kind for kind in HOLDS]), max_size=25)


@settings(max_examples=300, deadline=None)
@given(plans, st.booleans())
@pytest.mark.filterwarnings("ignore::tinygrad_ed.StaleGradientWarning")
@pytest.mark.filterwarnings("ignore:.*none of the")
def test_whatever_is_done_gradients_and_weights_are_those_of_plain_arrays(
    plan: list[str], with_kernel: bool
) -> None:
    params = layer(device(with_kernel))
    W, b = params
    optimiser, other = SGD(params, lr=0.5), SGD([W], lr=0.25)
    values: list[Array] = [np.zeros((3, 2)), np.zeros(2)]
    grads: list[Array | None] = [None, None]
    frozen, held = False, []
    for seed, action in enumerate(plan):
        if action in ("backward", "twice"):
            loss, found = loss_of(W, b, seed)
            if action == "twice":  # the same leaves on two paths
                second, more = loss_of(W, b, seed + 1000)
                loss, found = loss + second, [g + h for g, h in zip(found, more, strict=True)]
            loss.backward()
            for k in [0] if frozen else [0, 1]:
                old = grads[k]
                grads[k] = found[k] if old is None else old + found[k]
        elif action == "step":
            optimiser.step()
            for k in [0] if frozen else [0, 1]:
                g = grads[k]
                if g is not None:
                    values[k] = values[k] - 0.5 * g
        elif action == "other.step":
            other.step()
            if grads[0] is not None:
                values[0] = values[0] - 0.25 * grads[0]
        elif action == "zero_grad":
            optimiser.zero_grad()
            grads = [None, None]
        elif action == "other.zero_grad":
            other.zero_grad()
            grads[0] = None
        elif action == "W.grad = None":
            W.grad = grads[0] = None
        elif action == "model.zero_grad":
            for p in params:
                p.grad = None
            grads = [None, None]
        elif action == "freeze b":
            frozen = not frozen
            b.requires_grad = not frozen
        elif action == "read b":
            assert (b.grad is None) == (grads[1] is None)
        elif action == "set W.grad":
            W.grad = tg.Tensor(np.full((3, 2), 2.0), W._backend)
            grads[0] = np.full((3, 2), 2.0)
        elif grads[0] is not None:
            kept = HOLDS[action.removeprefix("hold ")](W)
            held.append((kept, np.array(kept)))
        for kept, numbers in held:
            np.testing.assert_array_equal(np.array(kept), numbers)
        for p, value in zip(params, values, strict=True):
            np.testing.assert_array_equal(p.numpy(), value)
    for p, g in zip(params, grads, strict=True):
        if g is None:
            assert p.grad is None
        else:
            np.testing.assert_array_equal(grad_of(p).numpy(), g)


def test_a_gradient_used_in_a_graph_is_still_there_when_that_graph_goes_backward() -> None:
    W, b = layer(device(with_kernel=True))
    optimiser = SGD([W, b], lr=0.5)
    loss, (dW, _) = loss_of(W, b, 0)
    loss.backward()
    v = leaf(W._backend, np.ones((3, 2)))
    penalty = (v * grad_of(W)).sum()
    optimiser.zero_grad()
    loss_of(W, b, 1)[0].backward()
    penalty.backward()
    np.testing.assert_array_equal(grad_of(v).numpy(), dW)


def test_a_backward_that_fails_half_way_leaves_no_trace() -> None:
    W, b = layer(device(with_kernel=True))
    optimiser = SGD([W, b], lr=0.5)
    x = leaf(W._backend, np.ones((4, 3)), "x")
    loss = tg.linear(x * 1.0, W, b).sum()
    with tg.no_grad():
        x -= 1.0  # the product's operand: found out after the kernel wrote
    with pytest.raises(tg.TapeError, match=r"x.*-="):
        loss.backward()
    assert W.grad is None and b.grad is None and x.grad is None
    good, (dW, _) = loss_of(W, b, 3)
    good.backward()
    optimiser.step()
    np.testing.assert_array_equal(W.numpy(), -0.5 * dW)


def test_a_network_that_moves_leaves_its_homes_behind() -> None:
    net = nn.Linear(3, 2)
    SGD(net.parameters(), lr=0.5)
    for p in net.parameters():
        p._backend = device(with_kernel=True)
    net.to("numpy")
    old = [p._array for p in net.parameters()]
    net(np.ones((4, 3), np.float32)).sum().backward()
    assert all(p._home is None for p in net.parameters())
    assert not any(np.may_share_memory(grad_of(p)._array, a) for p in net.parameters() for a in old)


class Updating(Backend):
    """A device with a kernel for one rule."""

    def __init__(self, rule: Any) -> None:
        super().__init__("updating")
        self.rule = rule
        self.calls: list[Any] = []

    def update(self, rule: Any, p: Any, g: Any, slots: Any, numbers: Any) -> bool:
        self.calls.append((rule, p.shape, g.tolist(), sorted(slots), numbers["lr"]))
        if rule is not self.rule:
            return False
        p -= numbers["lr"] * g
        return True


@pytest.mark.parametrize("rule", [rules.sgd, None])
def test_a_device_may_take_a_whole_step_in_place(rule: Any) -> None:
    backend = Updating(rule)
    W, b = layer(backend)
    optimiser = SGD([W, b], lr=0.5)
    stale, _ = loss_of(W, b, 9)
    expected = np.zeros((3, 2))
    for seed in range(3):
        optimiser.zero_grad()
        loss, (dW, db) = loss_of(W, b, seed)
        loss.backward()
        optimiser.step()
        expected -= 0.5 * dW
        flat = np.concatenate([dW.ravel(), db]).tolist()
        assert backend.calls[-1] == (rules.sgd, (8,), flat, [], 0.5)
    np.testing.assert_array_equal(W.numpy(), expected)
    assert [entry["t"] for entry in optimiser.state_dict()["state"]] == [3, 3]
    with pytest.raises(tg.TapeError, match=r"SGD\.step"):
        stale.backward()


def test_an_optimiser_with_a_rule_of_its_own_is_not_replaced_by_a_kernel() -> None:
    class Half(SGD):
        def _update(self, p: Any, *rest: Any) -> Any:
            return super()._update(p / 2, *rest)

    backend = Updating(rules.sgd)
    p = leaf(backend, [4.0])
    optimiser = Half([p], lr=1.0)
    p.grad = tg.Tensor(np.ones(1), backend)
    optimiser.step()
    assert p.item() == 1.0 and not backend.calls


def test_the_counters_of_a_block_are_one_array_that_stays_the_same_object() -> None:
    W, b = layer(get_backend("numpy"))
    optimiser = Adam([W, b])
    block = optimiser.param_groups[0].blocks[0]
    t = block.t
    loss_of(W, b, 0)[0].backward()
    optimiser.step()
    b.grad = None
    optimiser.step()
    assert block.t is t and t.dtype == np.int64 and t.tolist() == [2, 1]
    loaded = Adam([W, b])
    loaded.load_state_dict(optimiser.state_dict())
    assert loaded.param_groups[0].blocks[0].t.tolist() == [2, 1]
