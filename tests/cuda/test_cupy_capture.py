"""`tg.capture` on CUDA: one graph of own kernels, counters and settings in memory, late refusals.

Everything runs on cuda-sim, whose launches are made again one by one, and on cuda, whose graph is
CuPy's or the stand-in's.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from captured.twins import Trainee, assert_same_bits, assert_trains_alike, classifier, twins
from cuda.on_sim import Array, needs_compiler
from cuda.stand_in import GRAPHS, IS_REAL, LAUNCHED, cuda_device

import tinygrad_ed as tg
from tinygrad_ed import nn, optim

pytestmark = [needs_compiler, pytest.mark.usefixtures("cuda_device")]
__all__ = ["cuda_device"]
each = pytest.mark.parametrize("device", ["cuda-sim", "cuda"])
with_cpu = pytest.mark.parametrize("device", ["cpu", "cuda-sim", "cuda"])
"""What a refusal leaves behind is the same on the CPU, whose loop stops there."""
Batch = tuple[Any, Any]


def batches(count: int, device: str, labels: bool = False, rows: int = 5) -> list[Batch]:
    rng, found = np.random.default_rng(3), []
    for _ in range(count):
        X = rng.standard_normal((rows, 6)).astype("float32")
        y = rng.integers(0, 10, rows) if labels else (X[:, :1] > 0).astype("float32")
        found.append((tg.tensor(X, device=device), tg.tensor(y, device=device)))
    return found


def network(device: str, *, dropout: float = 0.3, out: int = 1, **how: Any) -> Trainee:
    return classifier(sizes=(6, 8, out), dropout=dropout, device=device, lr=1e-2, **how)


@each
@pytest.mark.parametrize("kind", ["Adam", "SGD", "AdamW", "labels", "tanh", "float64"])
def test_a_captured_step_has_the_bits_of_the_step(device: str, kind: str) -> None:
    how: dict[str, Any] = {
        "SGD": {"optimizer": optim.SGD, "momentum": 0.9},
        "AdamW": {"optimizer": optim.AdamW},
        "labels": {"out": 10},
        "tanh": {"activation": "tanh", "dropout": 0.0},
        "float64": {"dtype": "float64"},
    }.get(kind, {})
    given = batches(5, device, labels=kind == "labels")
    if kind == "float64":
        given = [(X.astype("float64"), y.astype("float64")) for X, y in given]
    eager, captured = twins(lambda: network(device, **how), device=device)
    assert_trains_alike(eager, captured, given)
    assert captured.call.program.formulas == 0


def test_a_step_is_one_graph_and_nothing_else_is_launched() -> None:
    captured = twins(lambda: network("cuda"), device="cuda")[1]
    GRAPHS.clear()
    given = batches(5, "cuda")
    for batch in given[:3]:
        captured.call(*batch).item()
    program = captured.call.program
    if IS_REAL:
        return
    assert GRAPHS == [program.launches]
    LAUNCHED.clear()
    captured.call(*given[3])
    assert LAUNCHED == []  # nobody has waited yet
    captured.call(*given[4]).item()
    assert len(LAUNCHED) == 2 * program.launches
    assert GRAPHS == [program.launches]


@each
def test_steps_may_be_taken_as_they_are_written_in_between(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device)
    for k, batch in enumerate(batches(9, device)):
        step = captured.step if k in (4, 5, 7) else captured.call
        assert_same_bits(eager.call(*batch), step(*batch))
    assert_same_bits(eager.numbers, captured.numbers)
    calls = [t.model[1].call for t in (eager, captured)]
    assert calls == [9, 9]


@each
def test_hyper_parameters_are_looked_up_and_counters_may_be_set(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device)
    for k, batch in enumerate(batches(6, device)):
        for trainee in (eager, captured):
            group = trainee.optimizers[0].param_groups[0]
            group["lr"] = 1e-2 / (1 + k // 2)
            if k == 4:
                trainee.model[1].call = 100
        assert_same_bits(eager.call(*batch), captured.call(*batch))
    assert_same_bits(eager.numbers, captured.numbers)
    assert captured.model[1].call == 102


@each
def test_a_state_is_saved_and_brought_back(device: str) -> None:
    one, other = (twins(lambda: network(device), device=device)[1] for _ in range(2))
    given = batches(7, device)
    for batch in given[:4]:
        one.call(*batch)
    for batch in given[:2]:
        other.call(*batch)
    other.model.load_state_dict(one.model.state_dict())
    other.optimizers[0].load_state_dict(one.optimizers[0].state_dict())
    other.model[1].call = one.model[1].call
    for batch in given[4:]:
        assert_same_bits(one.call(*batch), other.call(*batch))
    assert_same_bits(one.numbers, other.numbers)


@each
def test_gradients_are_kept_if_they_are_asked_for(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device, keep_grads=True)
    for batch in batches(4, device):
        assert_same_bits(eager.call(*batch), captured.call(*batch))
        for a, b in zip(eager.model.parameters(), captured.model.parameters(), strict=True):
            assert_same_bits(a.grad, b.grad)


@each
def test_arrays_of_the_host_and_batches_of_other_sizes_are_taken(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device)
    for rows in (5, 5, 5, 3, 3, 3, 5):
        ((X, y),) = batches(1, device, rows=rows)
        expected = eager.call(X, y)
        assert_same_bits(expected, captured.call(X.numpy(), y.numpy()))
    assert_same_bits(eager.numbers, captured.numbers)


@each
def test_a_program_is_printed_with_its_arrays_by_name(device: str) -> None:
    captured = twins(lambda: network(device), device=device)[1]
    for batch in batches(2, device):
        captured.call(*batch)
    text = str(captured.call.program)
    for words in ("A1 = product", "bce_with_logits(", "slope_of_dropped(", "adam_update(", "+= 1"):
        assert words in text
    assert "formula" not in text and text.endswith("return L")


# --- numbers that a kernel refuses ----------------------------------------------------------------


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
@pytest.mark.parametrize("asked", ["its loss", "the next step", "a weight"])
def test_a_refused_step_changes_nothing_and_training_goes_on(device: str, asked: str) -> None:
    eager, captured = twins(lambda: network(device, out=10), device=device)
    given = batches(6, device, labels=True)
    asks: dict[str, Callable[[Any], Any]] = {
        "its loss": lambda loss: loss.item(),
        "the next step": lambda loss: captured.call(*given[3]),
        "a weight": lambda loss: captured.model[0].W.numpy(),
    }
    assert_trains_alike(eager, captured, given[:3])
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
    def rule(p, g, *, lr):  # type: ignore[no-untyped-def, override]
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


# --- many steps in one call -----------------------------------------------------------------------


def data(rows: int, labels: bool = False) -> tuple[Array, Array]:
    X = np.random.default_rng(5).standard_normal((rows, 6)).astype("float32")
    y: Array = (X[:, :1] > 0).astype("float32")
    return X, np.abs(X[:, 0] * 5).astype(np.int64) % 10 if labels else y


def one_by_one(trainee: Trainee, X: Array, y: Array, order: Sequence[int], size: int) -> Array:
    device, losses = trainee.model[0].W.device, []
    for k in range(0, len(order), size):
        rows = order[k : k + size]
        losses.append(
            trainee.step(tg.tensor(X[rows], device=device), tg.tensor(y[rows], device=device))
        )
    return np.array([loss.item() for loss in losses])


@with_cpu
@pytest.mark.parametrize("on_device", [False, True])
def test_an_epoch_is_its_steps(device: str, on_device: bool) -> None:
    X, y = data(23)
    eager, captured = twins(lambda: network(device), device=device)
    given = [tg.tensor(a, device=device) for a in (X, y)] if on_device else [X, y]
    for k in range(3):
        order = np.random.default_rng(k).permutation(23)[: 23 - 4 * (k == 2)]
        expected = one_by_one(eager, X, y, order, 4)  # type: ignore[arg-type]
        assert_same_bits(expected, captured.call.run(*given, order, batch_size=4))
    assert_same_bits(eager.numbers, captured.numbers)
    assert eager.model[1].call == captured.model[1].call


def test_an_epoch_is_a_graph_for_each_step_and_one_wait() -> None:
    X, y = data(40)
    captured = twins(lambda: network("cuda"), device="cuda")[1]
    given = [tg.tensor(a, device="cuda") for a in (X, y)]
    captured.call.run(*given, batch_size=4)
    if IS_REAL:
        return
    GRAPHS.clear()
    LAUNCHED.clear()
    captured.call.run(*given, batch_size=4)
    launches = captured.call.program.launches + 4  # two gathers, the loss, the place
    assert GRAPHS == [] and len(LAUNCHED) == 10 * launches


@with_cpu
def test_an_epoch_stops_at_the_batch_that_is_refused(device: str) -> None:
    X, y = data(40, labels=True)
    eager, captured = twins(lambda: network(device, out=10), device=device)
    order = np.arange(40)
    one_by_one(eager, X, y, order, 4)  # type: ignore[arg-type]
    captured.call.run(X, y, order, batch_size=4)
    one_by_one(eager, X, y, order[:24], 4)  # type: ignore[arg-type]
    y[26] = 11
    with pytest.raises(ValueError, match=r"label.*11"):
        captured.call.run(X, y, order, batch_size=4)
    y[26] = 1
    assert_same_bits(eager.numbers, captured.numbers)
    assert captured.model[1].call == eager.model[1].call + 1
    captured.model[1].call -= 1
    expected = one_by_one(eager, X, y, order, 4)  # type: ignore[arg-type]
    assert_same_bits(expected, captured.call.run(X, y, order, batch_size=4))
    assert_same_bits(eager.numbers, captured.numbers)
