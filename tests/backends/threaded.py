"""What tests of threads share: kernels that are divided however small, and training to compare."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tinygrad_ed.kernels.cpu import launching, loaded

import tinygrad_ed as tg
from tinygrad_ed import nn


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = tg.get_threads()
    yield
    tg.set_threads(before)


def divide(kernel: loaded.Kernel, least: int | None = None) -> None:
    """From how much work on a kernel is divided; as it was made to be for None."""
    made = vars(kernel).setdefault("made_least", kernel.signature.least)
    if kernel.signature.split:
        object.__setattr__(kernel.signature, "least", made if least is None else least)
        kernel.spec[launching.LEAST] = kernel.signature.least


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every kernel that can be divided is, however little there is to do."""
    original = loaded._make

    def make(*args: Any) -> loaded.Kernel:
        made = original(*args)
        divide(made, 1)
        return made

    monkeypatch.setattr(loaded, "_make", make)
    for kernel in loaded._made.values():
        divide(kernel, 1)
    yield
    for kernel in loaded._made.values():
        divide(kernel)


def network(sizes: tuple[int, ...], batch: int, dropout: float, seed: int = 0) -> Callable[[], Any]:
    """One captured training step of a classifier (two classes: one logit) on a batch of its own."""
    rng = np.random.default_rng(seed)
    layers: list[nn.Module] = []
    for k in range(len(sizes) - 1):
        hidden = k < len(sizes) - 2
        W = rng.standard_normal((sizes[k + 1], sizes[k])).astype(np.float32) / np.sqrt(sizes[k])
        b = np.zeros(sizes[k + 1], np.float32)
        activation = "relu" if hidden else None
        layers.append(nn.Linear.from_torch_layout(W, b, activation=activation, device="cpu"))
        if hidden and dropout:
            layers.append(nn.Dropout(dropout, seed=k))
    model = nn.Sequential(*layers)
    optimizer = tg.optim.Adam(model.parameters(), lr=1e-2)
    X = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    y = rng.integers(0, sizes[-1], batch) if sizes[-1] > 1 else (X[:, :1] > 0).astype(np.float32)
    loss_of = tg.cross_entropy if sizes[-1] > 1 else tg.bce_with_logits

    @tg.capture
    def step(X: Any, y: Any) -> Any:
        loss = loss_of(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def train(steps: int = 1, epochs: bool = False) -> list[np.ndarray]:
        losses = []
        if epochs:
            order = np.tile(np.arange(batch), steps)
            losses = list(step.run(X, y, order=order, batch_size=batch))
        else:
            losses = [step(X, y).item() for _ in range(steps)]
        return [np.array(losses), *(p.numpy().copy() for p in model.parameters())]

    train.step = step  # type: ignore[attr-defined]
    return train
