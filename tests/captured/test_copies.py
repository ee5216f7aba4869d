"""Copies of captured steps and of what they train; methods; attributes that are set in between."""

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits, batches, classifier, five_lines, linear

import tinygrad_ed as tg
from tinygrad_ed import nn

COPIES: list[Callable[[Any], Any]] = [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]


class Trainer:
    """A network, its optimizer and a captured step, as one object."""

    def __init__(self) -> None:
        t = classifier(sizes=(6, 5, 1), dropout=0.2)
        self.model, self.optimizer = t.model, t.optimizers[0]
        self.step = tg.capture(self.train)

    def train(self, X: Any, y: Any) -> Any:
        return five_lines(self.model, self.optimizer, tg.bce_with_logits)(X, y)

    @property
    def numbers(self) -> list[Any]:
        state = self.optimizer.state_dict()["state"]
        slots = [v for entry in state for v in entry.values()]
        return [*self.model.state_dict().values(), *(np.array(v) for v in slots)]


@pytest.mark.parametrize("copied", COPIES)
def test_a_copied_trainer_goes_on_by_itself_with_the_same_bits(copied: Any) -> None:
    one, steps = Trainer(), batches(12, 8, 6)
    for batch in steps[:6]:
        one.step(*batch)
    other = copied(one)
    assert_same_bits(one.numbers, other.numbers)
    before = one.numbers
    losses = [other.step(*batch) for batch in steps[6:]]
    assert_same_bits(one.numbers, before)
    assert_same_bits([one.step(*batch) for batch in steps[6:]], losses)
    assert_same_bits(one.numbers, other.numbers)
    assert other.step.program is not None


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_outlives_the_step_that_it_was_copied_from(copied: Any) -> None:
    one, steps = Trainer(), batches(8, 8, 6)
    for batch in steps:
        one.step(*batch)
    other = copied(one)
    del one
    gc.collect()
    before = other.numbers
    for batch in steps:
        other.step(*batch)
    assert not np.array_equal(before[0], other.numbers[0])


@pytest.mark.parametrize("copied", COPIES)
def test_a_copied_network_remembers_that_a_gradient_was_used_up(copied: Any) -> None:
    one = Trainer()
    for batch in batches(4, 8, 6):
        one.step(*batch)
    model = copied(one.model)
    with pytest.raises(tg.TapeError, match=r"gradient of W1 .* is not kept"):
        _ = model[0].W.grad


class Method(Trainer):
    @tg.capture
    def step(self, X: Any, y: Any) -> Any:
        return self.train(X, y)

    def __init__(self) -> None:
        super().__init__()
        del self.step  # that of the class


def test_a_method_is_captured_for_each_object() -> None:
    one, two, steps = Method(), Method(), batches(6, 8, 6)
    for k, batch in enumerate(steps):
        one.step(*batch)
        if k > 2:
            two.step(*batch)
    assert one.step is one.step and one.step is not two.step
    assert one.step.program is not None and one.step.program is not two.step.program
    eager = Trainer()
    for batch in steps:
        eager.train(*batch)
    assert_same_bits(one.numbers, eager.numbers)


class Net(nn.Module):
    def __init__(self) -> None:
        self.first, self.drop, self.last = linear(6, 5, 1), nn.Dropout(0.5, seed=3), linear(5, 1, 2)
        self.scale, self.heads = 1.0, [linear(5, 1, 5)]

    def forward(self, X: Any) -> Any:
        h = self.drop(self.first(X))
        return self.last(h) * self.scale + self.heads[0](h)


def swap(layers: list[Any]) -> None:
    layers[0] = linear(5, 1, 9)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a layer": lambda net: setattr(net, "last", linear(5, 1, 8)),
    "a parameter": lambda net: setattr(net.last, "W", nn.Parameter(np.ones((5, 1)), device="cpu")),
    "an activation": lambda net: setattr(net.first, "activation", "tanh"),
    "a number": lambda net: setattr(net, "scale", 3.0),
    "a chance": lambda net: setattr(net.drop, "p", 0.1),
    "a mode": lambda net: setattr(net.drop, "training", False),
    "no bias": lambda net: setattr(net.last, "b", None),
    "a layer in a list": lambda net: (swap(net.heads), setattr(net, "scale", 1.0)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_attribute_of_a_layer_that_is_set_is_followed(change: Callable[[Any], Any]) -> None:
    found = []
    for captured in (False, True):
        net = Net()
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1)
        step: Any = five_lines(net, optimizer, tg.bce_with_logits)
        step = tg.capture(step) if captured else step
        losses = []
        for k, batch in enumerate(batches(12, 8, 6)):
            if k == 6:
                change(net)
            losses.append(step(*batch))
        found.append(losses)
        assert not captured or step.program is not None
    assert_same_bits(*found)


def test_setting_what_was_there_is_no_change() -> None:
    net = Net()
    step = tg.capture(five_lines(net, tg.optim.SGD(net.parameters(), lr=0.1), tg.bce_with_logits))
    for batch in batches(4, 8, 6):
        net.scale, net.note = 1.0, (float("nan"), "a", None)
        step(*batch)
    program = step.program
    net.scale, net.note = 1.0, (float("nan"), "a", None)
    step(*batches(1, 8, 6)[0])
    assert step.program is program is not None


class Noting(nn.Module):
    """It keeps what it saw."""

    def __init__(self) -> None:
        self.inside, self.seen, self.runs = linear(6, 1, 1), [], 0

    def forward(self, X: Any) -> Any:
        self.runs += 1
        self.last = X
        self.seen.append(X)
        return self.inside(X)


def test_what_a_layer_sets_itself_while_it_runs_is_no_change() -> None:
    net = Noting()
    step = tg.capture(five_lines(net, tg.optim.SGD(net.parameters(), lr=0.1), tg.bce_with_logits))
    for batch in batches(12, 8, 6):
        step(*batch)
    assert step.program is not None and net.runs == 2


def test_arguments_may_be_named_and_are_checked_in_every_call() -> None:
    t = classifier(sizes=(6, 5, 1))
    step = tg.capture(t.step)
    for X, y in batches(4, 8, 6):
        step(X, y=y)
    assert step.program is not None
    eager = classifier(sizes=(6, 5, 1))
    for X, y in batches(4, 8, 6):
        eager.step(X, y)
    assert_same_bits(t.numbers, eager.numbers)
    with pytest.raises(TypeError, match=r"missing a required argument: .y."):
        step(X, z=y)
    with pytest.raises(tg.CaptureError, match="argument 1 of the step requires a gradient"):
        step(tg.tensor(X.numpy(), device="cpu", requires_grad=True), y)
    with pytest.raises(tg.CaptureError, match="is given a tensor on 'numpy'"):
        step(X, y.to("numpy"))
    assert_same_bits(t.numbers, eager.numbers)


def test_an_argument_that_can_only_be_named() -> None:
    def step(X: Any, *, y: Any) -> Any:
        return X * y

    with pytest.raises(TypeError, match=r"define the step without the \*"):
        tg.capture(step)(np.ones(3, "f4"), y=np.ones(3, "f4"))


def test_an_argument_of_many_axes() -> None:
    X = np.random.default_rng(0).random((1,) * 30 + (3,)).astype("float32")
    step = tg.capture(lambda X: X * 2)
    for _ in range(4):
        assert_same_bits(step(X).numpy(), X * 2)
    assert_same_bits(step.run(X, batch_size=1)[0].numpy(), X * 2)
