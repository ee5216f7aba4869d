"""What people do in a step: shared weights, accumulation, optimizers, clipping, penalties."""

from collections.abc import Callable
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


def test_residual_connections_and_tied_weights() -> None:
    def make() -> Trainee:
        return trainee(Residual(), lambda m, o: five_lines(m, o, tg.bce_with_logits))

    eager, captured = twins(make)
    assert_trains_alike(eager, captured, batches(30, 8, 6))
    assert captured.call.program.formulas == 0, "a transposed gradient is put in order by a kernel"


def test_gradients_of_micro_batches_add_up_inside_a_step() -> None:
    def accumulating(model: Any, optimizer: Any) -> Step:
        def step(X: Any, y: Any) -> Any:
            optimizer.zero_grad()
            total = 0
            for k in range(3):
                loss = tg.bce_with_logits(model(X[4 * k : 4 * k + 4]), y[4 * k : 4 * k + 4])
                loss.backward()
                total = total + loss.detach()
            optimizer.step()
            return total

        return step

    eager, captured = twins(lambda: trainee(Residual(), accumulating))
    assert_trains_alike(eager, captured, batches(20, 12, 6))
    assert captured.call.program is not None


@pytest.mark.parametrize("step_is_captured", [False, True])
@pytest.mark.parametrize("often", [1, 2, 3])
def test_gradients_add_up_over_captured_steps(often: int, step_is_captured: bool) -> None:
    """One captured step that only goes backward, and another one, or an eager call, that steps."""

    def run(capture: Callable[..., Any]) -> tuple[Any, Any]:
        t = classifier(sizes=(6, 5, 1))
        (optimizer,) = t.optimizers

        @capture
        def backward(X: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(t.model(X), y)
            loss.backward()
            return loss

        def step() -> None:
            optimizer.step()
            optimizer.zero_grad()

        take = capture(step) if step_is_captured else step
        losses, gradients = [], []
        for k, batch in enumerate(batches(30, 4, 6)):
            losses.append(backward(*batch).item())
            if k % often == often - 1:
                if k % 2:
                    gradients += [np.array(p.grad.numpy()) for p in t.model.parameters()]
                take()
        for name in (backward, take):
            assert capture is not tg.capture or getattr(name, "program", True) is not None
        return losses, [t.numbers, gradients]

    assert_same_bits(run(lambda step: step), run(tg.capture))


def test_zero_grad_at_the_end_of_a_step() -> None:
    def other_order(model: Any, optimizer: Any) -> Step:
        def step(X: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(model(X), y)
            loss.backward()
            optimizer.step()
            model.zero_grad()
            return loss

        return step

    eager, captured = twins(lambda: trainee(Residual(), other_order))
    assert_trains_alike(eager, captured, batches(12, 12, 6))
    assert captured.call.program is not None
    assert all(p.grad is None for p in captured.model.parameters())


@pytest.mark.filterwarnings("ignore::tinygrad_ed.StaleGradientWarning")
def test_a_forgotten_zero_grad_adds_up_as_it_does_eagerly() -> None:
    def forgetful(model: Any, optimizer: Any) -> Step:
        def step(X: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(model(X), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    eager, captured = twins(lambda: trainee(Residual(), forgetful))
    assert_trains_alike(eager, captured, batches(12, 12, 6))
    assert captured.call.program is not None


class Rivals(nn.Module):
    def __init__(self) -> None:
        self.G = nn.Sequential(linear(3, 5, 1, "relu"), linear(5, 4, 2))
        self.D = nn.Sequential(linear(4, 5, 3, "relu"), linear(5, 1, 4))

    def forward(self, noise: Any) -> Any:
        return self.D(self.G(noise))


@pytest.mark.filterwarnings("ignore::tinygrad_ed.StaleGradientWarning")
@pytest.mark.parametrize("freezes", [False, True])
def test_two_optimizers_and_two_losses_in_one_step(freezes: bool) -> None:
    """As a generator and a discriminator are trained."""

    def make() -> Trainee:
        model = Rivals()
        for_G = tg.optim.Adam(model.G.parameters(), lr=0.01)
        for_D = tg.optim.SGD(model.D.parameters(), lr=0.1, momentum=0.5)

        def step(real: Any, noise: Any) -> Any:
            ones, zeros = tg.ones((8, 1), device="cpu"), tg.zeros((8, 1), device="cpu")
            fake = model.G(noise).detach()
            of_D = tg.bce_with_logits(model.D(real), ones)
            of_D = of_D + tg.bce_with_logits(model.D(fake), zeros)
            for_D.zero_grad()
            of_D.backward()
            for_D.step()
            if freezes:
                for p in model.D.parameters():
                    p.requires_grad = False
            of_G = tg.bce_with_logits(model(noise), ones)
            for_G.zero_grad()
            of_G.backward()
            for_G.step()
            if freezes:
                for p in model.D.parameters():
                    p.requires_grad = True
            return {"D": of_D, "G": of_G}

        return Trainee(model, [for_G, for_D], step)

    rng = np.random.default_rng(0)
    steps = [
        tuple(rng.standard_normal((8, n)).astype(np.float32) for n in (4, 3)) for _ in range(20)
    ]
    steps = [tuple(tg.tensor(a, device="cpu") for a in arrays) for arrays in steps]
    eager, captured = twins(make)
    assert_trains_alike(eager, captured, steps)
    assert captured.call.program is not None and captured.call.program.formulas == 0


def test_groups_with_hyperparameters_of_their_own() -> None:
    def make() -> Trainee:
        model = Residual()
        groups = [
            {"params": [layer.W for layer in model.layers], "weight_decay": 0.1},
            {"params": [layer.b for layer in model.layers], "lr": 0.1},
        ]
        optimizer = tg.optim.SGD(groups, lr=0.01)
        return Trainee(model, [optimizer], five_lines(model, optimizer, tg.bce_with_logits))

    assert_trains_alike(*twins(make), batches(12, 8, 6))


def test_an_optimizer_that_steps_twice_on_one_gradient() -> None:
    def make_step(model: Any, optimizer: Any) -> Step:
        def step(X: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            optimizer.step()
            return loss

        return step

    assert_trains_alike(*twins(lambda: trainee(Residual(), make_step)), batches(12, 8, 6))


SHARE = 0.5


class Cautious(tg.optim.Optimizer):
    """A rule of the user's own, with an `if` on the size of a number."""

    @staticmethod
    def rule(p: Any, g: Any, *, lr: float) -> Any:  # type: ignore[override]
        if lr > 0.25:
            return (p - 0.5 * lr * g,)
        return (p - lr * g,)

    @staticmethod
    def _slots(hypers: Any) -> dict[str, float]:
        return {}


class Shared(Cautious):
    """One that reads a constant from outside."""

    @staticmethod
    def rule(p: Any, g: Any, *, lr: float) -> Any:  # type: ignore[override]
        return (p - SHARE * lr * g,)


def test_a_rule_sees_a_constant_that_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    p = nn.Parameter(np.ones(3, np.float32), device="cpu")
    optimizer = Shared([p], {"lr": 0.25})
    for share in (0.5, 2.0):
        monkeypatch.setitem(globals(), "SHARE", share)
        p.sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    np.testing.assert_array_equal(p.numpy(), np.full(3, 1 - 0.125 - 0.5, np.float32))


@pytest.mark.parametrize("how", ["eager", "captured"])
def test_a_rule_that_decides_on_the_size_of_a_number_decides_at_each_step(how: str) -> None:
    p = nn.Parameter(np.ones(3, np.float32), device="cpu")
    optimizer = Cautious([p], {"lr": 0.125})

    def step(X: Any) -> Any:
        loss = (p * X).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    call = tg.capture(step) if how == "captured" else step
    expected = 1.0
    for lr in (0.125, 0.125, 0.125, 0.5, 0.5, 0.125):
        optimizer.param_groups[0]["lr"] = lr
        call(tg.tensor(np.ones(3, np.float32), device="cpu"))
        expected -= lr / 2 if lr > 0.25 else lr
        np.testing.assert_array_equal(p.numpy(), np.full(3, expected, np.float32))
