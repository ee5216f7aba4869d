"""`fit` captures its step where it can: the history is the same to the last bit, and it says so."""

import gc
import signal
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from train.fit_runs import DATA, HITS, Annealed, X, Y, assert_same_weights, network, train

import tinygrad_ed as tg
from tinygrad_ed import nn, optim, tape
from tinygrad_ed.captured import CapturedStep
from tinygrad_ed.train import EarlyStopping, steps


def frozen_in_epoch_2(model: nn.Sequential) -> Callable[..., Any]:
    def freeze(epoch: int, logs: dict[str, float]) -> None:
        if epoch == 2:
            for p in model[0].parameters():
                p.requires_grad = False

    return freeze


class Halving:
    def __init__(self, optimizer: optim.Optimizer) -> None:
        self.optimizer = optimizer

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.optimizer.param_groups[0]["lr"] *= 0.5


class OwnWay(optim.SGD):
    """Has no rule that a kernel could be made of."""

    def _update(self, p: Any, g: Any, slots: Any, t: Any, hypers: Any) -> Any:
        return p - hypers["lr"] * np.sign(g), {}


def annealed(model: nn.Module) -> dict[str, Any]:
    loss = Annealed()
    return {"loss": loss, "callbacks": [loss]}


def halving(model: nn.Module) -> dict[str, Any]:
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    return {"optimizer": optimizer, "callbacks": [Halving(optimizer)]}


RUNS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "plain": lambda model: {},
    "full batches only": lambda model: {"batch_size": 15},
    "one row a batch": lambda model: {"batch_size": 1, "epochs": 2},
    "one batch": lambda model: {"batch_size": 150, "epochs": 9},
    "more than there is": lambda model: {"batch_size": 1000, "epochs": 9},
    "metrics": lambda model: {"metrics": HITS},
    "validation": lambda model: {"validation": (X[:40], Y[:40]), "metrics": HITS},
    "early stopping": lambda model: {
        "epochs": 40,
        "validation": (X[:40], Y[:40]),
        "make": lambda p: optim.Adam(p, lr=0.2),
        "callbacks": [EarlyStopping(2, restore=model)],
    },
    "a callback that changes the learning rate": halving,
    "a callback that changes a number in the loss": annealed,
    "a callback that freezes a layer": lambda model: {"callbacks": [frozen_in_epoch_2(model)]},
    "momentum": lambda model: {"make": lambda p: optim.SGD(p, lr=0.1, momentum=0.9)},
    "an update of its own": lambda model: {"make": lambda p: OwnWay(p, lr=0.01)},
    "formulas": lambda model: {"loss": lambda z, t: ((z - t) ** 2)[::-1].mean()},
    "a comparison": lambda model: {
        "loss": lambda z, t: tg.where(z > t, (z - t) ** 2, t - z).mean()
    },
}


@pytest.mark.parametrize("case", RUNS.values(), ids=RUNS)
def test_the_history_and_the_weights_are_the_same_to_the_last_bit(case: Any) -> None:
    captured, written, by_default = network(), network(), network()
    histories = [
        train(model, capture=how, **case(model))
        for model, how in ((captured, True), (written, False), (by_default, None))
    ]
    assert histories[0].epochs == histories[1].epochs == histories[2].epochs
    assert histories[0].stopped_by == histories[1].stopped_by
    assert_same_weights(captured, written)
    assert_same_weights(by_default, written)


