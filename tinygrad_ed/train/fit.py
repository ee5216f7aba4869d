"""`fit`: the training loop, once, for everybody. Read its body: nothing happens elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data import Batches, batches
from ..nn.module import Module, device_of
from ..optim import Optimizer
from ..tensor import Tensor
from .callbacks import Callback, EarlyStopping, listeners
from .history import History
from .interrupt import whole_steps
from .progress import reporter
from .scoring import Array, Loss, Metric, evaluate, held_out, named, pair
from .steps import Steps


def fit(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
    callbacks: Iterable[Callback] = (),
    metrics: Mapping[str, Metric] | None = None,
    progress: bool = True,
    capture: bool | None = None,
) -> History:
    """Trains a model: forward, loss, zero_grad, backward, step, for every batch of every epoch.

    Batches become tensors on the model's device; floating ones take its number type, whole numbers
    (class labels) stay. Ctrl-C ends the run after the running step: the history so far is
    returned, and the model can be used. The model is left in evaluation mode.

    On device "cpu" the step is captured (`tg.capture`): it runs as a program of kernels, without
    Python, and gives the same bits. What the model and the loss decide in Python is then decided
    when the step is traced: at the start, and after every epoch with callbacks. Callbacks can read
    gradients; without any, they are not kept. A step that cannot be captured is taken as it is
    written, with a warning that says why.

    Args:
        model: The network.
        X: Samples.
        y: Their targets, in the shape that the loss wants.
        loss: (output, target) -> scalar, a mean over the batch, such as `tg.mse`.
        optimizer: What updates the model's parameters.
        epochs: How often all rows are seen, at least 1.
        batch_size: Rows in a step, at least 1; the last batch of an epoch holds what is left.
        validation: (X, y) that are scored after each epoch and never trained on.
        seed: Fixes the order of the rows.
        callbacks: Functions (epoch, logs), or objects with `on_epoch_end`; "stop" ends the run.
        metrics: Name -> function of (target, output); "epoch", "loss" and "val_…" are taken. The
            scores of `tg.metrics` want one-dimensional arrays, so of columns (N, 1) write
            {"auc": lambda t, z: tg.metrics.roc_auc(t.ravel(), z.ravel())}.
        progress: A bar on a terminal and one line an epoch elsewhere; False for silence.
        capture: None to capture the step where it can be; True for an error where it cannot; False
            to run it as it is written.

    Returns:
        The history: for each epoch the mean loss over its rows as they were trained on, the
        metrics of those outputs, and the same for the validation data ("val_loss", …).

    Shapes: X (N, ...), y (N, ...).

    Raises:
        ValueError: epochs or batch_size below 1, no rows, lengths that differ, or a metric's name
            that the history needs.
        TypeError: validation is no pair, metrics no mapping, or callbacks no list of callables.
        CaptureError: capture=True, and the step cannot be captured.
    """
    X, y = pair("fit", X, y, model)
    unseen, measures = held_out(validation, model), named("fit", metrics)
    told = listeners(callbacks)
    if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 1:
        raise ValueError(f"fit: epochs must be a whole number of at least 1, got {epochs!r}")
    data, device, history = batches(X, y, batch_size, seed=seed), device_of(model), History()

    def step(X_batch: Tensor, y_batch: Tensor) -> Any:
        output = model(X_batch)
        L = loss(output, y_batch)
        optimizer.zero_grad()
        L.backward()
        optimizer.step()
        return (L.detach(), output.detach()) if measures else L.detach()

    with whole_steps() as safe_to_stop, reporter(progress, epochs, len(data)) as show:
        meddling = any(not _only_watches(listen) for _, listen in told)
        steps = Steps(
            step, (data.X, data.y), data.batch_size, device, capture,
            many=not measures, keep_grads=meddling, say=show.say,
        )  # fmt: skip
        try:
            for epoch in range(1, epochs + 1):
                model.train()
                order, results = data.order(epoch - 1), list[Any]()
                for some in steps.over(order):
                    results.extend(some)
                    show.step(len(some))
                    safe_to_stop()
                logs = {"epoch": epoch, **_over_the_epoch(data, order, results, measures)}
                if unseen is not None:
                    scores = evaluate(model, *unseen, loss=loss, metrics=measures)
                    logs |= {f"val_{name}": value for name, value in scores.items()}
                history.epochs.append(logs)
                show.epoch(logs)
                answers = [(name, listen(epoch, dict(logs))) for name, listen in told]
                history.stopped_by = next((name for name, a in answers if a == "stop"), None)
                safe_to_stop()
                if history.stopped_by:
                    break
                if meddling:
                    steps.look_again()
        except KeyboardInterrupt:
            history.interrupted = True
        finally:
            steps.close()
    model.eval()
    return history


def _only_watches(listen: Any) -> bool:
    """Early stopping changes nothing that a step depends on; another one may change anything."""
    return type(getattr(listen, "__self__", None)) is EarlyStopping


def _over_the_epoch(
    data: Batches, order: Array, results: list[Any], metrics: Mapping[str, Metric]
) -> dict[str, float]:
    """The mean loss over rows (a short last batch counts for its rows only), and the metrics."""
    losses = [result[0] for result in results] if metrics else results
    rows = [min(data.batch_size, len(order) - k * data.batch_size) for k in range(len(losses))]
    mean = sum(n * float(L) for n, L in zip(rows, losses, strict=True)) / sum(rows)
    if not metrics:
        return {"loss": mean}
    targets, outputs = data.y[order], np.concatenate([output.numpy() for _, output in results])
    return {"loss": mean, **{name: float(m(targets, outputs)) for name, m in metrics.items()}}
