"""`tg.cost`: what is counted is what the op's own source does; nothing is changed by counting.

Times are only asked to be positive and finite.
"""

import io
import json
import math
import re
from typing import Any

import numpy as np
import pytest
from core.test_fresh_op import bent, gram
from devices import DEVICES, each_device
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, tensors

import tinygrad_ed as tg
from tinygrad_ed import machine
from tinygrad_ed.machine import Level, Machine
from tinygrad_ed.views import Cost

KNOWN = Machine(
    "a test",
    1,
    {"float32": 1e9, "float64": 0.5e9},
    (Level("L1", 1000, 4e9), Level("memory", None, 1e9)),
    "2025-01-31",
)


@pytest.fixture(autouse=True)
def calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "stored", lambda threads=1: KNOWN)


def values(*shape: int, name: str = "", device: str = "numpy", grad: bool = True) -> tg.Tensor:
    entries = np.random.default_rng(len(name)).standard_normal(shape).astype("float32")
    made: tg.Tensor = tg.tensor(entries, requires_grad=grad, name=name or None, device=device)
    return made


def network(device: str = "numpy") -> tg.Tensor:
    """Two layers, (4, 3) -> (4, 5) -> (4, 2); the first input is data."""
    X = values(4, 3, name="X", device=device, grad=False)
    W1, b1 = values(3, 5, name="W1", device=device), values(5, name="b1", device=device)
    W2 = values(5, 2, name="W2", device=device)
    A = tg.linear(X, W1, b1, activation="relu")
    return tg.mse(tg.linear(A, W2), values(4, 2, device=device, grad=False))


def row(cost: Cost, direction: str, name: str) -> Any:
    (found,) = [r for r in cost.rows if (r.direction, r.name) == (direction, name)]
    return found


@each_device
def test_a_layer_costs_its_product_bias_and_activation(device: str) -> None:
    cost = tg.cost(network(device), measure=False)
    A1 = row(cost, "forward", "A1")
    assert (A1.op, A1.shape) == ("linear", (4, 5))
    assert A1.flops == 2 * 4 * 3 * 5 + 4 * 5 + 4 * 5
    assert A1.bytes == 4 * (4 * 3 + 3 * 5 + 5 + 4 * 5)
    back = row(cost, "backward", "A1")
    assert back.flops == 2 * 4 * 5 + 2 * 3 * 4 * 5 + 4 * 5  # dZ = dA * (A > 0), dW, db; no dX
    assert back.bytes == 4 * (2 * 4 * 5 + 4 * 3 + 3 * 5 + 5)  # dA, A, X; dW, db; W is not read
    Z2 = row(cost, "backward", "Z2")
    assert Z2.flops == 2 * (2 * 4 * 5 * 2)  # dX and dW; there is no bias


def test_rows_follow_the_tape_forward_and_back_with_the_names_of_unroll() -> None:
    loss = network()
    cost = tg.cost(loss, measure=False)
    names = [(r.direction, r.name) for r in cost.rows]
    nodes = ["A1", "Z2", "L"]
    assert names == [("forward", n) for n in nodes] + [("backward", n) for n in nodes[::-1]]
    program = str(tg.unroll(loss))
    assert all(re.search(rf"^\s*{name} = ", program, re.MULTILINE) for name in nodes)


def test_the_sum_over_a_broadcast_axis_belongs_to_the_node() -> None:
    a, b = values(4, 3, name="a"), values(3, name="b")
    back = row(tg.cost((a + b).sum(), measure=False), "backward", "add1")
    assert back.flops == 4 * 3
    assert back.bytes == 4 * (1 + 3)  # the upstream gradient is one number, repeated


def test_where_two_paths_meet_the_addition_is_a_row() -> None:
    a = values(4, 3, name="a")
    cost = tg.cost((tg.exp(a) * a).sum(), measure=False)
    meeting = row(cost, "backward", "a")
    assert (meeting.op, meeting.flops, meeting.bytes) == ("add", 12, 4 * 36)


