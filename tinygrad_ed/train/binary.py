"""The main job [D0-P1]: a binary classifier on a table, scored on rows it has never seen.

`examples/mlp_binary.py` shows the same steps one by one; `tinygrad-ed train` calls `train_binary`.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import ops
from ..backends import explain_auto, get_backend
from ..data import Dataset, Standardise, stratified_split
from ..metrics import accuracy, f1_score, precision, recall, roc_auc
from ..nn import Linear, Sequential
from ..nn.module import Module
from ..optim import Adam
from .fit import fit
from .history import History
from .scoring import Array, evaluate


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set split into train and test, and put on one scale.

    Attributes:
        X_train, y_train: 80 % of the rows of each class.
        X_test, y_test: The others, in the same units.
        scaler: Mean and deviation of the training rows.
        dataset: Where they come from.

    Shapes: X (N, D), y (N, 1), float32; a target is 1 for the positive class and 0 otherwise.
    """

    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array
    scaler: Standardise
    dataset: Dataset


def prepare(dataset: Dataset, *, seed: int = 0) -> Prepared:
    """Splits 80/20 with the same share of each class, and standardises by the training rows alone.

    Args:
        dataset: Two classes, at least two rows of each.
        seed: Fixes which rows are held out.

    Raises:
        ValueError: Not two classes, or a class with a single row.
    """
    if len(dataset.class_names) != 2:
        names = list(dataset.class_names)
        shown = ", ".join([*names[:5], "…"] if len(names) > 5 else names)
        raise ValueError(
            f"{dataset.name} has {len(names)} classes ({shown}); a binary classifier needs two"
        )
    for name, count in dataset.class_counts.items():
        if count < 2:
            raise ValueError(
                f"{dataset.name} has {count} row{'' if count == 1 else 's'} of class {name!r}: "
                f"at least two are needed, one to train on and one to test on"
            )
    X_train, X_test, y_train, y_test = stratified_split(dataset.X, dataset.y, 0.2, seed)
    scaler = Standardise.fit(X_train)
    return Prepared(
        scaler.transform(X_train).astype(np.float32),
        y_train.astype(np.float32).reshape(-1, 1),
        scaler.transform(X_test).astype(np.float32),
        y_test.astype(np.float32).reshape(-1, 1),
        scaler,
        dataset,
    )


def network(features: int, *, seed: int = 0, device: str = "numpy") -> Sequential:
    """The network of [D0-P1]: 64 relu, 64 relu, 1; its output is the logit of the positive class.

    The document's last activation, sigmoid, is part of the loss in training (`bce_with_logits`:
    finite for every logit) and turns logits into probabilities afterwards.

    Shapes: X (N, features) -> (N, 1).
    """
    rng = np.random.default_rng(seed)
    return Sequential(
        Linear(features, 64, activation="relu", seed=rng, device=device),
        Linear(64, 64, activation="relu", seed=rng, device=device),
        Linear(64, 1, seed=rng, device=device),
    )


def hits(y: Array, z: Array) -> float:
    """Accuracy of logits: a positive one means a probability above one half.

    Shapes: y (N, 1), z (N, 1).
    """
    return accuracy(y.ravel() > 0.5, z.ravel() > 0)


METRICS = {
    "accuracy": hits,
    "precision": lambda y, z: precision(y.ravel() > 0.5, z.ravel() > 0, positive=True),
    "recall": lambda y, z: recall(y.ravel() > 0.5, z.ravel() > 0, positive=True),
    "f1": lambda y, z: f1_score(y.ravel() > 0.5, z.ravel() > 0, positive=True),
    # A rising function such as the sigmoid does not change the order, so the logits serve.
    "auc": lambda y, z: roc_auc(y.ravel() > 0.5, z.ravel(), positive=True),
}
"""The report's metrics, of targets (N, 1) and logits (N, 1)."""


def which_device(asked: str) -> tuple[str, str]:
    """The device that a name means here, and why.

    Raises:
        DeviceError: It cannot be used here; the message names cause and fix.
    """
    if asked == "auto":
        device, reason = explain_auto()
        return device, f"auto: {reason}"
    get_backend(asked)
    return asked, "as asked"


