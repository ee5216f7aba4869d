"""`use_kernel` computes products on another rung of a ladder, in this thread."""

import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
from devices import NAMES
from launch_counts import COUNTS

pytest.importorskip("numba")

from tinygrad_ed.kernels.cpu.loaded import FILES
from tinygrad_ed.kernels.cpu.products import RUNGS

import tinygrad_ed as tg
from tinygrad_ed import nn, optim
from tinygrad_ed.backends.table import rungs

CUDA_SIM_ONLY = pytest.mark.skipif("cuda-sim" not in NAMES, reason="cuda-sim is not usable")
LOWER = [rung for rung in RUNGS if rung != "tiled"]
KERNELS = rungs.RUNGS["cpu"]["matmul"]


def launches() -> dict[str, int]:
    """How often each rung was launched so far."""
    return {rung: COUNTS[kernel] for rung, kernel in KERNELS.items()}


def launched(before: dict[str, int]) -> set[str]:
    return {rung for rung, count in launches().items() if count > before[rung]}


def trained(
    steps: int = 20, device: str = "cpu", dtype: str = "float32", captured: bool = False
) -> list[Any]:
    """The losses and the weights of network c."""
    rng, where = np.random.default_rng(0), {"device": device, "dtype": dtype}
    X = rng.normal(size=(32, 30)).astype(dtype)
    t = (rng.random((32, 1)) < 0.5).astype(dtype)
    model = nn.Sequential(
        nn.Linear(30, 64, activation="relu", seed=rng, **where),
        nn.Linear(64, 64, activation="relu", seed=rng, **where),
        nn.Linear(64, 1, seed=rng, **where),
    )
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(X: Any, t: Any) -> Any:
        loss = tg.bce_with_logits(model(X), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    take = tg.capture(step, device=device) if captured else step
    data = tg.tensor(X, device=device), tg.tensor(t, device=device)
    losses = [take(*data).item() for _ in range(steps)]
    return [losses, *model.state_dict().values()]


def test_the_names_on_cuda_are_those_of_its_ladder() -> None:
    from tinygrad_ed.kernels.cuda import RUNGS, TOP

    named = rungs.RUNGS["cuda"]["matmul"]
    assert named.keys() == RUNGS.keys() and next(iter(named)) == TOP
    for rung, kernel in named.items():
        assert kernel == ("product" if rung == TOP else RUNGS[rung].name)


@CUDA_SIM_ONLY
@pytest.mark.parametrize("captured", [False, True])
def test_a_rung_of_cuda_is_chosen_eager_and_captured(captured: bool) -> None:
    """The network is trained by the rung's kernel, and by no other product."""
    expected = trained(2, "cuda-sim")
    for rung in ("naive", "shared_tile", "tf32x3", "bf16"):
        before = Counter(COUNTS)
        with tg.use_kernel("matmul", rung):
            found = trained(2, "cuda-sim", captured=captured)
        names = {n for n in COUNTS if "product" in n and COUNTS[n] > before[n]}
        assert names == {f"cuda product_{rung}"}
        same = [np.array_equal(a, b) for a, b in zip(found, expected, strict=True)]
        assert all(same) if rung in ("naive", "shared_tile") else not all(same)
        # Adam's two steps of 0.01 each may go the other way where 8 bits change a gradient's sign
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=4.01e-2 if rung == "bf16" else 1e-5)


def test_the_names_are_those_of_the_ladder_and_of_its_kernels() -> None:
    assert KERNELS.keys() == RUNGS.keys()
    assert set(KERNELS.values()) == {name for name in FILES if name.startswith("product")}
    assert rungs.chosen() == "" and next(iter(KERNELS)) == "tiled"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rung", LOWER)
def test_a_network_trains_to_the_same_bits_on_every_rung(rung: str, dtype: str) -> None:
    expected, before = trained(dtype=dtype), launches()
    with tg.use_kernel("matmul", rung):
        found = trained(dtype=dtype)
    assert launched(before) == {rung}
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_holds_for_matmul_and_its_gradients() -> None:
    A = tg.tensor(np.ones((3, 4)), requires_grad=True, device="cpu")
    B = tg.tensor(np.ones((4, 2)), requires_grad=True, device="cpu")
    before = launches()
    with tg.use_kernel("matmul", "blocked"):
        (A @ B).sum().backward()
    assert launched(before) == {"blocked"}
    assert launches()["blocked"] - before["blocked"] == 3


def test_contexts_nest_and_end_also_after_an_error() -> None:
    with tg.use_kernel("matmul", "naive"):
        with tg.use_kernel("matmul", "packed"):
            assert rungs.chosen() == "packed"
        assert rungs.chosen() == "naive"
        with pytest.raises(KeyError), tg.use_kernel("matmul", "tiled"):
            assert rungs.chosen() == "tiled"
            raise KeyError
        assert rungs.chosen() == "naive"
    assert (rungs.chosen(), rungs.active) == ("", 0)


def test_it_decorates_a_function_also_a_recursive_one() -> None:
    @tg.use_kernel("matmul", "loop_order")
    def product(n: int) -> str:
        return product(n - 1) if n else rungs.chosen()

    assert product(3) == "loop_order"
    assert (rungs.chosen(), rungs.active) == ("", 0)


def test_another_thread_computes_as_before() -> None:
    seen = []
    with tg.use_kernel("matmul", "naive"):
        thread = threading.Thread(target=lambda: (trained(1), seen.append(rungs.chosen())))
        before = launches()
        thread.start()
        thread.join()
        assert seen == [""] and launched(before) == {"tiled"}


@pytest.mark.parametrize(
    ("name", "rung", "message"),
    [
        ("conv", "naive", "no kernel 'conv'; there is matmul"),
        (
            "matmul",
            "fast",
            "no rung 'fast' of 'matmul'; there is tiled, packed, blocked, loop_order",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(
    name: str, rung: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tg.use_kernel(name, rung)


def test_a_device_without_kernels_goes_on_as_it_is() -> None:
    expected, before = trained(5, "numpy"), launches()
    with tg.use_kernel("matmul", "naive"):
        found = trained(5, "numpy")
    assert launched(before) == set()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_captured_step_looks_again_and_runs_on_the_chosen_rung() -> None:
    rng = np.random.default_rng(1)
    A, B = (rng.normal(size=(5, 5)).astype("float32") for _ in range(2))

    @tg.capture
    def step(A: Any, B: Any) -> Any:
        return tg.relu(A @ B)

    def runs_on() -> list[str]:
        for _ in range(3):
            step(A, B)
        return [line.kernel.name for line in step.program.instructions if hasattr(line, "kernel")]

    expected = step(A, B).numpy()
    assert "product" in runs_on()
    with tg.use_kernel("matmul", "naive"):
        assert "product_naive" in runs_on()
        np.testing.assert_array_equal(step(A, B).numpy(), expected)
    assert "product" in runs_on()
