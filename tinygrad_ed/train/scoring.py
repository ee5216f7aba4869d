"""A network outside training: its outputs, and its loss and metrics on some data."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..creation import tensor
from ..nn.module import Module, device_of, dtype_of, evaluation
from ..recording import no_grad
from ..tensor import Tensor

Array: TypeAlias = NDArray[Any]
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(output, target) -> scalar, such as `tg.mse`."""

Metric: TypeAlias = Callable[[Array, Array], float]
"""(target, output) -> number: truth first, as in `tinygrad_ed.metrics`.

Those functions want one-dimensional arrays. Where targets and outputs are columns (N, 1), take the
second axis off, and make classes of outputs that are numbers, here logits:

    metrics={
        "auc": lambda t, z: tg.metrics.roc_auc(t.ravel(), z.ravel()),
        "accuracy": lambda t, z: tg.metrics.accuracy(t.ravel() > 0.5, z.ravel() > 0),
    }
"""


def pair(what: str, X: Any, y: Any, model: Module) -> tuple[Array, Array]:
    """Samples and targets as arrays: floats and lists in the model's number type, others as given.

    Raises:
        ValueError: Their lengths differ, or there are no rows.
    """
    arrays = []
    for values in (X, y):
        # Lists as in tg.tensor: numbers of all kinds become floats.
        array = np.asarray(values) if hasattr(values, "dtype") else tensor(values).numpy()
        if array.dtype.kind == "f":
            array = array.astype(dtype_of(model), copy=False)
        arrays.append(array)
    if 0 in (arrays[0].ndim, arrays[1].ndim) or len(arrays[0]) != len(arrays[1]):
        raise ValueError(
            f"{what}: X has shape {arrays[0].shape} and y has shape {arrays[1].shape}; their first "
            f"axes must have one length, a target for each sample"
        )
    if len(arrays[0]) == 0:
        raise ValueError(f"{what}: X has shape {arrays[0].shape}, so there are no rows")
    return arrays[0], arrays[1]


def held_out(validation: Any, model: Module) -> tuple[Array, Array] | None:
    """The validation data as `pair` gives them, or None.

    Raises:
        TypeError: Not a pair (X, y).
        ValueError: Their lengths differ, or there are no rows.
    """
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        size = f" of {len(validation)}" if hasattr(validation, "__len__") else ""
        raise TypeError(
            f"fit: validation is a pair (X, y) of samples and their targets, "
            f"got a {type(validation).__name__}{size}"
        )
    X, y = validation
    return pair("validation", X, y, model)


def named(who: str, metrics: Any) -> dict[str, Metric]:
    """The metrics by their names; none for None.

    Raises:
        TypeError: No mapping from names to functions.
        ValueError: A name that the results need themselves.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise TypeError(
            f"{who}: metrics maps names to functions of (target, output), such as "
            f'{{"accuracy": accuracy}}, got a {type(metrics).__name__}'
        )
    for name, metric in metrics.items():
        if not isinstance(name, str) or not callable(metric):
            raise TypeError(
                f"{who}: metrics maps names to functions of (target, output), got {name!r}: "
                f"{metric!r}"
            )
        if name in ("epoch", "loss") or name.startswith("val_"):
            raise ValueError(
                f"{who}: no metric can be called {name!r}: epoch, loss and val_… are names of the "
                f"results themselves; choose another"
            )
    return dict(metrics)


def predict(model: Module, X: ArrayLike, *, batch_size: int = 1024) -> Array:
    """The outputs for all rows of X, in evaluation mode and without recording.

    Args:
        model: The network; its mode is afterwards what it was.
        X: Samples; floating ones are taken in the model's number type.
        batch_size: Rows computed at once, to bound memory.

    Shapes: X (N, ...) -> (N, ...) as the model gives them.

    Raises:
        ValueError: No rows, or batch_size below 1.
    """
    rows, _ = pair("predict", X, X, model)
    if batch_size < 1:
        raise ValueError(f"predict: batch_size must be at least 1, got {batch_size}")
    with evaluation(model):
        parts = [
            model(tensor(rows[start : start + batch_size], device=device_of(model))).numpy()
            for start in range(0, len(rows), batch_size)
        ]
    return np.concatenate(parts)


def evaluate(
    model: Module,
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: Loss,
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, float]:
    """The loss over all rows, and each metric.

    Args:
        model: The network.
        X: Samples.
        y: Their targets, in the shape that the loss wants.
        loss: (output, target) -> scalar.
        metrics: Name -> function of (target, output).

    Returns:
        {"loss": ..., and each metric by its name}.

    Raises:
        ValueError: The lengths of X and y differ, or a metric is called "loss", "epoch" or "val_…".
        TypeError: metrics is no mapping from names to functions.
    """
    metrics = named("evaluate", metrics)
    X, y = pair("evaluate", X, y, model)
    output = predict(model, X)
    device = device_of(model)
    with no_grad():
        value = loss(tensor(output, device=device), tensor(y, device=device))
    scores = {name: float(metric(y, output)) for name, metric in metrics.items()}
    return {"loss": float(value), **scores}
