"""Mini-batches: the rows in a new random order each epoch, a few at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_ed.data._checks import whole_number
from tinygrad_ed.data.dataset import Array


def batches(
    X: ArrayLike,
    y: ArrayLike,
    batch_size: int,
    *,
    seed: int | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
) -> "Batches":
    """Cut (X, y) into mini-batches; each ``for`` loop over the result is one epoch.

    Args:
        X: the samples.
        y: their targets, in the same order.
        batch_size: rows in a batch, at least 1; the last batch holds what is left.
        seed: fixes the order of every epoch. None draws a seed, kept in ``.seed``.
        shuffle: a new random order each epoch; False keeps the order of the rows.
        drop_last: leave out a last batch of fewer rows than ``batch_size``.

    Returns:
        An iterable of ``(X_batch, y_batch)``, with a length.

    Shapes:
        X (N, …), y (N, …) → (B, …), (B, …) with B <= batch_size.

    Raises:
        TypeError: batch_size or seed is no whole number.
        ValueError: batch_size < 1, X and y differ in length, there are no rows, or drop_last
            would leave no batch.

    Example:
        >>> for X_batch, y_batch in batches(X, y, 32, seed=0):  # doctest: +SKIP
        ...     ...

    Source:
        Batch size as a hyper-parameter: 001 §3.2, 004 §9.
    """
    return Batches(X, y, batch_size, seed=seed, shuffle=shuffle, drop_last=drop_last)


class Batches:
    """What ``batches`` returns (its arguments and errors are described there).

    Epoch e has the order of its own random stream, made of (seed, e): a loop left early changes
    no later epoch, and setting ``epoch`` resumes a run where it stopped. X and y are not copied
    as a whole; every batch is a copy that the caller may change.

    Attributes:
        X, y: the data, as arrays.
        batch_size: rows in a batch.
        seed: the seed in use.
        shuffle, drop_last: as given.
        epoch: how many loops were begun; the number of the next one, counted from 0.
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        batch_size: int,
        *,
        seed: int | None = None,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        self.X, self.y = np.asarray(X), np.asarray(y)
        self.batch_size = whole_number("batch_size", batch_size, minimum=1)
        self.seed = _fresh_seed() if seed is None else whole_number("seed", seed, minimum=0)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.epoch = 0
        if self.X.ndim == 0 or self.y.ndim == 0 or len(self.X) != len(self.y):
            raise ValueError(
                f"X has shape {self.X.shape} and y has shape {self.y.shape}: "
                "their first axes must have one length, a target for each sample"
            )
        if len(self.X) == 0:
            raise ValueError(f"X has shape {self.X.shape}: no rows to make batches of")
        if len(self) == 0:
            raise ValueError(
                f"batch_size={self.batch_size} with drop_last leaves no batch of {len(self.X)} "
                "rows: take a smaller batch_size or keep the last batch"
            )

    def __len__(self) -> int:
        """Batches in an epoch: N / batch_size, rounded up, or down with ``drop_last``."""
        full, rest = divmod(len(self.X), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        """Begin the next epoch."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self._walk(self.order(epoch))

    def order(self, epoch: int) -> Array:
        """The row numbers in the order in which epoch ``epoch`` visits them.

        Shapes:
            (N,) int64, a permutation of 0, …, N − 1.

        Raises:
            TypeError, ValueError: epoch is no whole number >= 0.
        """
        whole_number("epoch", epoch, minimum=0)
        if not self.shuffle:
            return np.arange(len(self.X))
        stream = np.random.SeedSequence(self.seed, spawn_key=(epoch,))
        return np.random.default_rng(stream).permutation(len(self.X))

    def _walk(self, order: Array) -> Iterator[tuple[Array, Array]]:
        for i in range(len(self)):
            rows = order[i * self.batch_size : (i + 1) * self.batch_size]
            yield self.X[rows], self.y[rows]

    def __repr__(self) -> str:
        """One line: the shapes, the batch size and the seed."""
        order = f"seed {self.seed}" if self.shuffle else "in order"
        return (
            f"<Batches of {self.batch_size}: {len(self)} an epoch, X {self.X.shape}, "
            f"y {self.y.shape}, {order}>"
        )


def _fresh_seed() -> int:
    entropy = np.random.SeedSequence().entropy
    assert isinstance(entropy, int)  # NumPy draws one integer when it is given none
    return entropy
