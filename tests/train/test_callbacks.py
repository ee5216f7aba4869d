"""What happens after an epoch: callbacks, early stopping, and Ctrl-C."""

import math
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.train import EarlyStopping, History, fit
from tinygrad_ed.train.interrupt import whole_steps

X = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")
Y = X[:, :1] * 2


def train(model: nn.Module, **changes: Any) -> History:
    settings: dict[str, Any] = {
        "loss": tg.mse,
        "optimizer": optim.SGD(model.parameters(), lr=0.01),
        "epochs": 5,
        "batch_size": 4,
        "progress": False,
    }
    return fit(model, X, Y, **(settings | changes))


# --- callbacks ----------------------------------------------------------------------------------


def test_a_function_hears_of_every_epoch_with_its_numbers() -> None:
    heard: list[tuple[int, dict[str, float]]] = []
    history = train(nn.Linear(2, 1), callbacks=[lambda *news: heard.append(news)])
    assert [epoch for epoch, _ in heard] == [1, 2, 3, 4, 5]
    assert [logs for _, logs in heard] == history.epochs


def test_an_object_with_on_epoch_end_hears_of_every_epoch() -> None:
    class Counter:
        n = 0

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            self.n += 1

    counter = Counter()
    train(nn.Linear(2, 1), callbacks=[counter])
    assert counter.n == 5


def test_a_callback_cannot_change_the_history() -> None:
    history = train(nn.Linear(2, 1), callbacks=[lambda epoch, logs: logs.clear()])
    assert all("loss" in epoch for epoch in history.epochs)


def test_stop_ends_the_run_after_all_callbacks_were_heard() -> None:
    heard = []

    def enough(epoch: int, logs: dict[str, float]) -> str | None:
        return "stop" if epoch == 2 else None

    history = train(nn.Linear(2, 1), callbacks=[enough, lambda epoch, logs: heard.append(epoch)])
    assert len(history) == 2 and heard == [1, 2]
    assert history.stopped_by == "enough"


@pytest.mark.parametrize(
    ("callback", "message"),
    [(3, "a callback is a function"), (EarlyStopping, "EarlyStopping is a class, not an object")],
)
def test_something_that_cannot_be_called_is_refused_before_training(
    callback: Any, message: str
) -> None:
    model = nn.Linear(2, 1)
    before = model.state_dict()
    with pytest.raises(TypeError, match=message):
        train(model, callbacks=[callback])
    np.testing.assert_array_equal(model.W.numpy(), before["W"])


# --- early stopping -----------------------------------------------------------------------------


def feed(stopper: EarlyStopping, values: list[float], name: str = "val_loss") -> int | None:
    """The epoch at which it says stop."""
    for epoch, value in enumerate(values, start=1):
        if stopper.on_epoch_end(epoch, {"epoch": epoch, name: value}) == "stop":
            return epoch
    return None


def test_it_stops_after_patience_epochs_without_improvement() -> None:
    stopper = EarlyStopping(2)
    assert feed(stopper, [3, 2, 2.5, 2.2, 1]) == 4
    assert (stopper.best, stopper.best_epoch) == (2, 2)
    assert feed(EarlyStopping(3), [3, 2, 2.5, 2.2, 1]) is None


def test_it_can_watch_a_number_that_should_rise() -> None:
    stopper = EarlyStopping(1, "accuracy", mode="max")
    assert feed(stopper, [0.5, 0.7, 0.6], "accuracy") == 3
    assert stopper.best == 0.7


def test_an_improvement_below_min_delta_does_not_count() -> None:
    assert feed(EarlyStopping(2, min_delta=0.1), [1, 0.95, 0.92]) == 3


def test_nan_is_no_improvement() -> None:
    assert feed(EarlyStopping(2), [math.nan, math.nan, 1.0]) == 2


def test_one_object_serves_several_runs() -> None:
    stopper = EarlyStopping(1)
    assert feed(stopper, [1, 2]) == 2
    assert feed(stopper, [5, 4, 3]) is None, "the best of another run does not count"
    assert stopper.best == 3


