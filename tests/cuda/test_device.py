"""Device "cuda-sim": networks on the CUDA kernels against the formulas; and the way to "cuda"."""

import sys
import threading
from typing import Any

import numpy as np
import pytest
from cuda import stand_in
from cuda.on_sim import DTYPES, Array, activations, drawn, gamma, layouts, needs_compiler, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, run
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import TOP, RowSums, SimulatedMachine, Slopes

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.backends import get_backend
from tinygrad_ed.backends.cuda import CudaBackend
from tinygrad_ed.backends.cuda_sim import CudaSimBackend
from tinygrad_ed.train import binary

pytestmark = needs_compiler
ON_SIM = {"linear", "matrix_product"}
"""The ops that have a kernel; the list may only grow."""

sizes = st.integers(0, 9) | st.sampled_from([1, 32, 33, 65])


def test_the_ops_with_a_kernel() -> None:
    kernels = get_backend("cuda-sim").kernels
    assert {name for name, op in tg.registry.items() if kernels[op]} == ON_SIM


@each_op
@examples(3)
@given(data=st.data())
def test_every_op_gives_what_it_gives_on_device_numpy(name: str, data: Any) -> None:
    call = data.draw(CASES[name].smooth)
    (y, gradients), (expected, wanted) = (run(name, call, device=d) for d in ("cuda-sim", "numpy"))
    for found, value in zip([y, *gradients], [expected, *wanted], strict=True):
        if name in ON_SIM:
            np.testing.assert_allclose(found, value, rtol=1e-11, atol=1e-11)
        else:
            np.testing.assert_array_equal(found, value)


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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", sim.ORDERS)
def test_the_kernels_of_a_backward_pass_touch_nothing_else(order: str, dtype: str) -> None:
    machine = SimulatedMachine()
    slopes, sums = Slopes(machine), RowSums(machine)
    for M, N in ((1, 1), (0, 4), (70, 33), (9, 64)):
        dY, Y = drawn((M, N), dtype, 0, "F"), np.tanh(drawn((M, N), dtype, 1))
        dZ, db = np.empty((M, N), dtype), np.empty(2 * N, dtype)[::2]
        with sim.simulation(order, seed=2, watched=True):
            slopes(dZ, dY, Y, "tanh")
            sums(dZ, db)
        exact = dY * (1 - Y.astype(np.longdouble) ** 2)
        assert np.all(np.abs(dZ - exact) <= gamma(3, dtype) * np.abs(dY))
        assert np.all(np.abs(db - dZ.sum(0)) <= gamma(M + 1, dtype) * 2 * np.abs(dZ).sum(0))
    with pytest.raises(ValueError, match="slope"):
        slopes(dZ, dY, Y[:-1], "tanh")
    with pytest.raises(ValueError, match="sum_rows"):
        sums(dZ, np.empty(3, dtype))


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


def test_device_cuda_makes_the_same_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", stand_in.cupy())
    stand_in.LAUNCHED.clear()
    X, W, b = drawn((5, 9), "float32", 0), drawn((9, 7), "float32", 1), drawn((7,), "float32", 2)
    results = []
    for backend in (CudaBackend(), get_backend("cuda-sim")):
        leaves = [tg.Tensor(backend.asarray(a), backend, True) for a in (X, W, b)]
        Y = tg.linear(*leaves, activation="tanh")
        Z = leaves[1].T @ leaves[1]
        gradients = tg.grad((Y * Y).sum() + (Z * Z).sum(), leaves)
        results.append([t.numpy().tobytes() for t in (Y, Z, *gradients)])
    assert results[0] == results[1]
    kinds = [name.partition("<")[0] for name in stand_in.LAUNCHED]
    assert {f"matmul_{TOP}", "slope", "sum_rows"} == set(kinds) and len(kinds) == 8
