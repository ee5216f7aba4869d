"""The main job [D0-P1] as a function: what it trains on, what it reports, what it refuses."""

import json

import numpy as np
import pytest
from devices import DEVICES

import tinygrad_ed as tg
from tinygrad_ed import metrics
from tinygrad_ed.data import Dataset, breast_cancer, iris, moons, stratified_split
from tinygrad_ed.documents import entry
from tinygrad_ed.train.binary import (
    Report,
    network,
    prepare,
    train_binary,
    which_device,
)
from tinygrad_ed.train.scoring import predict


@pytest.fixture(scope="module")
def report() -> Report:
    return train_binary(breast_cancer(), device="numpy", progress=False)


# --- what it trains on --------------------------------------------------------------------------


def test_four_fifths_of_each_class_are_trained_on() -> None:
    data = prepare(breast_cancer(), seed=0)
    counts = breast_cancer().class_counts
    for code, name in enumerate(breast_cancer().class_names):
        held_out = int((data.y_test == code).sum())
        assert abs(held_out - 0.2 * counts[name]) < 1
        assert held_out + int((data.y_train == code).sum()) == counts[name]
    assert len(data.X_test) == round(0.2 * len(breast_cancer()))


def test_the_scale_is_that_of_the_training_rows_alone() -> None:
    data = prepare(breast_cancer(), seed=3)
    raw = stratified_split(breast_cancer().X, breast_cancer().y, 0.2, 3)
    np.testing.assert_allclose(data.X_train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.X_train.std(axis=0), 1, rtol=1e-5)
    expected = (raw[1] - raw[0].mean(axis=0)) / raw[0].std(axis=0)
    np.testing.assert_allclose(data.X_test, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(data.X_test.mean(axis=0)).max() > 0.01


def test_numbers_are_float32_and_targets_are_a_column() -> None:
    data = prepare(moons(50))
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        assert X.dtype == y.dtype == np.float32
        assert y.shape == (len(X), 1)


def test_another_seed_holds_out_other_rows() -> None:
    first, same, other = (prepare(moons(50), seed=s).X_test for s in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_network_is_the_documents_with_its_last_sigmoid_in_the_loss() -> None:
    layers = entry("D0-P1").network["layers"]
    model = network(30)
    assert [layer.out_features for layer in model] == [layer["units"] for layer in layers]
    assert [layer.activation for layer in model] == ["relu", "relu", None]
    assert layers[-1]["activation"] == "sigmoid"
    settings = entry("D0-P1").training
    assert (settings["epochs"], settings["batch_size"]) == (10, 32)


# --- what it reports ----------------------------------------------------------------------------


def test_every_score_is_the_metric_of_the_held_out_rows(report: Report) -> None:
    data = report.data
    for X, y, scores in (
        (data.X_train, data.y_train, report.train),
        (data.X_test, data.y_test, report.test),
    ):
        z = predict(report.model, X).ravel()
        t = y.ravel().astype(int)
        P = tg.sigmoid(z.astype("float64"))
        assert scores == pytest.approx(
            {
                "loss": float(np.mean(-t * np.log(P) - (1 - t) * np.log1p(-P))),
                "accuracy": metrics.accuracy(t, (P > 0.5).astype(int)),
                "precision": metrics.precision(t, (P > 0.5).astype(int)),
                "recall": metrics.recall(t, (P > 0.5).astype(int)),
                "f1": metrics.f1_score(t, (P > 0.5).astype(int)),
                "auc": metrics.roc_auc(t, P),
            },
            rel=1e-5,
        )


def test_the_report_names_the_positive_class(report: Report) -> None:
    assert report.data.dataset.positive == "benign"
    assert "positive class: benign" in str(report)


def test_the_table_shows_every_score_of_both_parts(report: Report) -> None:
    rows = {row.split()[0]: row.split()[1:] for row in str(report).splitlines()[1:-1]}
    for name in report.train:
        assert rows[name] == [f"{report.train[name]:.4f}", f"{report.test[name]:.4f}"]


def test_the_json_holds_what_was_promised(report: Report) -> None:
    data = json.loads(report.to_json())
    assert list(data) == ["device", "seconds", "epochs", "train", "test"]
    assert data["device"] == "numpy" and data["seconds"] > 0
    assert [epoch["epoch"] for epoch in data["epochs"]] == list(range(1, 11))
    assert set(data["epochs"][0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert list(data["train"]) == list(data["test"]) == [
        "loss", "accuracy", "precision", "recall", "f1", "auc",
    ]  # fmt: skip
    assert data["test"] == report.test, "no digit is lost"
    assert data["epochs"][-1]["val_loss"] == report.test["loss"]


def test_equal_seeds_give_equal_digits_and_another_seed_other_ones(report: Report) -> None:
    again = train_binary(breast_cancer(), device="numpy", progress=False)
    other = train_binary(breast_cancer(), device="numpy", progress=False, seed=1)
    assert again.history.epochs == report.history.epochs
    assert (again.train, again.test) == (report.train, report.test)
    assert other.history.epochs != report.history.epochs


def test_both_devices_learn_the_same_within_rounding(report: Report) -> None:
    other = train_binary(breast_cancer(), device="cpu", progress=False)
    assert other.device == "cpu"
    assert other.history["loss"] == pytest.approx(report.history["loss"], rel=1e-3)
    assert other.test["accuracy"] == pytest.approx(report.test["accuracy"], abs=0.02)


def test_the_median_test_accuracy_over_ten_seeds_is_at_least_965() -> None:
    runs = [
        train_binary(breast_cancer(), device="numpy", seed=s, progress=False) for s in range(10)
    ]
    assert np.median([run.test["accuracy"] for run in runs]) >= 0.965


def test_progress_announces_data_network_device_and_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    train_binary(moons(40), device="numpy", epochs=1)
    text = capsys.readouterr().out
    for part in (
        "<Dataset moons: X (40, 2)",
        "32 rows to train on, 8 held out",
        "Linear(2, 64, relu)",
        "W1 (2, 64), b1 (64,)",
        "4,417 numbers to train",
        "device: numpy (as asked)",
        "epoch 1/1  loss",
    ):
        assert part in text


# --- devices ------------------------------------------------------------------------------------


def test_auto_names_a_device_and_its_reason() -> None:
    device, why = which_device("auto")
    assert device in ("cpu", "cuda")
    assert why.startswith("auto: ")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(tg.DeviceError, match="unknown device 'tpu'"):
        train_binary(moons(40), device="tpu", progress=False)


# --- what it refuses ----------------------------------------------------------------------------


def test_three_classes_are_named_and_refused() -> None:
    with pytest.raises(ValueError, match=r"3 classes \(setosa, versicolor, virginica\); .* two"):
        prepare(iris())


def test_a_class_of_a_single_row_is_refused() -> None:
    data = Dataset(np.eye(4), np.array([0, 0, 0, 1]), tuple("abcd"), ("no", "yes"), "four")
    with pytest.raises(ValueError, match="four has 1 row of class 'yes': at least two"):
        prepare(data)


def test_a_diverged_run_says_so() -> None:
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match=r"the training diverged: the loss of epoch \d .*smaller"),
    ):
        train_binary(moons(40), device="numpy", lr=1e30, epochs=2, progress=False)


@pytest.mark.parametrize("device", DEVICES)
def test_moons_are_learnt(device: str) -> None:
    run = train_binary(moons(400, seed=1), device=device, epochs=80, lr=0.01, progress=False)
    assert run.test["accuracy"] >= 0.95
