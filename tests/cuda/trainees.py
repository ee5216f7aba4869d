"""What the tests of captured steps on CUDA share: a small network and its batches."""

from typing import Any

import numpy as np
from captured.twins import Trainee, classifier

import tinygrad_ed as tg

Batch = tuple[Any, Any]


def batches(count: int, device: str, labels: bool = False, rows: int = 5) -> list[Batch]:
    """Batches of random samples on a device: targets in {0, 1}, or labels below 10."""
    rng, found = np.random.default_rng(3), []
    for _ in range(count):
        X = rng.standard_normal((rows, 6)).astype("float32")
        y = rng.integers(0, 10, rows) if labels else (X[:, :1] > 0).astype("float32")
        found.append((tg.tensor(X, device=device), tg.tensor(y, device=device)))
    return found


def network(device: str, *, dropout: float = 0.3, out: int = 1, **how: Any) -> Trainee:
    """A small classifier with dropout between its two layers."""
    return classifier(sizes=(6, 8, out), dropout=dropout, device=device, lr=1e-2, **how)