def announce(model: Module, data: Prepared, device: str, why: str) -> None:
    """Prints what is about to be trained: the data, the network, the device and why that one."""
    print(data.dataset)
    print(f"{len(data.X_train)} rows to train on, {len(data.X_test)} held out\n")
    print(model.summary((len(data.X_train), data.X_train.shape[1])))
    print(f"\ndevice: {device} ({why})\n", flush=True)


@dataclass(frozen=True, eq=False)
class Report:
    """What a run gave.

    Attributes:
        device: Where it ran.
        seconds: How long the training took.
        history: Loss and accuracy, epoch by epoch.
        train, test: loss, accuracy, precision, recall, f1 and auc.
        model: The trained network.
        data: The rows it was trained and tested on.
    """

    device: str
    seconds: float
    history: History
    train: dict[str, float]
    test: dict[str, float]
    model: Module
    data: Prepared

    def to_dict(self) -> dict[str, Any]:
        """Device, seconds, epochs, train and test, as plain numbers and text."""
        return {
            "device": self.device,
            "seconds": self.seconds,
            "epochs": self.history.epochs,
            "train": self.train,
            "test": self.test,
        }

    def to_json(self) -> str:
        """`to_dict` as JSON; equal seeds give equal digits, apart from "seconds"."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    def __str__(self) -> str:
        """A table of the scores."""
        X, Y = self.data.X_train, self.data.X_test
        rows = [f"{'':9}  {f'train ({len(X)})':>12}  {f'test ({len(Y)})':>12}"]
        rows += [
            f"{name:9}  {self.train[name]:12.4f}  {self.test[name]:12.4f}" for name in self.train
        ]
        return "\n".join([*rows, f"positive class: {self.data.dataset.positive}"])


def scored(
    model: Module, data: Prepared, history: History, *, device: str, seconds: float
) -> Report:
    """Measures a trained network on the rows it has seen and on those it has not.

    Raises:
        KeyboardInterrupt: The training was interrupted: there is nothing whole to report.
        ValueError: The loss is not finite any more; the message says since when.
    """
    if history.interrupted:
        raise KeyboardInterrupt(f"interrupted after {len(history)} whole epochs")
    for epoch in history.epochs:
        if not np.all(np.isfinite([epoch["loss"], epoch["val_loss"]])):
            raise ValueError(
                f"the training diverged: the loss of epoch {epoch['epoch']} is {epoch['loss']:.4g} "
                f"on train and {epoch['val_loss']:.4g} on test. Choose a smaller learning rate"
            )
    both = [
        evaluate(model, X, y, loss=ops.bce_with_logits, metrics=METRICS)
        for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test))
    ]
    return Report(device, seconds, history, both[0], both[1], model, data)


def train_binary(
    dataset: Dataset,
    *,
    device: str = "auto",
    epochs: int = 10,
    batch_size: int = 32,
    lr: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
    capture: bool | None = None,
) -> Report:
    """Trains the network of [D0-P1] on 80 % of the rows and scores it on both parts.

    Args:
        dataset: A table with two classes; the second one is the positive one.
        device: "auto", "numpy", "cpu", "cuda" or "cuda-sim".
        epochs: How often all training rows are seen.
        batch_size: Rows in a step.
        lr: Learning rate of Adam.
        seed: Fixes the split, the first weights and the order of the rows.
        progress: Print the data, the network, the device and why, and the training.
        capture: Whether the step is captured as a program; see `fit`.

    Raises:
        ValueError: Not two classes, a hyper-parameter out of range, or the training diverged.
        DeviceError: The device cannot be used here.
        KeyboardInterrupt: Ctrl-C, after the running step.
    """
    device, why = which_device(device)
    data = prepare(dataset, seed=seed)
    model = network(data.X_train.shape[1], seed=seed, device=device)
    if progress:
        announce(model, data, device, why)
    started = time.perf_counter()
    history = fit(
        model,
        data.X_train,
        data.y_train,
        loss=ops.bce_with_logits,
        optimizer=Adam(model.parameters(), lr=lr),
        epochs=epochs,
        batch_size=batch_size,
        validation=(data.X_test, data.y_test),
        seed=seed,
        metrics={"accuracy": hits},
        progress=progress,
        capture=capture,
    )
    return scored(model, data, history, device=device, seconds=time.perf_counter() - started)
