"""A training that cannot reach what it reports [D3-P1]: labels drawn uniformly from (0, 1).

The cross-entropy of a label t is at least its entropy H(t) = -t ln t - (1 - t) ln(1 - t), whatever
the network says, and the mean of H over uniform t is ½. The document reports a loss of .328. With
labels 0 and 1 the same program is sound.

    python examples/uniform_labels.py
"""

import sys
from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed.documents import entry
from tinygrad_ed.exits import exit_code
from tinygrad_ed.train import evaluate


def entropy(t: Any) -> Any:
    """H(t) = -t ln t - (1 - t) ln(1 - t): the least that bce(y, t) can be, reached at y = t."""
    return -t * np.log(t) - (1 - t) * np.log1p(-t)


def rows(seed: int) -> tuple[Any, Any]:
    """The document's data: 100 rows of 3 uniform features, and uniform labels (100, 1)."""
    draw = np.random.RandomState(seed)
    return draw.rand(100, 3), draw.rand(100, 1)


def floors(seeds: range) -> Any:
    """The floor of the loss, the mean entropy of the labels, for each seed."""
    return np.array([entropy(rows(seed)[1]).mean() for seed in seeds])


def keras_accuracy(t: Any, y: Any) -> float:
    """The share of rows whose rounded prediction equals the label, as the document counts."""
    return float(np.mean((y > 0.5) == t))


def trained(X: Any, t: Any, *, epochs: int, lr: float, seed: int = 0) -> dict[str, float]:
    """Loss and accuracy of Dense 2 sigmoid, Dense 1 sigmoid after Adam, batch 10 [D3-P1]."""
    rng = np.random.default_rng(seed)
    model = tg.nn.Sequential(
        tg.nn.Linear(3, 2, activation="sigmoid", seed=rng),
        tg.nn.Linear(2, 1, activation="sigmoid", seed=rng),
    )
    optimizer = tg.optim.Adam(model.parameters(), lr=lr)
    tg.fit(
        model,
        X,
        t,
        loss=tg.bce,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=10,
        seed=seed,
        progress=False,
    )
    return evaluate(model, X, t, loss=tg.bce, metrics={"accuracy": keras_accuracy})


def main() -> int:
    """Prints the floor, the run as written, and the same run with labels that are classes."""
    said = entry("D3-P1").reported
    X, t = rows(0)
    print(f"[D3-P1] the document: loss {said['loss']:.3f}, accuracy {said['accuracy']:.2f}")

    found = floors(range(2000))
    mean, deviation = found.mean(), found.std()
    print("\nthe floor of the loss: mean over 100 labels of H(t) = -t ln t - (1 - t) ln(1 - t)")
    print("  expectation ∫ H(t) dt over (0, 1) = 0.5")
    print(f"  2000 seeds: mean {mean:.4f}, deviation {deviation:.4f}", end="")
    print(f", from {found.min():.4f} to {found.max():.4f}")
    print(f"  {said['loss']:.3f} is {(mean - said['loss']) / deviation:.0f} deviations below")

    run = trained(X, t, epochs=100, lr=1e-3)
    print("\nthe program as written, seed 0")
    print(f"  loss {run['loss']:.4f}, floor {entropy(t).mean():.4f}")
    print(f"  accuracy {run['accuracy']:.2f}: a rounded prediction never equals such a label")

    classes = (X.sum(axis=1, keepdims=True) > 1.5).astype(np.float64)
    sound = trained(X, classes, epochs=100, lr=0.05)
    print("\nwith labels 0 and 1 (is x1 + x2 + x3 above 1.5?) and learning rate 0.05")
    print(f"  loss {sound['loss']:.4f}, accuracy {sound['accuracy']:.2f}: now both can be reached")
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, "uniform_labels.py"))
