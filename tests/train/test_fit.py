"""`tg.fit` is the five-line loop: same bits, right means, clean modes, and no memory kept."""

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from devices import DEVICES

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.data import batches, moons
from tinygrad_ed.train import History, evaluate, fit

DATA = moons(70, seed=0)
X, Y = DATA.X, DATA.y.reshape(-1, 1).astype("float64")


def network(device: str = "numpy", seed: int = 0) -> nn.Sequential:
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        nn.Linear(2, 8, activation="tanh", seed=rng, device=device),
        nn.Linear(8, 1, seed=rng, device=device),
    )


def train(model: nn.Module, **changes: Any) -> History:
    lr = changes.pop("lr", 0.01)
    settings: dict[str, Any] = {
        "loss": tg.bce_with_logits,
        "optimizer": optim.Adam(model.parameters(), lr=lr),
        "epochs": 3,
        "batch_size": 16,
        "progress": False,
    }
    return fit(model, changes.pop("X", X), changes.pop("y", Y), **(settings | changes))


@pytest.mark.parametrize("device", DEVICES)
def test_fit_gives_the_same_bits_as_the_loop_written_out(device: str) -> None:
    by_fit, by_loop = network(device), network(device)
    history = train(by_fit, seed=5)

    optimizer = optim.Adam(by_loop.parameters(), lr=0.01)
    data = batches(X.astype("float32"), Y.astype("float32"), 16, seed=5)
    means = []
    for _ in range(3):
        total = 0.0
        for x, t in data:
            z = by_loop(tg.tensor(x, device=device))
            loss = tg.bce_with_logits(z, tg.tensor(t, device=device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += len(x) * loss.item()
        means.append(total / len(X))

    for a, b in zip(by_fit.parameters(), by_loop.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert history["loss"] == pytest.approx(means, rel=1e-12)
    assert history["epoch"] == [1, 2, 3]


@pytest.mark.parametrize("device", DEVICES)
def test_training_lowers_the_loss(device: str) -> None:
    history = train(network(device), epochs=30)
    assert history["loss"][-1] < history["loss"][0] / 2


def test_equal_seeds_give_equal_histories_and_another_order_another_one() -> None:
    runs = [train(network(), seed=seed).epochs for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_short_last_batch_counts_for_its_rows_only() -> None:
    # A model that never moves: the mean over rows is the loss over all rows, whatever the batches.
    model = network()
    for p in model.parameters():
        p.requires_grad = False
    model.bias = nn.Parameter([0.0])  # something to record
    whole = evaluate(model, X, Y, loss=tg.bce_with_logits)["loss"]

    def loss(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        return tg.bce_with_logits(z, t) + (model.bias * 0).sum()

    optimizer = optim.SGD([model.bias], lr=1.0)
    history = train(model, loss=loss, optimizer=optimizer, epochs=1, batch_size=64)
    assert history["loss"][0] == pytest.approx(whole, rel=1e-6)


def test_validation_is_scored_after_each_epoch_in_evaluation_mode() -> None:
    model = nn.Sequential(nn.Linear(2, 4, seed=0), nn.Dropout(0.5, seed=0), nn.Linear(4, 1, seed=1))
    seen = []

    def note(epoch: int, logs: dict[str, float]) -> None:
        seen.append(evaluate(model, X[:20], Y[:20], loss=tg.bce_with_logits)["loss"])

    history = train(model, validation=(X[:20], Y[:20]), callbacks=[note])
    assert history["val_loss"] == seen


def test_validation_data_changes_nothing_about_the_training() -> None:
    plain, watched = network(), network()
    train(plain)
    train(watched, validation=(X, Y))
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_metrics_get_targets_and_outputs_of_the_whole_epoch_in_one_order() -> None:
    seen = []

    def metric(t: Any, z: Any) -> float:
        seen.append((t, z))
        return float(np.mean(t))

    history = train(network(), metrics={"share": metric}, validation=(X, Y), epochs=2)
    assert [t.shape for t, _ in seen] == [z.shape for _, z in seen] == [(70, 1)] * 4
    assert history["share"] == pytest.approx([Y.mean()] * 2)
    assert history["val_share"] == pytest.approx([Y.mean()] * 2)
    order = batches(X, Y, 16, seed=0)
    np.testing.assert_array_equal(seen[0][0], Y[order.order(0)].astype("float32"))


def test_scores_of_columns_are_written_with_ravel() -> None:
    with pytest.raises(ValueError, match=r"both are one column: use \.ravel\(\)"):
        train(network(), metrics={"auc": tg.metrics.roc_auc})
    measures = {
        "auc": lambda t, z: tg.metrics.roc_auc(t.ravel(), z.ravel()),
        "accuracy": lambda t, z: tg.metrics.accuracy(t.ravel() > 0.5, z.ravel() > 0),
    }
    history = train(network(), metrics=measures, epochs=30, lr=0.05)
    assert history["auc"][-1] > 0.9 and history["accuracy"][-1] > 0.8


def test_the_model_trains_in_training_mode_and_is_left_in_evaluation_mode() -> None:
    modes = []

    class Spy(nn.Module):
        def forward(self, x: Any) -> Any:
            modes.append(self.training)
            return x

    model = nn.Sequential(Spy(), nn.Linear(2, 1))
    model.eval()
    train(model, epochs=1, validation=(X, Y))
    assert modes == [True] * 5 + [False]
    assert not model.training


def test_each_steps_tape_is_freed_before_the_next_begins() -> None:
    alive: list[weakref.ref[tg.Tensor]] = []

    def loss(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        assert all(ref() is None for ref in alive)
        L = tg.bce_with_logits(z, t)
        alive.extend([weakref.ref(z), weakref.ref(L)])
        return L

    gc.disable()  # no cycle may need the collector
    try:
        train(network(), loss=loss, metrics={"n": lambda t, z: len(t)})
    finally:
        gc.enable()
    assert len(alive) == 2 * 3 * 5


def test_epochs_leave_nothing_for_the_garbage_collector() -> None:
    def collected(epochs: int) -> int:
        model = network()
        settings = {"validation": (X, Y), "metrics": {"n": lambda t, z: len(t)}}
        gc.collect()
        gc.disable()
        try:
            train(model, epochs=epochs, **settings)
            return gc.collect()
        finally:
            gc.enable()

    collected(1)
    assert collected(40) == collected(2)


def test_floats_take_the_models_number_type_and_class_labels_stay_whole() -> None:
    model = nn.Linear(2, 2, dtype="float64", seed=0)
    kinds = set()

    def loss(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        kinds.add((z.dtype.name, t.dtype.name))
        return tg.cross_entropy(z, t)

    train(model, X=X.astype("float32"), y=DATA.y, loss=loss)
    assert kinds == {("float64", "int64")}


def test_lists_become_floats_as_in_tensor() -> None:
    model = network()
    history = train(model, X=[[0, 0], [0, 1], [1, 0], [1, 1]], y=[[0], [1], [1], [0]], lr=0.1)
    assert len(history) == 3


def test_the_callers_arrays_are_not_touched() -> None:
    x, t = X.copy(), Y.copy()
    train(network(), X=x, y=t)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(t, Y)


def test_four_threads_train_four_models_as_one_thread_does() -> None:
    expected = [train(network(seed=k), seed=k).epochs for k in range(4)]
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        found[k] = train(network(seed=k), seed=k).epochs

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[k] for k in range(4)] == expected


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, "epochs must be a whole number of at least 1, got 2.5"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"batch_size": 0}, "batch_size"),
        ({"y": Y[:-1]}, r"fit: X has shape \(70, 2\) and y has shape \(69, 1\)"),
        ({"X": X[:0], "y": Y[:0]}, "no rows"),
        ({"X": 1.0}, r"fit: X has shape \(\)"),
        ({"validation": (X, Y[:3])}, r"validation: X has shape \(70, 2\) and y has shape \(3, 1\)"),
        ({"y": Y.ravel()}, r"prediction \(16, 1\) and target \(16,\)"),
        ({"X": X[:, :1]}, r"layer 0, Linear\(2, 8, tanh\): an input of shape \(16, 1\)"),
        ({"loss": lambda z, t: z}, "backward.. needs a scalar"),
        ({"metrics": {"loss": len}}, "fit: no metric can be called 'loss'"),
        ({"metrics": {"epoch": len}}, "no metric can be called 'epoch'"),
        ({"metrics": {"val_loss": len}}, "no metric can be called 'val_loss'"),
    ],
)
def test_bad_input_is_named_and_trains_nothing(changes: dict[str, Any], message: str) -> None:
    model = network()
    before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        train(model, **changes)
    for path, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation": X}, r"validation is a pair \(X, y\) .* got a ndarray of 70"),
        ({"validation": (X, Y, X)}, "got a tuple of 3"),
        ({"validation": 0.2}, "got a float"),
        ({"metrics": [len]}, "fit: metrics maps names to functions .* got a list"),
        ({"metrics": {"n": 3}}, "got 'n': 3"),
        ({"metrics": {3: len}}, "got 3: "),
        ({"callbacks": print}, r"callbacks is a list, .* write callbacks=\[…\] also for one"),
        ({"callbacks": None}, "callbacks is a list, got None"),
        ({"callbacks": [3]}, r"a callback is a function \(epoch, logs\).* got 3"),
    ],
)
def test_an_argument_of_another_kind_is_named_before_anything_is_trained(
    changes: dict[str, Any], message: str
) -> None:
    def forward(z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        raise AssertionError("it has begun")

    with pytest.raises(TypeError, match=message):
        train(network(), loss=forward, **changes)


def test_a_number_that_was_not_measured_is_named_with_those_that_were() -> None:
    with pytest.raises(KeyError, match=r"'val_loss' was not measured; there is epoch, loss"):
        train(network())["val_loss"]
    with pytest.raises(KeyError, match="no epoch was completed"):
        History()["loss"]
