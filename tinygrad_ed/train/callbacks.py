"""Callbacks: what happens after every epoch.

A callback is a function `(epoch, logs)` or an object with a method `on_epoch_end(epoch, logs)`.
`epoch` counts from 1, `logs` holds that epoch's numbers. Returning "stop" ends the training.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from ..nn.module import Module


@runtime_checkable
class EpochEnd(Protocol):
    """An object that wants to hear of every epoch's end."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> str | None:
        """Called after each epoch; "stop" ends the training."""


Callback: TypeAlias = EpochEnd | Callable[[int, dict[str, float]], Any]


def as_function(callback: Callback) -> Callable[[int, dict[str, float]], Any]:
    """What to call after an epoch.

    Raises:
        TypeError: Neither a function nor an object with `on_epoch_end`.
    """
    if isinstance(callback, type):
        raise TypeError(
            f"callback {callback.__name__} is a class, not an object: write {callback.__name__}(…)"
        )
    if isinstance(callback, EpochEnd):
        return callback.on_epoch_end
    if callable(callback):
        return callback
    raise TypeError(
        f"a callback is a function (epoch, logs), or an object with on_epoch_end(epoch, logs), "
        f"got {callback!r}"
    )


def listeners(callbacks: Iterable[Callback]) -> list[tuple[str, Callable[..., Any]]]:
    """The name of each callback, and what to call after an epoch.

    Raises:
        TypeError: No list of callbacks, or one of them cannot be called.
    """
    if not isinstance(callbacks, Iterable):
        raise TypeError(
            f"fit: callbacks is a list, got {callbacks!r}; write callbacks=[…] also for one"
        )
    return [(title(callback), as_function(callback)) for callback in callbacks]


def title(callback: Callback) -> str:
    """How messages call it."""
    return getattr(callback, "__name__", type(callback).__name__)


class EarlyStopping:
    """Stop when a number has not improved for `patience` epochs [M-4].

    Args:
        patience: Epochs without improvement that are waited for, at least 1.
        monitor: Which number of the logs; "val_loss" needs validation data.
        mode: "min" if lower is better, "max" if higher is.
        min_delta: By how much it must improve to count.
        restore: The model that is trained: when training is stopped, it gets the weights of its
            best epoch back.

    Attributes:
        best: The best value so far.
        best_epoch: Its epoch, from 1; 0 if there was none.

    Raises:
        ValueError: patience < 1, an unknown mode, or a negative min_delta.
    """

    def __init__(
        self,
        patience: int,
        monitor: str = "val_loss",
        *,
        mode: Literal["min", "max"] = "min",
        min_delta: float = 0.0,
        restore: Module | None = None,
    ) -> None:
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1 epoch, got {patience!r}")
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode is 'min' or 'max', got {mode!r}")
        if not min_delta >= 0:
            raise ValueError(f"EarlyStopping: min_delta must not be negative, got {min_delta!r}")
        self.patience, self.monitor, self.mode = patience, monitor, mode
        self.min_delta, self.restore = min_delta, restore
        self._begin()

    def _begin(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_epoch = 0
        self._weights: Mapping[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> str | None:
        """Compares this epoch with the best one; NaN is no improvement.

        Raises:
            KeyError: The monitored number is not among the logs.
        """
        if epoch == 1:
            self._begin()  # the same object may serve several runs
        if self.monitor not in logs:
            hint = "; pass validation=(X, y) to fit" if self.monitor.startswith("val_") else ""
            raise KeyError(
                f"EarlyStopping watches {self.monitor!r}; an epoch gives {', '.join(logs)}{hint}"
            )
        value = logs[self.monitor]
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best, self.best_epoch = value, epoch
            if self.restore is not None:
                self._weights = self.restore.state_dict()
        elif epoch - self.best_epoch >= self.patience:
            if self._weights and self.restore is not None:
                self.restore.load_state_dict(self._weights)
            return "stop"
        return None