@each_op
@each_device
@given(data=st.data())
@examples(2)
def test_every_op_has_a_cost(name: str, device: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    y = tg.registry[name](*tensors(operands, device), **params)
    cost = tg.cost(y, measure=False, seed=np.ones(y.shape, y.dtype))
    assert {r.direction for r in cost.rows} == {"forward", "backward"}
    for r in cost.rows:
        assert r.flops >= 0 and r.bytes >= 0 and r.launches >= 0
        assert r.predicted is not None and math.isfinite(r.predicted) and r.predicted >= 0


@each_device
def test_ops_that_the_library_never_saw(device: str) -> None:
    z, k = values(4, 3, name="z", device=device), values(4, 3, name="k", device=device)
    cost = tg.cost(gram(bent(z, k)).sum())
    assert row(cost, "forward", "bent1").flops == 6 * 12  # -s, s z, exp, 1 +, 1 /, two products - 1
    assert row(cost, "forward", "gram1").flops == 2 * 4 * 4 * 3
    assert row(cost, "backward", "gram1").flops == 2 * 4 * 4 * 3 + 16


@pytest.mark.parametrize("device", DEVICES)
def test_measured_times_are_positive_and_finite(device: str) -> None:
    cost = tg.cost(network(device))
    assert all(r.measured is not None and 0 < r.measured < math.inf for r in cost.rows)
    assert cost.total.measured == pytest.approx(sum(r.measured or 0 for r in cost.rows))


def test_kernels_are_named_where_they_serve() -> None:
    cost = tg.cost(network("cpu"), measure=False)
    assert row(cost, "forward", "A1").kernels == ("product",)
    assert row(cost, "backward", "A1").kernels == ("slope", "product", "sum_rows")
    assert row(cost, "backward", "A1").launches == 3
    by_formula = row(tg.cost(network("numpy"), measure=False), "forward", "A1")
    assert (by_formula.kernels, by_formula.launches) == ((), 3)  # @, +, maximum


def test_the_prediction_is_the_larger_of_arithmetic_and_traffic() -> None:
    assert KNOWN.seconds(1_000, 400, "float32") == 1_000 / 1e9
    assert KNOWN.seconds(1_000, 400, "float64") == 1_000 / 0.5e9
    assert KNOWN.seconds(10, 1_000, "float32") == 1_000 / 4e9
    assert KNOWN.seconds(10, 1_001, "float32") == 1_001 / 1e9
    assert KNOWN.seconds(1_000, 400, "float16") == 1_000 / 1e9
    A1 = row(tg.cost(network(), measure=False), "forward", "A1")
    assert A1.predicted == max(A1.flops / 1e9, A1.bytes / 4e9)


def test_without_a_calibration_the_text_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "stored", lambda threads=1: None)
    cost = tg.cost(network(), measure=False)
    assert all(r.predicted is None and r.measured is None for r in cost.rows)
    assert cost.total.predicted is None and cost.total.measured is None
    assert "tinygrad-ed bench --calibrate" in str(cost)
    assert json.loads(cost.json())["machine"] is None


@each_device
def test_nothing_changes(device: str) -> None:
    loss = network(device)
    once, again = tg.unroll(loss), network(device)
    tg.cost(loss)
    assert str(tg.unroll(loss)) == str(once)
    loss.backward()
    again.backward()
    for a, b in zip(_leaves(loss), _leaves(again), strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
        kept = a.grad.numpy().copy()
        tg.cost(loss)  # the tape can be read after backward, too
        np.testing.assert_array_equal(a.grad.numpy(), kept)


def _leaves(loss: tg.Tensor) -> list[Any]:
    found: dict[int, Any] = {}
    todo: list[Any] = [loss]
    while todo:
        node = todo.pop()
        if node.op is None:
            if node.requires_grad:
                found[id(node)] = node
            continue
        todo += [s for s in node._sources if isinstance(s, tg.Tensor)]
    return list(found.values())


def test_gradients_stay_not_computed() -> None:
    loss = network()
    tg.cost(loss)
    assert all(leaf.grad is None for leaf in _leaves(loss))


def test_totals_add_up_and_json_says_the_same() -> None:
    cost = tg.cost(network(), measure=False)
    forward = [r for r in cost.rows if r.direction == "forward"]
    assert cost.forward.flops == sum(r.flops for r in forward)
    assert cost.forward.bytes + cost.backward.bytes == cost.total.bytes
    report = json.loads(cost.json())
    assert [r["flops"] for r in report["rows"]] == [r.flops for r in cost.rows]
    assert report["total"]["flops"] == cost.total.flops
    assert report["device"] == "numpy"
    assert report["machine"]["levels"][-1] == {"name": "memory", "size": None, "bandwidth": 1e9}


def test_the_table_shows_every_node_and_the_totals() -> None:
    cost = tg.cost(network())
    lines = str(cost).splitlines()
    assert sum(line.startswith(("forward ", "backward ")) for line in lines) == 6 + 2
    assert any(line.startswith("total ") for line in lines)
    assert max(len(line) for line in lines[:-1]) <= 110


def test_rich_draws_the_same_cells() -> None:
    from rich.console import Console

    cost = tg.cost(network(), measure=False)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(cost)
    drawn = console.export_text()
    assert all(cell in drawn for line in cost.cells() for cell in line)


def test_what_was_not_recorded_is_refused() -> None:
    with pytest.raises(tg.TapeError, match="requires a gradient"):
        tg.cost(tg.tensor([1.0]))
    with pytest.raises(tg.ShapeError, match="seed"):
        tg.cost(values(3, name="a") * 2)


def test_a_changed_operand_is_named() -> None:
    W = values(3, name="W")
    loss = (W * W).sum()
    W.data = np.zeros(3, "float32")
    with pytest.raises(tg.TapeError, match="W"):
        tg.cost(loss)
