"""The same bits on any number of threads, and who says how many."""

import functools
from collections.abc import Callable

import numpy as np
import pytest
from backends.threaded import as_before, divided, network  # noqa: F401 (fixtures)
from tinygrad_ed.kernels import operands
from tinygrad_ed.kernels.cpu import loaded

import tinygrad_ed as tg
from tinygrad_ed.cli import main

COUNTS = (2, 3, 5)


def on_each(compute: Callable[[], list[np.ndarray]]) -> None:
    """The same bits on one thread and on several."""
    tg.set_threads(1)
    expected = compute()
    for count in COUNTS:
        tg.set_threads(count)
        for a, b in zip(compute(), expected, strict=True):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes(), f"{count} threads"


def as_stored(array: np.ndarray, layout: str) -> np.ndarray:
    """The same matrix, otherwise in memory: columns first, every other row, rows backwards."""
    if layout == "T":
        return np.asfortranarray(array)
    if layout == "strided":
        wide = np.zeros((2 * array.shape[0], array.shape[1] + 3), array.dtype)
        wide[::2, :-3] = array
        return wide[::2, :-3]
    return array[::-1].copy()[::-1] if layout == "backwards" else array


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layouts", ["NN", "NT", "TN", "TT", "strided", "backwards"])
@pytest.mark.usefixtures("divided")
def test_products_have_the_same_bits(dtype: str, layouts: str) -> None:
    rng = np.random.default_rng(3)
    pair = tuple(layouts) if len(layouts) == 2 else (layouts, layouts)
    shapes = [
        *((1, 1, 1), (1, 50, 300), (300, 50, 1), (7, 3, 97), (33, 5, 33), (65, 130, 257)),
        *((300, 17, 33), (64, 0, 64), (0, 4, 40), (40, 4, 0), (130, 700, 700)),
    ]
    for M, K, N in shapes:
        A = as_stored(rng.standard_normal((M, K)).astype(dtype), pair[0])
        B = as_stored(rng.standard_normal((K, N)).astype(dtype), pair[1])
        bias, gate = rng.standard_normal(N).astype(dtype), rng.standard_normal((M, N)).astype(dtype)
        on_each(functools.partial(products, A, B, bias, gate))


def products(A: np.ndarray, B: np.ndarray, bias: np.ndarray, gate: np.ndarray) -> list[np.ndarray]:
    """Bare, with bias and ReLU, and times the slope of tanh."""
    found = []
    for b, activation, y, kind in ((None, 0, None, 0), (bias, 1, None, 0), (None, 0, gate, 3)):
        C = np.full(gate.shape, np.nan, A.dtype)
        assert loaded.get("product", A.dtype.name).launch(A, B, C, b, activation, y, kind)
        found.append(C)
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000, 4099])
@pytest.mark.usefixtures("divided")
def test_kernels_over_entries_have_the_same_bits(dtype: str, size: int) -> None:
    rng = np.random.default_rng(size)
    data = rng.standard_normal(size).astype(dtype)

    def compute() -> list[np.ndarray]:
        x = tg.tensor(data, device="cpu", requires_grad=True)
        y = tg.dropout(tg.tanh(tg.relu(x) * 0.5 + tg.sigmoid(x)), 0.3, seed=4, call=2)
        tg.sum(y * y).backward()
        optimizer = tg.optim.Adam([x], lr=0.1)
        optimizer.step()
        return [y.numpy(), x.numpy()]

    if size:
        on_each(compute)


@pytest.mark.parametrize("shape", [(5, 1), (3, 16), (40, 17), (9, 257)])
@pytest.mark.usefixtures("divided")
def test_sums_over_rows_have_the_same_bits(shape: tuple[int, int]) -> None:
    data = np.random.default_rng(1).standard_normal(shape).astype(np.float32)

    def compute() -> list[np.ndarray]:
        total = np.empty(shape[1], np.float32)
        assert loaded.get("sum_rows", "float32").launch(data, total, 1)
        return [total]

    on_each(compute)


NETWORKS = {
    "c": ((30, 64, 64, 1), 32, 0.0, 300),
    "d": ((784, 256, 128, 10), 64, 0.5, 300),
    "big": ((512, 1024, 700, 10), 128, 0.1, 12),
}


@pytest.mark.parametrize("case", NETWORKS)
@pytest.mark.parametrize("epochs", [False, True], ids=["steps", "epochs"])
@pytest.mark.usefixtures("divided")
def test_training_has_the_same_bits(case: str, epochs: bool) -> None:
    sizes, batch, dropout, steps = NETWORKS[case]
    on_each(lambda: network(sizes, batch, dropout)(steps, epochs))


def test_training_has_the_same_bits_with_the_thresholds_as_they_are() -> None:
    on_each(lambda: network((784, 256, 128, 10), 64, 0.5)(40))


def test_only_large_work_is_shared_in_a_program() -> None:
    def shared(units: int) -> int:
        train = network((units, units, 1), 64, 0.0)
        train(4)
        return int(train.step.program.whole.rows[:, operands.SHARED].sum())  # type: ignore[attr-defined]

    assert shared(32) == 0
    assert shared(512) >= 3, "two products of the first layer, and its weights' update"


def test_the_command_line_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "--device", "cpu", "--epochs", "1", "--threads"]
    assert main([*train, "3"]) == 0
    assert tg.get_threads() == 3
    capsys.readouterr()
    assert main([*train, "999"]) == 2
    assert "1 to 256 threads, not 999" in capsys.readouterr().err
