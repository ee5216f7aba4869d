"""`History`: what was measured after every epoch."""

from dataclasses import dataclass, field


@dataclass
class History:
    """The numbers of a training run: `history["loss"]` is a list with one entry an epoch.

    Attributes:
        epochs: One dict an epoch: "epoch" (from 1), "loss" and the metrics, and the same with
            "val_" in front where validation data was given.
        interrupted: True if Ctrl-C ended the run; the epoch it came in is not among `epochs`.
        stopped_by: The callback that ended the run early, or None.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    interrupted: bool = False
    stopped_by: str | None = None

    def __getitem__(self, name: str) -> list[float]:
        """One number over the epochs.

        Raises:
            KeyError: It was not measured; the message names what was.
        """
        if not self.epochs or name not in self.epochs[0]:
            known = ", ".join(self.epochs[0]) if self.epochs else "nothing: no epoch was completed"
            raise KeyError(f"{name!r} was not measured; there is {known}")
        return [epoch[name] for epoch in self.epochs]

    def __len__(self) -> int:
        """How many epochs were completed."""
        return len(self.epochs)
