"""A captured step on CUDA whose numbers a kernel refuses: the GPU says so late, nothing changed.

What a refusal leaves behind is the same on the CPU, whose loop stops there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import Trainee, assert_same_bits, assert_trains_alike, twins
from cuda.on_sim import needs_compiler
from cuda.stand_in import cuda_device
from cuda.trainees import Batch, batches, network

import tinygrad_ed as tg
from tinygrad_ed import nn, optim

pytestmark = [needs_compiler, pytest.mark.usefixtures("cuda_device")]
__all__ = ["cuda_device"]
with_cpu = pytest.mark.parametrize("device", ["cpu", "cuda-sim", "cuda"])


def bad_label(device: str) -> Batch:
    X, y = batches(1, device, labels=True)[0]
    labels = y.numpy().copy()
    labels[2] = 10
    return X, tg.tensor(labels, device=device)


def refuse(trainee: Trainee, batch: Batch, ask: Callable[[Any], Any]) -> None:
    """Takes a step that is refused, at once or when somebody asks; nothing has changed."""
    before, call = trainee.numbers, trainee.model[1].call
    with pytest.raises(ValueError, match=r"label.*10"):
        ask(trainee.call(*batch))
    assert_same_bits(before, trainee.numbers)
    assert trainee.model[1].call == call + 1  # a mask was drawn before the loss
    trainee.model[1].call = call


@with_cpu
@pytest.mark.parametrize(
    "asked", ["its loss", "the next step", "a weight", "a step as written", "another program"]
)
def test_a_refused_step_changes_nothing_and_training_goes_on(device: str, asked: str) -> None:
    eager, captured = twins(lambda: network(device, out=10), device=device)
    given = batches(6, device, labels=True)
    asks: dict[str, Callable[[Any], Any]] = {
        "its loss": lambda loss: loss.item(),
        "the next step": lambda loss: captured.call(*given[3]),
        "a weight": lambda loss: captured.model[0].W.numpy(),
        "a step as written": lambda loss: captured.step(*given[3]),
        "another program": lambda loss: captured.call(*smaller[2]),
    }
    smaller = batches(3, device, labels=True, rows=3)
    assert_trains_alike(eager, captured, [*given[:3], *smaller])
    refuse(captured, bad_label(device), asks[asked])
    assert_trains_alike(eager, captured, given[3:])


@with_cpu
def test_a_step_that_is_refused_after_an_eager_one_finds_the_counters_it_had(device: str) -> None:
    eager, captured = twins(lambda: network(device, out=10), device=device)
    given = batches(6, device, labels=True)
    for k, batch in enumerate(given):
        if k in (3, 5):
            refuse(captured, bad_label(device), lambda loss: loss.item())
        step = captured.step if k == 4 else captured.call
        assert_same_bits(eager.call(*batch), step(*batch))
    assert_same_bits(eager.numbers, captured.numbers)


class Jump(optim.Optimizer):
    """A rule that does not look at what it changes: its kernel has no mark to look at."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @staticmethod
    def rule(p, g, *, lr):  # type: ignore[no-untyped-def]
        return (-lr * g,)

    @staticmethod
    def _slots(hypers: Any) -> dict[str, float]:
        return {}


@with_cpu
def test_what_cannot_be_stopped_waits_until_the_host_has_looked(device: str) -> None:
    eager, captured = twins(lambda: network(device, out=10, optimizer=Jump), device=device)
    given = batches(5, device, labels=True)
    assert_trains_alike(eager, captured, given[:3])
    refuse(captured, bad_label(device), lambda loss: loss.item())
    assert_trains_alike(eager, captured, given[3:])


@tg.op(source="a test")
def by_formula(x):  # type: ignore[no-untyped-def]
    """No kernel can be made of it."""
    return np.flip(np.cumsum(x, axis=1), axis=1)


@by_formula.vjp
def _(dy, y, x):  # type: ignore[no-untyped-def]
    return np.flip(np.cumsum(dy, axis=1), axis=1)


class Between(nn.Module):
    def forward(self, x: Any) -> Any:
        return by_formula(x)


@with_cpu
def test_formulas_run_between_the_graphs_and_not_after_a_refusal(device: str) -> None:
    def make() -> Trainee:
        rng = np.random.default_rng(0)
        model = nn.Sequential(
            nn.Linear(6, 8, device=device, seed=rng),
            nn.Dropout(0.3, seed=1),
            Between(),
            nn.Linear(8, 10, device=device, seed=rng),
        )
        optimizer = optim.Adam(model.parameters())

        def step(X: Any, y: Any) -> Any:
            loss = tg.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return Trainee(model, [optimizer], step)

    eager, captured = twins(make, device=device)
    given = batches(6, device, labels=True)
    assert_trains_alike(eager, captured, given[:4])
    assert captured.call.program.formulas >= 2
    refuse(captured, bad_label(device), lambda loss: loss.item())
    assert_trains_alike(eager, captured, given[4:])