def test_it_gives_the_model_the_weights_of_its_best_epoch_back() -> None:
    model = nn.Linear(2, 1, seed=0)
    weights = []

    def keep(epoch: int, logs: dict[str, float]) -> None:
        weights.append(model.state_dict()["W"])

    # A learning rate that overshoots: the loss falls or rises from the first epoch on.
    stopper = EarlyStopping(2, "loss", restore=model)
    optimizer = optim.SGD(model.parameters(), lr=1.5)
    history = train(model, optimizer=optimizer, epochs=20, callbacks=[keep, stopper])
    assert history.stopped_by == "EarlyStopping"
    assert stopper.best_epoch == int(np.argmin(history["loss"])) + 1 < len(history)
    np.testing.assert_array_equal(model.W.numpy(), weights[stopper.best_epoch - 1])


def test_a_number_that_is_not_measured_is_named_with_the_fix() -> None:
    with pytest.raises(KeyError, match=r"watches 'val_loss'; .* pass validation=\(X, y\) to fit"):
        train(nn.Linear(2, 1), callbacks=[EarlyStopping(1)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": 0}, "patience must be at least 1"),
        ({"patience": 1, "mode": "low"}, "mode is 'min' or 'max'"),
        ({"patience": 1, "min_delta": -1}, "min_delta must not be negative"),
        ({"patience": 1, "min_delta": math.nan}, "min_delta must not be negative"),
    ],
)
def test_bad_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**arguments)


# --- Ctrl-C -------------------------------------------------------------------------------------


@pytest.fixture
def python_handles_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "given back"
    signal.signal(signal.SIGINT, before)


def pressing(at_step: int, times: int, steps: list[int]) -> Any:
    """A loss that presses Ctrl-C in the middle of a step."""

    def loss(y: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        steps.append(len(steps) + 1)
        if len(steps) == at_step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return tg.mse(y, t)

    return loss


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_ctrl_c_ends_the_run_after_the_running_step_and_keeps_the_history() -> None:
    interrupted, whole = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=0)
    steps: list[int] = []
    history = train(interrupted, loss=pressing(5, 1, steps))
    assert history.interrupted
    assert len(history) == 1 and len(steps) == 5  # three steps an epoch: the second was cut

    # The weights are those after five whole steps.
    optimizer = optim.SGD(whole.parameters(), lr=0.01)
    train(whole, optimizer=optimizer, epochs=1)
    from tinygrad_ed.data import batches

    rows = batches(X, Y, 4, seed=0).order(1)
    for k in range(2):
        chosen = rows[4 * k : 4 * k + 4]
        loss = tg.mse(whole(tg.tensor(X[chosen])), tg.tensor(Y[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    np.testing.assert_array_equal(interrupted.W.numpy(), whole.W.numpy())


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_the_model_can_be_used_and_trained_on_after_ctrl_c() -> None:
    model = nn.Linear(2, 1, seed=0)
    train(model, loss=pressing(2, 1, []))
    assert model(tg.tensor(X)).shape == (12, 1)
    assert len(train(model)) == 5


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_a_second_ctrl_c_does_not_wait_for_the_step() -> None:
    model = nn.Linear(2, 1, seed=0)
    before = model.state_dict()["W"]
    history = train(model, loss=pressing(1, 2, []))
    assert history.interrupted and len(history) == 0
    np.testing.assert_array_equal(model.W.numpy(), before)


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_ctrl_c_after_the_last_safe_place_is_not_forgotten() -> None:
    with pytest.raises(KeyboardInterrupt), whole_steps():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("python_handles_ctrl_c")
def test_an_error_in_a_step_gives_the_handler_back() -> None:
    with pytest.raises(ZeroDivisionError):
        train(nn.Linear(2, 1), loss=lambda y, t: 1 / 0)


def test_a_handler_of_the_programs_own_stays_in_place() -> None:
    calls = []
    before = signal.signal(signal.SIGINT, lambda *_: calls.append(1))
    try:
        history = train(nn.Linear(2, 1), loss=pressing(2, 1, []))
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [1] and not history.interrupted and len(history) == 5


def test_another_thread_trains_without_touching_signals() -> None:
    found: list[History] = []
    thread = threading.Thread(target=lambda: found.append(train(nn.Linear(2, 1))))
    thread.start()
    thread.join()
    assert len(found[0]) == 5
