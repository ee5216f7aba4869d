"""Device "cuda": layers, optimisers, dropout, states and `fit` on arrays that never leave the GPU
by themselves, with the digits of device "cuda-sim"."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits
from cuda.on_sim import Array, needs_compiler
from cuda.stand_in import IS_REAL, cuda_device

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.backends import get_backend
from tinygrad_ed.data import breast_cancer, moons
from tinygrad_ed.train import EarlyStopping, binary, fit

pytestmark = [needs_compiler, pytest.mark.usefixtures("cuda_device")]
__all__ = ["cuda_device"]

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "Adam": {"lr": 1e-2},
    "AdamW": {"lr": 1e-2},
    "RMSProp": {"lr": 1e-2},
    "AdaGrad": {"lr": 1e-2},
}


def alike(found: Any, expected: Any) -> None:
    """Bits on the simulator; a real GPU's functions differ from the C library's in the last one."""
    if not IS_REAL:
        assert_same_bits(found, expected)
        return
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def network(device: str) -> nn.Sequential:
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(2, 8, seed=rng, device=device),
        nn.GELU(),
        nn.Dropout(0.2, rng),
        nn.Linear(8, 8, activation="tanh", init="torch", seed=rng, device=device),
        nn.Linear(8, 1, seed=rng, device=device),
    )


def batch(device: str, seed: int) -> tuple[tg.Tensor, tg.Tensor]:
    X = np.random.default_rng(seed).standard_normal((6, 2)).astype("float32")
    return tg.tensor(X, device=device), tg.tensor((X[:, :1] > 0) * np.float32(1), device=device)


def steps(model: nn.Module, optimizer: Any, device: str, seeds: range) -> list[Array]:
    losses = []
    for seed in seeds:
        X, y = batch(device, seed)
        loss = tg.bce_with_logits(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.numpy())
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_over_its_flat_buffer(name: str) -> None:
    results = []
    for device in ("cuda", "cuda-sim"):
        model: Any = network(device)
        optimizer = getattr(optim, name)(model.parameters(), **OPTIMIZERS[name])
        losses = steps(model, optimizer, device, range(4))
        model[1].W.requires_grad = False  # the block is cut into runs
        losses += steps(model, optimizer, device, range(4, 6))
        results.append([*losses, *(p.numpy() for p in model.parameters())])
    alike(*results)


def test_states_are_saved_copied_and_moved() -> None:
    model: Any = network("cuda")
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    steps(model, optimizer, "cuda", range(3))
    state, memory = model.state_dict(), optimizer.state_dict()
    assert all(type(a) is np.ndarray for a in state.values())
    twin = copy.deepcopy((model, optimizer))
    again = pickle.loads(pickle.dumps((model, optimizer)))
    other: Any = network("cuda")
    other.load_state_dict(state)
    third = other, optim.Adam(other.parameters(), lr=1e-2)
    third[1].load_state_dict(memory)
    other[3].call, other[3].seed = model[3].call, model[3].seed
    expected = steps(model, optimizer, "cuda", range(3, 5))
    for its_model, its_optimizer in (twin, again, third):
        assert_same_bits(steps(its_model, its_optimizer, "cuda", range(3, 5)), expected)
        assert its_model[1].W.device == "cuda"
    there = model.to("cuda-sim")
    assert_same_bits(there[1].W.numpy(), twin[0][1].W.numpy())


def test_random_numbers_are_those_of_every_device() -> None:
    for shape in ((3, 5), (4,)):
        x = np.ones(shape, "float32")
        masks = [
            tg.dropout(tg.tensor(x, device=d), p=0.5, seed=7, call=3).numpy()
            for d in ("cuda", "numpy")
        ]
        assert_same_bits(*masks)
    one, other = (network(d).state_dict() for d in ("cuda", "numpy"))
    assert_same_bits(list(one.values()), list(other.values()))


@pytest.mark.parametrize("capture", [False, True])
def test_fit_gives_the_same_digits(capture: bool) -> None:
    data = moons(60)
    found = []
    for device in ("cuda", "cuda-sim"):
        model = network(device)
        history = fit(
            model,
            data.X,
            data.y.reshape(-1, 1).astype("float32"),
            loss=tg.bce_with_logits,
            optimizer=optim.SGD(model.parameters(), lr=0.5, momentum=0.9),
            epochs=4,
            batch_size=8,
            capture=capture,
            callbacks=[] if capture else [EarlyStopping(2, "loss", restore=model)],
            progress=False,
        )
        losses = [np.float64(epoch["loss"]) for epoch in history.epochs]
        found.append([*losses, *model.state_dict().values()])
    alike(*found)


def test_the_main_job_trains() -> None:
    here, there = (
        binary.train_binary(breast_cancer(), device=device, epochs=1, progress=False)
        for device in ("cuda-sim", "cuda")
    )
    assert there.model.parameters()[0].device == "cuda"
    assert there.test["accuracy"] > 0.8
    if not IS_REAL:
        assert (there.train, there.test) == (here.train, here.test)


def test_a_fresh_op_runs_by_its_formula_or_by_a_kernel_made_of_it() -> None:
    @tg.op(source="a test", elementwise=True)
    def bent(z, *, by=2.0):  # type: ignore[no-untyped-def]
        return z / (1 + np.exp(-by * z))

    @bent.vjp
    def _(dy, y, z, *, by):  # type: ignore[no-untyped-def]
        gate = 1 / (1 + np.exp(-by * z))
        return dy * gate * (1 + by * z * (1 - gate))

    def values(device: str) -> list[Array]:
        z = tg.tensor(np.linspace(-2, 2, 12).reshape(3, 4), device=device, requires_grad=True)
        y = bent(z, by=1.5)
        first = tg.grad(y.sum(), z, create_graph=True)
        return [y.numpy(), first.numpy(), tg.grad((first * first).sum(), z).numpy()]

    for found, expected in zip(values("cuda"), values("numpy"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_the_back_end_is_one_object() -> None:
    backend = get_backend("cuda")
    assert copy.deepcopy(backend) is backend
    assert pickle.loads(pickle.dumps(backend)) is backend
    assert get_backend("auto") is backend
