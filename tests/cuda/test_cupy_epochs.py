"""`step.run` on CUDA: batches gathered and losses collected on the device, one wait at the end."""

from collections.abc import Sequence

import numpy as np
import pytest
from captured.twins import Trainee, assert_same_bits, twins
from cuda.on_sim import Array, needs_compiler
from cuda.stand_in import GRAPHS, IS_REAL, LAUNCHED, cuda_device
from cuda.trainees import network

import tinygrad_ed as tg

pytestmark = [needs_compiler, pytest.mark.usefixtures("cuda_device")]
__all__ = ["cuda_device"]
each = pytest.mark.parametrize("device", ["cuda-sim", "cuda"])
with_cpu = pytest.mark.parametrize("device", ["cpu", "cuda-sim", "cuda"])


def data(rows: int, labels: bool = False) -> tuple[Array, Array]:
    X = np.random.default_rng(5).standard_normal((rows, 6)).astype("float32")
    y: Array = (X[:, :1] > 0).astype("float32")
    return X, np.abs(X[:, 0] * 5).astype(np.int64) % 10 if labels else y


def one_by_one(trainee: Trainee, X: Array, y: Array, order: Sequence[int], size: int) -> Array:
    device, losses = trainee.model[0].W.device, []
    for k in range(0, len(order), size):
        rows = order[k : k + size]
        losses.append(
            trainee.step(tg.tensor(X[rows], device=device), tg.tensor(y[rows], device=device))
        )
    return np.array([loss.item() for loss in losses])


@with_cpu
@pytest.mark.parametrize("on_device", [False, True])
def test_an_epoch_is_its_steps(device: str, on_device: bool) -> None:
    X, y = data(23)
    eager, captured = twins(lambda: network(device), device=device)
    given = [tg.tensor(a, device=device) for a in (X, y)] if on_device else [X, y]
    for k in range(3):
        order = np.random.default_rng(k).permutation(23)[: 23 - 4 * (k == 2)]
        expected = one_by_one(eager, X, y, order, 4)  # type: ignore[arg-type]
        assert_same_bits(expected, captured.call.run(*given, order, batch_size=4))
    assert_same_bits(eager.numbers, captured.numbers)
    assert eager.model[1].call == captured.model[1].call


def test_an_epoch_is_a_graph_for_each_step_and_one_wait() -> None:
    X, y = data(40)
    captured = twins(lambda: network("cuda"), device="cuda")[1]
    given = [tg.tensor(a, device="cuda") for a in (X, y)]
    captured.call.run(*given, batch_size=4)
    if IS_REAL:
        return
    GRAPHS.clear()
    LAUNCHED.clear()
    captured.call.run(*given, batch_size=4)
    launches = captured.call.program.launches + 4  # two gathers, the loss, the place
    assert GRAPHS == [] and len(LAUNCHED) == 10 * launches


@with_cpu
def test_an_epoch_stops_at_the_batch_that_is_refused(device: str) -> None:
    X, y = data(40, labels=True)
    eager, captured = twins(lambda: network(device, out=10), device=device)
    order = np.arange(40)
    one_by_one(eager, X, y, order, 4)  # type: ignore[arg-type]
    captured.call.run(X, y, order, batch_size=4)
    one_by_one(eager, X, y, order[:24], 4)  # type: ignore[arg-type]
    y[26] = 11
    with pytest.raises(ValueError, match=r"label.*11"):
        captured.call.run(X, y, order, batch_size=4)
    y[26] = 1
    assert_same_bits(eager.numbers, captured.numbers)
    assert captured.model[1].call == eager.model[1].call + 1
    captured.model[1].call -= 1
    expected = one_by_one(eager, X, y, order, 4)  # type: ignore[arg-type]
    assert_same_bits(expected, captured.call.run(X, y, order, batch_size=4))
    assert_same_bits(eager.numbers, captured.numbers)
