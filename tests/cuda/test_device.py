"""Device "cuda-sim": networks on the CUDA kernels against the formulas."""

import threading

import numpy as np
import pytest
from cuda.on_sim import DTYPES, Array, activations, drawn, gamma, layouts, needs_compiler, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.backends import get_backend
from tinygrad_ed.backends.cuda_sim import CudaSimBackend
from tinygrad_ed.train import binary

pytestmark = needs_compiler

sizes = st.integers(0, 9) | st.sampled_from([1, 32, 33, 65])


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=40, deadline=None)
@given(sizes, sizes, sizes, layouts, layouts, st.booleans(), activations, seeds)
def test_a_layer_and_its_gradients_are_within_the_bounds_of_their_products(
    dtype: str,
    N: int,
    D: int,
    H: int,
    layout_X: str,
    layout_W: str,
    biased: bool,
    activation: str | None,
    seed: int,
) -> None:
    X, W = drawn((N, D), dtype, seed, layout_X), drawn((D, H), dtype, seed + 1, layout_W)
    b = drawn((H,), dtype, seed + 2) if biased else None
    dY = drawn((N, H), dtype, seed + 3)
    backend = get_backend("cuda-sim")
    leaves = [None if a is None else tg.Tensor(a, backend, True) for a in (X, W, b)]
    Y = tg.linear(*leaves, activation=activation)
    gradients = tg.grad(Y, [t for t in leaves if t is not None], dY)

    # From the layer's own value, in the widest type: only the roundings of the backward pass differ
    y, dZ = Y.numpy().astype(np.longdouble), dY.astype(np.longdouble)
    slopes = {None: np.ones_like(y), "relu": y > 0, "sigmoid": y * (1 - y), "tanh": 1 - y * y}
    dZ = dZ * slopes[activation]
    size = np.abs(dY).astype(np.longdouble)  # |dZ|, and what of dY cancels in 1 - y
    exact = [(dZ @ W.T, size @ np.abs(W).T, H), (X.T @ dZ, np.abs(X).T @ size, N)]
    exact += [(dZ.sum(0), size.sum(0), N)] if biased else []
    for found, (value, scale, terms) in zip(gradients, exact, strict=True):
        assert found.numpy().dtype == dtype
        assert np.all(np.abs(found.numpy() - value) <= gamma(terms + 4, dtype) * scale)


def network(device: str) -> nn.Sequential:
    rng = np.random.default_rng(1)
    return nn.Sequential(
        nn.Linear(30, 64, activation="relu", seed=rng, device=device),
        nn.Linear(64, 64, activation="tanh", seed=rng, device=device),
        nn.Linear(64, 1, seed=rng, device=device),
    )


def trained(device: str, steps: int) -> list[Array]:
    model, rng = network(device), np.random.default_rng(2)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(steps):
        X = rng.standard_normal((32, 30)).astype("float32")
        t = (X[:, :1] > 0).astype("float32")
        loss = tg.bce_with_logits(model(tg.tensor(X, device=device)), tg.tensor(t, device=device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [p.numpy().copy() for p in model.parameters()]


def test_after_20_steps_the_weights_are_those_of_device_numpy() -> None:
    for found, expected in zip(trained("cuda-sim", 20), trained("numpy", 20), strict=True):
        assert np.abs(found - expected).max() <= 1e-5


def test_the_main_job_trains() -> None:
    report = binary.train_binary(
        tg.data.breast_cancer(), device="cuda-sim", epochs=1, progress=False
    )
    assert report.test["accuracy"] > 0.8


def test_threads_train_side_by_side() -> None:
    alone = trained("cuda-sim", 3)
    found: dict[int, list[Array]] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: trained("cuda-sim", 3)}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for weights in found.values():
        assert [w.tobytes() for w in weights] == [w.tobytes() for w in alone]


def test_what_no_kernel_takes_runs_its_formula() -> None:
    A, B = np.arange(6.0).reshape(2, 3), np.arange(12).reshape(3, 4)
    stack = tg.tensor(np.stack([A, A]), device="cuda-sim")
    assert np.array_equal((stack @ tg.tensor(B * 1.0, device="cuda-sim")).numpy()[1], A @ B)
    whole = tg.tensor(B, device="cuda-sim")
    assert np.array_equal((whole.T @ whole).numpy(), B.T @ B)
    with pytest.raises(tg.ShapeError, match=r"\(2, 3\) @ \(2, 3\)"):
        tg.tensor(A, device="cuda-sim") @ tg.tensor(A, device="cuda-sim")
    with pytest.raises(tg.DTypeError, match="float32 and float64"):
        tg.tensor(A, device="cuda-sim", dtype="float32") @ tg.tensor(A.T, device="cuda-sim")


def test_without_a_compiler_the_device_names_cause_and_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(tg.DeviceError, match=r"^device 'cuda-sim' .*no-such-compiler.*apt-get.*$"):
        CudaSimBackend()
