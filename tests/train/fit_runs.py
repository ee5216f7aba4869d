"""What the tests of captured training share: a network, a run of `fit`, a loss with a number."""

from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.data import moons
from tinygrad_ed.train import History, fit

DATA = moons(150, noise=0.2, seed=0)
X, Y = DATA.X, DATA.y.reshape(-1, 1).astype("float64")
HITS = {"hits": lambda t, z: float(np.mean((z > 0) == (t > 0.5)))}


def network(device: str = "cpu", outputs: int = 1, dtype: str = "float32") -> nn.Sequential:
    rng, where = np.random.default_rng(0), {"device": device, "dtype": dtype}
    return nn.Sequential(
        nn.Linear(2, 8, activation="tanh", seed=rng, **where),
        nn.Dropout(0.2, seed=rng),
        nn.Linear(8, 8, activation="relu", seed=rng, **where),
        nn.Linear(8, outputs, seed=rng, **where),
    )


def train(model: nn.Module, **changes: Any) -> History:
    make = changes.pop("make", lambda p: optim.Adam(p, lr=0.02))
    settings: dict[str, Any] = {
        "loss": tg.bce_with_logits,
        "optimizer": make(model.parameters()),
        "epochs": 4,
        "batch_size": 16,
        "progress": False,
        "seed": 5,
    }
    return fit(model, changes.pop("X", X), changes.pop("y", Y), **(settings | changes))


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    for (path, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=path)


class Annealed:
    """A loss with a number that a callback changes, which no program can see."""

    def __init__(self) -> None:
        self.weight = 1.0

    def __call__(self, z: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        return self.weight * tg.bce_with_logits(z, t)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.weight = 1 / (1 + epoch)
