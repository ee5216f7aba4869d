"""Training on a device whose arrays never turn into NumPy arrays by themselves, as on a GPU."""

import sys
from typing import Any

import numpy as np
import pytest
from strict_arrays import StrictArray, StrictBackend

import tinygrad_ed as tg
from tinygrad_ed import backends, creation, nn, optim
from tinygrad_ed.data import breast_cancer, moons
from tinygrad_ed.nn import module, parameter
from tinygrad_ed.train import EarlyStopping, binary, fit


@pytest.fixture(autouse=True)
def strict_device(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = StrictBackend()

    def get_backend(name: str) -> backends.Backend:
        return strict if name == "strict" else backends.get_backend(name)

    for place in (creation, module, parameter, binary):
        monkeypatch.setattr(place, "get_backend", get_backend)
    # By name: `tinygrad_ed.tensor` is the function that makes tensors.
    monkeypatch.setattr(sys.modules["tinygrad_ed.tensor"], "get_backend", get_backend)


def test_the_main_job_gives_the_same_digits_there() -> None:
    here, there = (
        binary.train_binary(breast_cancer(), device=device, epochs=2, progress=False)
        for device in ("numpy", "strict")
    )
    assert isinstance(there.model.parameters()[0]._array, StrictArray)
    assert there.history.epochs == here.history.epochs
    assert (there.train, there.test) == (here.train, here.test)


def network(device: str) -> nn.Sequential:
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(2, 8, seed=rng, device=device),
        nn.GELU(),
        nn.Dropout(0.2, rng),
        nn.Linear(8, 1, init="torch", seed=rng, device=device),
    )


def train(model: nn.Module) -> Any:
    data = moons(60)
    stopper = EarlyStopping(2, "loss", restore=model)
    return fit(
        model,
        data.X,
        data.y.reshape(-1, 1).astype("float32"),
        loss=tg.bce_with_logits,
        optimizer=optim.SGD(model.parameters(), lr=0.5, momentum=0.9),
        epochs=6,
        batch_size=16,
        callbacks=[stopper],
        metrics={"n": lambda t, z: len(z)},
        progress=False,
    )


def test_every_layer_dropout_and_early_stopping_give_the_same_digits_there() -> None:
    here, there = network("numpy"), network("strict")
    assert train(there).epochs == train(here).epochs
    for path, value in there.state_dict().items():
        np.testing.assert_array_equal(value, here.state_dict()[path])


def test_a_network_moves_there_with_its_gradients_and_back() -> None:
    model = nn.Linear(3, 2, seed=0)
    before = model.state_dict()
    model(tg.ones((4, 3))).sum().backward()
    model.to("strict")
    assert isinstance(model.W._array, StrictArray) and model.W.grad.device == "strict"
    assert model(tg.ones((4, 3), device="strict")).device == "strict"
    assert "on 'strict'" in model.summary((4, 3))
    model.load_state_dict({path: value + 1 for path, value in before.items()})
    model.to("numpy")
    np.testing.assert_array_equal(model.W.numpy(), before["W"] + 1)
