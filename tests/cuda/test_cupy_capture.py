"""`tg.capture` on CUDA: one graph of own kernels, counters and settings in memory.

Everything runs on cuda-sim, whose launches are made again one by one, and on cuda, whose graph is
CuPy's or the stand-in's.
"""

from typing import Any

import pytest
from captured.twins import assert_same_bits, assert_trains_alike, twins
from cuda.on_sim import needs_compiler
from cuda.stand_in import GRAPHS, IS_REAL, LAUNCHED, cuda_device
from cuda.trainees import batches, network

from tinygrad_ed import optim

pytestmark = [needs_compiler, pytest.mark.usefixtures("cuda_device")]
__all__ = ["cuda_device"]
each = pytest.mark.parametrize("device", ["cuda-sim", "cuda"])


@each
@pytest.mark.parametrize("kind", ["Adam", "SGD", "AdamW", "labels", "tanh", "float64"])
def test_a_captured_step_has_the_bits_of_the_step(device: str, kind: str) -> None:
    ways: dict[str, Any] = {
        "SGD": {"optimizer": optim.SGD, "momentum": 0.9},
        "AdamW": {"optimizer": optim.AdamW},
        "labels": {"out": 10},
        "tanh": {"activation": "tanh", "dropout": 0.0},
        "float64": {"dtype": "float64"},
    }
    how = ways.get(kind, {})
    given = batches(5, device, labels=kind == "labels")
    if kind == "float64":
        given = [(X.astype("float64"), y.astype("float64")) for X, y in given]
    eager, captured = twins(lambda: network(device, **how), device=device)
    assert_trains_alike(eager, captured, given)
    assert captured.call.program.formulas == 0


def test_a_step_is_one_graph_and_nothing_else_is_launched() -> None:
    captured = twins(lambda: network("cuda"), device="cuda")[1]
    GRAPHS.clear()
    given = batches(5, "cuda")
    for batch in given[:3]:
        captured.call(*batch).item()
    program = captured.call.program
    if IS_REAL:
        return
    assert [program.launches] == GRAPHS
    LAUNCHED.clear()
    captured.call(*given[3])
    assert LAUNCHED == []  # nobody has waited yet
    captured.call(*given[4]).item()
    assert len(LAUNCHED) == 2 * program.launches
    assert [program.launches] == GRAPHS


@each
def test_steps_may_be_taken_as_they_are_written_in_between(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device)
    for k, batch in enumerate(batches(9, device)):
        step = captured.step if k in (4, 5, 7) else captured.call
        assert_same_bits(eager.call(*batch), step(*batch))
    assert_same_bits(eager.numbers, captured.numbers)
    calls = [t.model[1].call for t in (eager, captured)]
    assert calls == [9, 9]


@each
def test_hyper_parameters_are_looked_up_and_counters_may_be_set(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device)
    for k, batch in enumerate(batches(6, device)):
        for trainee in (eager, captured):
            group = trainee.optimizers[0].param_groups[0]
            group["lr"] = 1e-2 / (1 + k // 2)
            if k == 4:
                trainee.model[1].call = 100
        assert_same_bits(eager.call(*batch), captured.call(*batch))
    assert_same_bits(eager.numbers, captured.numbers)
    assert captured.model[1].call == 102


@each
def test_a_state_is_saved_and_brought_back(device: str) -> None:
    one, other = (twins(lambda: network(device), device=device)[1] for _ in range(2))
    given = batches(7, device)
    for batch in given[:4]:
        one.call(*batch)
    for batch in given[:2]:
        other.call(*batch)
    other.model.load_state_dict(one.model.state_dict())
    other.optimizers[0].load_state_dict(one.optimizers[0].state_dict())
    other.model[1].call = one.model[1].call
    for batch in given[4:]:
        assert_same_bits(one.call(*batch), other.call(*batch))
    assert_same_bits(one.numbers, other.numbers)


@each
def test_gradients_are_kept_if_they_are_asked_for(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device, keep_grads=True)
    for batch in batches(4, device):
        assert_same_bits(eager.call(*batch), captured.call(*batch))
        for a, b in zip(eager.model.parameters(), captured.model.parameters(), strict=True):
            assert_same_bits(a.grad, b.grad)


@each
def test_arrays_of_the_host_and_batches_of_other_sizes_are_taken(device: str) -> None:
    eager, captured = twins(lambda: network(device), device=device)
    for rows in (5, 5, 5, 3, 3, 3, 5):
        ((X, y),) = batches(1, device, rows=rows)
        expected = eager.call(X, y)
        assert_same_bits(expected, captured.call(X.numpy(), y.numpy()))
    assert_same_bits(eager.numbers, captured.numbers)


@each
def test_a_program_is_printed_with_its_arrays_by_name(device: str) -> None:
    captured = twins(lambda: network(device), device=device)[1]
    for batch in batches(2, device):
        captured.call(*batch)
    text = str(captured.call.program)
    for words in ("A1 = product", "bce_with_logits(", "slope_of_dropped(", "adam_update(", "+= 1"):
        assert words in text
    assert "formula" not in text and text.endswith("return L")
