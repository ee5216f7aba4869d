"""A data set: the numbers, and the names that give them a meaning."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Rows of features with one class each.

    Classes are coded 0, 1, …: ``class_names[y[i]]`` is the class of row i. With two classes the
    one coded 1 is ``positive``: precision, recall and F1 are about that class, so a score
    without its name says nothing.

    Attributes:
        X: features, one row a sample.
        y: class codes.
        feature_names: what each column of X holds.
        class_names: the class that each code stands for.
        name: what the data are called.

    Shapes:
        X (N, D) float64; y (N,) int64.

    Raises:
        ValueError: the shapes, the codes or the numbers of names do not fit together.

    Source:
        Row convention of [D1-F1].
    """

    X: Array
    y: Array
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        X = np.asarray(self.X, dtype=np.float64)
        codes = np.asarray(self.y)
        if X.ndim != 2:
            raise ValueError(f"X has shape {X.shape}: expected (N, D), one row a sample")
        if codes.shape != (len(X),):
            raise ValueError(
                f"y has shape {codes.shape}, X has shape {X.shape}: expected y of shape "
                f"({len(X)},), one class code a row"
            )
        if codes.size and codes.dtype.kind not in "iu":
            raise ValueError(f"y has dtype {codes.dtype}: class codes are integers 0, 1, …")
        y = codes.astype(np.int64)
        if len(self.feature_names) != X.shape[1]:
            raise ValueError(
                f"{len(self.feature_names)} feature names for {X.shape[1]} columns of X"
            )
        if len(set(self.class_names)) != len(self.class_names) or len(self.class_names) < 2:
            raise ValueError(f"class_names {self.class_names}: give at least two different names")
        if y.size and (y.min() < 0 or y.max() >= len(self.class_names)):
            raise ValueError(
                f"y runs from {y.min()} to {y.max()}, but {len(self.class_names)} class names "
                f"allow the codes 0 to {len(self.class_names) - 1}"
            )
        # Frozen: the normalised arrays can be put in place only past the dataclass's own guard.
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        object.__setattr__(self, "class_names", tuple(self.class_names))

    def __len__(self) -> int:
        """The number of rows N."""
        return len(self.X)

    @property
    def positive(self) -> str | None:
        """The name of the class coded 1 when there are two classes, else None."""
        return self.class_names[1] if len(self.class_names) == 2 else None

    @property
    def class_counts(self) -> dict[str, int]:
        """Rows of each class, in the order of the codes."""
        counts = np.bincount(self.y, minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    def __repr__(self) -> str:
        """One line: name, shape, and the classes with their counts."""
        counts = [f"{name}: {count}" for name, count in self.class_counts.items()]
        if len(counts) > 10:
            counts[5:-1] = ["…"]
        positive = "" if self.positive is None else f"; positive: {self.positive}"
        return f"<Dataset {self.name}: X {self.X.shape}, y {', '.join(counts)}{positive}>"
