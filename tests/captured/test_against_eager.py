"""Whatever is done between steps, in whatever order: a captured step is the step as written."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from captured.twins import Trainee, assert_same_bits, classifier, twins
from hypothesis import HealthCheck, given, settings

import tinygrad_ed as tg
from tinygrad_ed import nn

OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.05),
    "SGD, momentum": lambda p: tg.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "SGD, dampening": lambda p: tg.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.5),
    "SGD, Nesterov": lambda p: tg.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.01),
    "Adam, amsgrad": lambda p: tg.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "RMSProp": lambda p: tg.optim.RMSProp(p, lr=0.01, centered=True, momentum=0.5),
    "AdaGrad": lambda p: tg.optim.AdaGrad(p, lr=0.1, lr_decay=0.01),
}
X = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
y = (X[:, :1] > 0).astype(np.float32)


def network(name: str) -> Trainee:
    return classifier(sizes=(5, 6, 4, 1), dropout=0.3, optimizer=OPTIMIZERS[name])


def batch(seed: int, rows: int) -> tuple[Any, Any]:
    chosen = np.random.default_rng(seed).integers(0, len(X), rows)
    return tg.tensor(X[chosen], device="cpu"), tg.tensor(y[chosen], device="cpu")


class Pair:
    """The twins, what happens to both, and what the user holds on to."""

    def __init__(self, name: str, **options: Any) -> None:
        self.eager, self.captured = twins(lambda: network(name), **options)
        self.held: list[tuple[Any, np.ndarray[Any, Any]]] = []
        self.saved: Any = None

    def both(self, action: Any) -> None:
        action(self.eager)
        action(self.captured)

    def step(self, seed: int, rows: int) -> None:
        one, other = (t.call(*batch(seed, rows)) for t in (self.eager, self.captured))
        assert_same_bits(one, other)
        self.hold(other)

    def hold(self, tensor: Any) -> None:
        """Somebody keeps a result: it must never change."""
        self.held.append((tensor, np.array(tensor.numpy())))

    def eager_step(self, seed: int, rows: int) -> None:
        one, other = (t.step(*batch(seed, rows)) for t in (self.eager, self.captured))
        assert_same_bits(one, other)

    def backward_only(self, seed: int, rows: int) -> None:
        def run(t: Trainee) -> None:
            t.optimizers[0].zero_grad()
            tg.bce_with_logits(t.model(batch(seed, rows)[0]), batch(seed, rows)[1]).backward()

        self.both(run)
        mine, theirs = ([p.grad for p in t.model.parameters()] for t in (self.eager, self.captured))
        for a, b in zip(mine, theirs, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                assert_same_bits(a, b)
                self.hold(b)

    def lr(self, seed: int, rows: int) -> None:
        self.both(lambda t: t.optimizers[0].param_groups[0].__setitem__("lr", 0.01 * (1 + rows)))

    def mode(self, seed: int, rows: int) -> None:
        self.both(lambda t: t.model.train(rows % 2 == 0))

    def freeze(self, seed: int, rows: int) -> None:
        def run(t: Trainee) -> None:
            p = t.model.parameters()[seed % 6]
            p.requires_grad = not p.requires_grad

        self.both(run)

    def assign(self, seed: int, rows: int) -> None:
        def run(t: Trainee) -> None:
            p = t.model.parameters()[seed % 6]
            p.data = np.random.default_rng(seed).standard_normal(p.shape)

        self.both(run)

    def save(self, seed: int, rows: int) -> None:
        states = [
            (t.model.state_dict(), t.optimizers[0].state_dict())
            for t in (self.eager, self.captured)
        ]
        assert_same_bits(*states)
        self.saved = states[0]

    def load(self, seed: int, rows: int) -> None:
        if self.saved is not None:
            weights, memory = self.saved

            def run(t: Trainee) -> None:
                t.model.load_state_dict(weights)
                t.optimizers[0].load_state_dict(memory)

            self.both(run)

    def check(self) -> None:
        assert_same_bits(self.eager.numbers, self.captured.numbers)
        for tensor, copy in self.held:
            assert_same_bits(np.array(tensor.numpy()), copy)


ACTIONS = ("step", "eager_step", "backward_only", "lr", "mode", "freeze", "assign", "save", "load")
a_step = st.tuples(st.just("step"), st.integers(0, 99), st.sampled_from([8, 8, 8, 1, 3]))
an_action = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 99), st.sampled_from([8, 8, 1]))
quiet = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.filterwarnings("ignore:.*none of the .* trainable")
@pytest.mark.parametrize("name", OPTIMIZERS)
@quiet
@given(st.lists(st.one_of(a_step, a_step, an_action), min_size=5, max_size=40))
def test_any_order_of_actions_gives_the_eager_bits(name: str, actions: list[Any]) -> None:
    pair = Pair(name, keep_grads=len(actions) % 2 == 0, fuse=len(actions) % 3 != 0)
    for action, seed, rows in actions:
        if all(not p.requires_grad for p in pair.eager.model.parameters()):
            pair.both(lambda t: setattr(t.model.parameters()[0], "requires_grad", True))
        getattr(pair, action)(seed, rows)
        pair.check()


def test_three_steps_between_actions_reach_the_program() -> None:
    """The random test above would prove nothing if programs never ran in it."""
    pair = Pair("Adam")
    for k in range(6):
        pair.step(k, 8)
    program = pair.captured.call.program
    for k, action in enumerate(("lr", "assign", "save", "load", "eager_step", "backward_only")):
        getattr(pair, action)(k, 8)
        for again in range(3):
            pair.step(10 * k + again, 8)
            pair.check()
        if action != "backward_only":
            assert pair.captured.call.program is program, action
    assert isinstance(pair.captured.model, nn.Sequential)