def test_a_callback_finds_the_gradients_of_the_last_step() -> None:
    def run(capture: bool) -> list[Any]:
        model, seen = network(), []

        def look(epoch: int, logs: dict[str, float]) -> None:
            seen.extend(p.grad.numpy().copy() for p in model.parameters())  # type: ignore[union-attr]

        train(model, callbacks=[look], capture=capture)
        return seen

    for a, b in zip(run(True), run(False), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_class_labels_and_number_types(dtype: str) -> None:
    captured, written = (network(outputs=2, dtype=dtype) for _ in range(2))
    histories = [
        train(m, y=DATA.y, loss=tg.cross_entropy, capture=how)
        for m, how in ((captured, True), (written, False))
    ]
    assert histories[0].epochs == histories[1].epochs
    assert_same_weights(captured, written)


def test_many_steps_are_taken_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    run = CapturedStep.run

    def counted(self: Any, *data: Any, **options: Any) -> Any:
        rows.append(len(options["order"]))
        return run(self, *data, **options)

    monkeypatch.setattr(CapturedStep, "run", counted)
    train(network(), batch_size=4, epochs=5)
    assert max(rows) > 8 * 4 and sum(rows) > 3 * 148


def test_four_threads_train_captured_as_one_thread_does_as_written() -> None:
    def work(k: int, **how: Any) -> None:
        found[k] = train(network(), seed=k, validation=(X[:9], Y[:9]), **how).epochs

    found: dict[int, Any] = {}
    for k in range(4):
        work(k, capture=False)
    expected, found = found, {}
    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


@pytest.mark.parametrize("loss", [tg.bce_with_logits, lambda z, t: float(z.sum()) * (z - t).mean()])
@pytest.mark.filterwarnings("ignore:fit takes its steps")
def test_its_memory_is_freed_without_the_collector(loss: Any, monkeypatch: Any) -> None:
    alive: list[weakref.ref[Any]] = []

    program = steps.Steps._program

    def remembered(self: Any) -> CapturedStep:
        made = program(self)
        alive.append(weakref.ref(made))
        return made

    def watched(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        alive.append(weakref.ref(tape.state.trace)) if tape.state.trace else None
        return loss(z, t)  # type: ignore[no-any-return]

    monkeypatch.setattr(steps.Steps, "_program", remembered)
    gc.collect()
    gc.disable()
    try:
        train(network(), loss=watched, callbacks=[lambda epoch, logs: None])
        assert len(alive) > 1 and all(ref() is None for ref in alive)
    finally:
        gc.enable()


# --- it says so ---------------------------------------------------------------------------------


def test_the_first_line_says_how_many_kernels_a_step_launches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    train(network(), progress=True, epochs=2)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("captured: ") and first.endswith(" kernel launches a step")
    assert 5 <= int(first.split()[1]) <= 30
    assert [line[:9] for line in rest] == ["epoch 1/2", "epoch 2/2"]


@pytest.mark.parametrize(("device", "capture"), [("numpy", None), ("cpu", False)])
def test_where_nothing_was_to_be_captured_nothing_is_said(
    device: str,
    capture: bool | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps.Steps, "_program", None)
    train(network(device), progress=True, epochs=1, capture=capture)
    assert len(capsys.readouterr().out.splitlines()) == 1


# --- it ends in the middle ----------------------------------------------------------------------


@pytest.mark.parametrize("bad", [40, 149])
def test_a_bad_label_is_named_and_leaves_what_the_loop_as_written_leaves(bad: int) -> None:
    labels = DATA.y.copy()
    labels[bad] = 7
    captured, written = network(outputs=2), network(outputs=2)
    messages = []
    for model, how in ((captured, True), (written, False)):
        with pytest.raises(ValueError, match="label 7 at") as error:
            train(model, y=labels, loss=tg.cross_entropy, capture=how, batch_size=4)
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert_same_weights(captured, written)


def test_ctrl_c_ends_it_after_whole_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    model, written = network(), network()
    take, pieces = steps.Steps._take_many, []

    def pressed(self: Any, rows: Any) -> Any:
        pieces.append(rows)
        if len(pieces) == 3:
            signal.raise_signal(signal.SIGINT)
        return take(self, rows)

    monkeypatch.setattr(steps.Steps, "_take_many", pressed)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
    try:
        history = train(model, optimizer=optimizer, batch_size=2, epochs=3)
    finally:
        signal.signal(signal.SIGINT, before)
    assert history.interrupted and len(pieces) == 3
    taken = optimizer.state_dict()["state"][0]["t"]
    assert taken >= sum(len(rows) for rows in pieces) // 2

    def stopping(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        nonlocal taken
        if taken == 0:
            raise KeyboardInterrupt
        taken -= 1
        return tg.bce_with_logits(z, t)

    again = train(written, loss=stopping, batch_size=2, epochs=3, capture=False)
    assert again.epochs == history.epochs
    for a, b in zip(model.parameters(), written.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
