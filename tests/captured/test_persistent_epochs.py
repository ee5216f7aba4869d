"""`capture(..., persistent=True)`: an epoch in one launch, with the bits of one graph a step."""

from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits
from devices import CUDA_SIM

import tinygrad_ed as tg
from tinygrad_ed import nn, optim

pytestmark = pytest.mark.parametrize("device", [CUDA_SIM])
rng = np.random.default_rng(0)
X = rng.standard_normal((45, 12)).astype("float32")
LABELS = rng.integers(0, 4, 45)


class Training:
    """A network with dropout, trained in epochs."""

    def __init__(self, device: str, **options: Any) -> None:
        seed = np.random.default_rng(1)
        self.model = nn.Sequential(
            nn.Linear(12, 40, activation="relu", seed=seed, device=device),
            nn.Dropout(0.25, seed=7),
            nn.Linear(40, 4, seed=seed, device=device),
        )
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.01)
        self.step = tg.capture(self._step, device=device, **options)

    def _step(self, X: Any, t: Any) -> Any:
        loss = tg.cross_entropy(self.model(X), t)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def epoch(self, labels: Any = LABELS, **how: Any) -> Any:
        order = np.random.default_rng(3).permutation(45)
        return self.step.run(X, labels, order, batch_size=10, **how)

    @property
    def weights(self) -> list[Any]:
        return [p.numpy().copy() for p in self.model.parameters()]


def test_epochs_have_the_bits_of_single_graphs(device: str) -> None:
    """Also where the learning rate changes, and for the smaller last batch of each epoch."""
    apart, together = Training(device), Training(device, persistent=True)
    for lr in (0.01, 0.01, 0.003):
        for training in (apart, together):
            training.optimizer.lr = lr
        np.testing.assert_array_equal(apart.epoch(), together.epoch())
        assert_same_bits(apart.weights, together.weights)
    assert together.optimizer.state_dict()["state"] is not None


def test_single_steps_between_epochs_are_seen(device: str) -> None:
    apart, together = Training(device), Training(device, persistent=True)
    for training in (apart, together):
        training.epoch()
        training.step(X[:10], LABELS[:10])
        training._step(*(tg.tensor(a, device=device) for a in (X[10:20], LABELS[10:20])))
        training.epoch()
    assert_same_bits(apart.weights, together.weights)


def test_a_wrong_label_ends_the_epoch_at_its_batch(device: str) -> None:
    apart, together = Training(device), Training(device, persistent=True)
    order = np.random.default_rng(3).permutation(45)
    labels = LABELS.copy()
    for training in (apart, together):
        training.epoch()
    labels[order[25]] = 9
    for training in (apart, together):
        with pytest.raises(ValueError, match=r"9.*\[0, 4\)|label"):
            training.epoch(labels)
    assert_same_bits(apart.weights, together.weights)


def test_a_rung_that_rounds_is_refused_and_others_change_no_bit(device: str) -> None:
    together, naive = Training(device, persistent=True), Training(device, persistent=True)
    with tg.use_kernel("matmul", "naive"):
        found = naive.epoch()
    np.testing.assert_array_equal(found, together.epoch())
    with (
        tg.use_kernel("matmul", "bf16"),
        pytest.raises(ValueError, match="no bf16: leave out use_kernel, or persistent=True"),
    ):
        for _ in range(2):
            Training(device, persistent=True).epoch()


def test_other_devices_have_none(device: str) -> None:
    for other in ("cpu", "numpy"):
        with pytest.raises(ValueError, match=f"cuda and cuda-sim, not '{other}'"):
            tg.capture(lambda x: x, device=other, persistent=True)
