"""`fit`: the training loop, once, for everybody. Read its body: nothing happens elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..creation import tensor
from ..data import batches
from ..nn.module import Module, device_of
from ..optim import Optimizer
from .callbacks import Callback, listeners
from .history import History
from .interrupt import whole_steps
from .progress import reporter
from .scoring import Loss, Metric, evaluate, held_out, named, pair


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
) -> History:
    """Trains a model: forward, loss, zero_grad, backward, step, for every batch of every epoch.

    Batches become tensors on the model's device; floating ones take its number type, whole numbers
    (class labels) stay. Ctrl-C ends the run after the running step: the history so far is
    returned, and the model can be used. The model is left in evaluation mode.

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

    Returns:
        The history: for each epoch the mean loss over its rows as they were trained on, the
        metrics of those outputs, and the same for the validation data ("val_loss", …).

    Shapes: X (N, ...), y (N, ...).

    Raises:
        ValueError: epochs or batch_size below 1, no rows, lengths that differ, or a metric's name
            that the history needs.
        TypeError: validation is no pair, metrics no mapping, or callbacks no list of callables.
    """
    X, y = pair("fit", X, y, model)
    unseen, measures = held_out(validation, model), named("fit", metrics)
    told = listeners(callbacks)
    if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 1:
        raise ValueError(f"fit: epochs must be a whole number of at least 1, got {epochs!r}")
    data, device, history = batches(X, y, batch_size, seed=seed), device_of(model), History()

    with whole_steps() as safe_to_stop, reporter(progress, epochs, len(data)) as show:
        try:
            for epoch in range(1, epochs + 1):
                model.train()
                seen: list[tuple[Any, Any, Any]] = []
                for X_batch, y_batch in data:
                    inputs, targets = tensor(X_batch, device=device), tensor(y_batch, device=device)
                    output = model(inputs)
                    L = loss(output, targets)
                    optimizer.zero_grad()
                    L.backward()
                    optimizer.step()
                    seen.append((y_batch, output.detach() if measures else None, L.detach()))
                    del output, L  # the tape of this step is free before the next one begins
                    show.step()
                    safe_to_stop()
                logs = {"epoch": epoch, **_over_the_epoch(seen, measures)}
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
        except KeyboardInterrupt:
            history.interrupted = True
    model.eval()
    return history


def _over_the_epoch(
    seen: list[tuple[Any, Any, Any]], metrics: Mapping[str, Metric]
) -> dict[str, float]:
    """The mean loss over rows (a short last batch counts for its rows only), and the metrics."""
    rows = [len(targets) for targets, _, _ in seen]
    mean = sum(n * float(L) for n, (_, _, L) in zip(rows, seen, strict=True)) / sum(rows)
    if not metrics:
        return {"loss": mean}
    targets = np.concatenate([t for t, _, _ in seen])
    outputs = np.concatenate([o.numpy() for _, o, _ in seen])
    return {"loss": mean, **{name: float(m(targets, outputs)) for name, m in metrics.items()}}
