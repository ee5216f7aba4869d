"""Steps out of the ordinary: clipping, penalties, looked-up rows, own optimizers and layers."""

from typing import Any

import numpy as np
import pytest
from captured.twins import (
    Residual,
    Step,
    Trainee,
    assert_same_bits,
    assert_trains_alike,
    batches,
    classifier,
    five_lines,
    linear,
    trainee,
    twins,
)

import tinygrad_ed as tg
from tinygrad_ed import nn


def test_gradients_are_clipped_in_a_step() -> None:
    def clipping(model: Any, optimizer: Any) -> Step:
        def step(X: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            parameters = model.parameters()
            norm = tg.sqrt(sum((p.grad * p.grad).sum() for p in parameters))
            for p in parameters:
                p.grad = p.grad * tg.minimum(0.01 / norm, 1.0)
            optimizer.step()
            return loss, norm

        return step

    eager, captured = twins(lambda: trainee(Residual(), clipping))
    assert_trains_alike(eager, captured, batches(20, 8, 6))
    assert captured.call.program is not None


def test_a_penalty_on_the_gradient_of_the_input() -> None:
    def penalised(model: Any, optimizer: Any) -> Step:
        def step(X: Any, y: Any) -> Any:
            X.requires_grad = True
            loss = tg.bce_with_logits(model(X), y)
            slope = tg.grad(loss, X, create_graph=True)
            whole = loss + (slope * slope).sum()
            optimizer.zero_grad()
            whole.backward()
            optimizer.step()
            return whole

        return step

    make = lambda: trainee(Residual(), penalised)  # noqa: E731
    eager, captured = twins(make)
    inputs = [(tg.tensor(X, device="cpu"), y) for X, y in batches(10, 8, 6)]
    for batch in inputs:
        copies = tuple(tg.tensor(t, device="cpu") for t in batch)
        assert_same_bits(eager.call(*copies), captured.call(*batch))
    assert_same_bits(eager.numbers, captured.numbers)
    assert captured.call.program is not None


def test_a_gradient_that_is_asked_for_and_returned() -> None:
    t = classifier(sizes=(6, 5, 1))

    def step(X: Any, y: Any) -> Any:
        W = t.model[0].W
        return tg.grad(tg.bce_with_logits(t.model(X), y), W)

    captured = tg.capture(step)
    for batch in batches(6, 4, 6):
        assert_same_bits(step(*batch), captured(*batch))


def test_rows_are_looked_up_by_an_argument() -> None:
    def make() -> Trainee:
        table = nn.Parameter(np.random.default_rng(0).standard_normal((10, 4)), device="cpu")
        model = nn.Sequential(linear(4, 1, 3))
        optimizer = tg.optim.SGD([table, *model.parameters()], lr=0.1)

        def step(rows: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(model(table[rows]), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return Trainee(model, [optimizer], step)

    rng = np.random.default_rng(2)
    same = np.zeros(8, np.int64)  # equal in the two traced runs: it must still be an argument
    rows = [same, same, *(rng.integers(0, 10, 8) for _ in range(6))]
    steps = [
        (tg.tensor(r, device="cpu"), y) for r, (_, y) in zip(rows, batches(8, 8, 1), strict=True)
    ]
    assert_trains_alike(*twins(make), steps)


def test_what_has_no_slope_is_computed_anew_each_time() -> None:
    """Comparisons, casts, a copy, NumPy's own functions, a seed: all follow the batch."""

    def step(X: Any, y: Any) -> Any:
        right = ((X > 0) & ~(y == 1)).astype("int64")
        copy = tg.tensor(X, device="cpu")
        W = tg.tensor(np.ones((3, 1), np.float32), requires_grad=True, device="cpu")
        (X @ W).backward(y)
        return right, copy, np.floor(X), W.grad, X.astype("float64"), tg.where(y < X, X, y)

    captured = tg.capture(step)
    same = batches(1, 4, 3)
    for batch in same * 2 + batches(4, 4, 3, seed=1):
        assert_same_bits(step(*batch), captured(*batch))
    assert captured.program is not None


class Slowing(tg.optim.SGD):
    """Its learning rate falls with each step: a number of the rule that moves."""

    def _numbers(self, t: int, hypers: Any) -> Any:
        return {**super()._numbers(t, hypers), "lr": hypers["lr"] / t}


class Halving(tg.optim.SGD):
    """An update that is no rule."""

    def _update(self, p: Any, g: Any, slots: Any, t: int, hypers: Any) -> Any:
        return p - hypers["lr"] / t * np.sign(g), {}


@pytest.mark.parametrize("kind", [Slowing, Halving])
def test_optimizers_of_ones_own(kind: Any) -> None:
    def make() -> Trainee:
        return classifier(sizes=(6, 5, 1), optimizer=kind, lr=0.1)

    eager, captured = twins(make)
    steps = batches(12, 8, 6)
    assert_trains_alike(eager, captured, steps)
    for t in (eager, captured):
        t.optimizers[0].param_groups[0]["lr"] = 0.05
    assert_trains_alike(eager, captured, steps)
    assert captured.call.program is not None


@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Adam, tg.optim.AdaGrad])
def test_on_a_device_without_kernels_a_step_is_its_formulas(optimizer: Any) -> None:
    def make() -> Trainee:
        return classifier(
            sizes=(6, 5, 4, 1), optimizer=optimizer, lr=0.1, device="numpy", dropout=0.2
        )

    steps = [tuple(t.to("numpy") for t in batch) for batch in batches(12, 8, 6)]
    eager, captured = twins(make, device="numpy")
    assert_trains_alike(eager, captured, steps)
    assert captured.call.program.formulas > 0
    for t in (eager, captured):
        t.optimizers[0].param_groups[0]["lr"] = 0.05
    assert_trains_alike(eager, captured, steps)


def test_a_parameter_that_the_loss_does_not_need_sits_out() -> None:
    def make() -> Trainee:
        model = nn.Sequential(linear(6, 5, 1, "relu"), linear(5, 1, 2))
        idle = nn.Parameter(np.ones(3), device="cpu", name="idle")
        parameters = [model[0].W, idle, model[0].b, model[1].W, model[1].b]
        optimizer = tg.optim.Adam(parameters)
        return Trainee(model, [optimizer], five_lines(model, optimizer, tg.bce_with_logits))

    assert_trains_alike(*twins(make), batches(12, 8, 6))


def test_modes_may_be_switched_inside_a_step() -> None:
    def scored(model: Any, optimizer: Any) -> Step:
        train = five_lines(model, optimizer, tg.bce_with_logits)

        def step(X: Any, y: Any) -> Any:
            model.train()
            loss = train(X, y)
            model.eval()
            return loss, model(X)

        return step

    def make() -> Trainee:
        model = nn.Sequential(linear(6, 5, 1, "relu"), nn.Dropout(0.5, seed=3), linear(5, 1, 2))
        return trainee(model, scored)

    eager, captured = twins(make)
    assert_trains_alike(eager, captured, batches(8, 8, 6))
    assert captured.call.program is not None
    eager.model.train()
    captured.model.train()
    assert_trains_alike(eager, captured, batches(8, 8, 6))


class OwnMode(nn.Module):
    def __init__(self) -> None:
        self.inside = linear(6, 1, 1)

    def forward(self, X: Any) -> Any:
        return self.inside(X) * (2.0 if self.training else 1.0)


def test_a_layer_of_ones_own_follows_its_mode() -> None:
    eager, captured = twins(
        lambda: trainee(OwnMode(), lambda m, o: five_lines(m, o, tg.bce_with_logits))
    )
    for mode in (True, False, True, False):
        for t in (eager, captured):
            t.model.train(mode)
        assert_trains_alike(eager, captured, batches(4, 8, 6))
    program = captured.call.program
    captured.call.program.seen = captured.call.program.seen_grounds = -1
    captured.model.eval()
    captured.call(*batches(1, 8, 6)[0])
    assert captured.call.program is program, "a program of a mode is kept"
