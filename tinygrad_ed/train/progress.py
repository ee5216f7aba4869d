"""How a run shows itself: a bar on a terminal, one plain line an epoch elsewhere, or nothing."""

import sys
import time
from typing import Any, Self


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def say(self, text: str) -> None:
        """There is something to know about the run."""

    def step(self, count: int = 1) -> None:
        """Steps were taken."""

    def epoch(self, logs: dict[str, float]) -> None:
        """An epoch was completed."""


class Lines(Silent):
    """One line an epoch: for files, pipes and notebooks."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def say(self, text: str) -> None:
        """Prints it."""
        print(text, flush=True)

    def epoch(self, logs: dict[str, float]) -> None:
        """Prints the line."""
        print(line(logs, self.epochs), flush=True)


class Bar(Silent):
    """A line an epoch, and below them a bar that moves at most ten times a second."""

    def __init__(self, epochs: int, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        # Refreshed by hand: no second thread beside the kernels.
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeRemainingColumn(),
            console=Console(file=sys.stdout),
            transient=True,
            auto_refresh=False,
        )
        self.task = self.bar.add_task("training", total=epochs * steps)
        self.epochs, self.done, self.shown = epochs, 0, 0.0

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def say(self, text: str) -> None:
        """Prints it above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def step(self, count: int = 1) -> None:
        """Counts, and redraws if the last picture is a tenth of a second old."""
        self.done += count
        now = time.monotonic()
        if now - self.shown > 0.1:
            self.shown = now
            self.bar.update(self.task, completed=self.done, refresh=True)

    def epoch(self, logs: dict[str, float]) -> None:
        """Prints the line above the bar."""
        self.say(line(logs, self.epochs))


def line(logs: dict[str, float], epochs: int) -> str:
    """An epoch's numbers in one line: 'epoch  3/10  loss 0.1234  val_loss 0.2345'."""
    count = f"epoch {int(logs['epoch']):>{len(str(epochs))}}/{epochs}"
    return "  ".join([count, *(f"{k} {v:.4f}" for k, v in logs.items() if k != "epoch")])


def reporter(progress: bool, epochs: int, steps: int) -> Silent:
    """What shows a run of so many epochs and steps; a terminal without rich gets plain lines."""
    if not progress:
        return Silent()
    if sys.stdout is not None and sys.stdout.isatty():  # None: `>&-`; print is silent then
        try:
            return Bar(epochs, steps)
        except ImportError:
            pass
    return Lines(epochs)
