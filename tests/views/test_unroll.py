"""`unroll`: the printed program runs alone and gives the same bits as the tape."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.ops import registry

rng = np.random.default_rng(5)


def leaf(name: str, *shape: int, dtype: str = "float64") -> tg.Tensor:
    return tg.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True, name=name)


def assert_same_bits(loss: tg.Tensor, leaves: list[tg.Tensor]) -> str:
    """Runs the printed program and the tape, and compares value and gradients bit by bit."""
    program = tg.unroll(loss)
    value, gradients = program.run()
    if not loss._used:
        loss.backward(None if loss.size == 1 else np.ones(loss.shape))
    np.testing.assert_array_equal(np.asarray(value), loss.numpy())
    assert np.asarray(value).dtype == loss.dtype
    for t in leaves:
        assert t.grad is not None and t.name is not None
        np.testing.assert_array_equal(gradients[t.name], t.grad.numpy())
        assert gradients[t.name].dtype == t.dtype and gradients[t.name].shape == t.shape
    return program.source


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_op
@examples(10)
@given(data=st.data())
def test_every_op_unrolls_to_the_same_bits(name: str, dtype: str, data: st.DataObject) -> None:
    operands, params = data.draw(CASES[name].smooth)
    if name == "astype":
        params = {"dtype": "float32" if dtype == "float64" else "float64"}
    tensors = []
    for k, a in enumerate(operands):
        a = a.astype(dtype) if is_float(a) else a
        tensors.append(None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}"))
    y = registry[name](*tensors, **params)
    weights = tg.tensor(np.cos(np.arange(float(y.size))).reshape(y.shape).astype(y.dtype))
    assert_same_bits((y * weights).sum(), [t for t in tensors if t is not None and t.requires_grad])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["bce", "cross_entropy", "mse"])
def test_a_network_unrolls_to_what_one_would_write_by_hand(loss: str, dtype: str) -> None:
    W1, b1 = leaf("W1", 3, 4, dtype=dtype), leaf("b1", 4, dtype=dtype)
    W2, b2 = leaf("W2", 4, 2, dtype=dtype), leaf("b2", 2, dtype=dtype)
    X = tg.tensor(rng.standard_normal((8, 3)).astype(dtype), name="X")
    t = tg.tensor(rng.random((8, 2)).astype(dtype), name="t")
    Z = tg.linear(tg.linear(X, W1, b1, activation="relu"), W2, b2)
    L = {
        "bce": lambda: tg.bce_with_logits(Z, t),
        "cross_entropy": lambda: tg.cross_entropy(Z, np.arange(8) % 2),
        "mse": lambda: tg.mse(Z, t),
    }[loss]()
    source = assert_same_bits(L, [W1, b1, W2, b2])
    for line in ("Z1 = X @ W1 + b1", "A1 = np.maximum(Z1, 0)", "Z2 = A1 @ W2 + b2"):
        assert line in source
    for line in ("dZ1 = np.where(A1 > 0, dA1, 0)", "dW1 = X.T @ dZ1", "dA1 = dZ2 @ W2.T"):
        assert line in source
    assert "D1-F1" in source and "(8, 4)" in source


def test_a_network_with_dropout_draws_the_same_mask() -> None:
    W = leaf("W", 6, 4)
    model = tg.nn.Dropout(0.5)
    model(tg.tensor(np.ones(3)))  # the mask is that of the second call
    source = assert_same_bits((model(tg.tensor(np.ones((5, 6))) @ W) ** 2).mean(), [W])
    assert "philox(" in source


def test_shared_operands_and_broadcasting_have_lines_of_their_own() -> None:
    x, b = leaf("x", 4, 3), leaf("b", 3)
    y = x * b + tg.sin(x) * b
    source = assert_same_bits((y * y).mean(), [x, b])
    assert "sum over broadcast axes (3,)" in source
    assert "the paths add up" in source


def test_a_result_that_is_no_scalar_starts_from_ones_or_a_seed() -> None:
    x = leaf("x", 3)
    assert_same_bits(x * x, [x])
    _, gradients = tg.unroll(x * x, seed=[1.0, 0.0, 2.0]).run()
    np.testing.assert_array_equal(gradients["x"], 2 * x.numpy() * [1.0, 0.0, 2.0])


def test_other_values_can_be_put_in() -> None:
    x = leaf("x", 3)
    program = tg.unroll((x * x).sum())
    value, gradients = program.run(x=np.array([1.0, 2.0, 3.0]))
    assert value == 14.0 and gradients["x"].tolist() == [2.0, 4.0, 6.0]
    with pytest.raises(TypeError, match="no input y"):
        program.run(y=1.0)


@pytest.mark.parametrize("rows", [3, 500])
def test_a_saved_program_runs_alone(rows: int, tmp_path: Any) -> None:
    W, X = leaf("W", 3, 2), tg.tensor(rng.standard_normal((rows, 3)), name="X")
    loss = tg.sigmoid(X @ W).sum()
    program = tg.unroll(loss)
    assert program.is_self_contained == (rows == 3)
    path = program.save(tmp_path / "net.py")
    check = (
        f"import runpy, sys; ran = runpy.run_path({str(path)!r}, run_name='__main__')\n"
        "assert not any(m.split('.')[0] == 'tinygrad_ed' for m in sys.modules)\n"
        "print(ran['gradients']['W'].tobytes().hex())"
    )
    env = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, env=env, check=True
    )
    loss.backward()
    assert W.grad is not None
    assert done.stdout.splitlines()[-1] == W.grad.numpy().tobytes().hex()


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, -np.inf, -0.0, 0.1, 1e-45, 3.4e38, 1 / 3, 5e-324]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_literals_keep_every_bit(value: float, dtype: Any) -> None:
    from tinygrad_ed.views.program import literal

    with np.errstate(over="ignore", under="ignore"):
        array = np.array([[value, 1.0]]).astype(dtype)
    back = eval(literal(array), {"np": np})
    assert back.dtype == array.dtype and back.tobytes() == array.tobytes()


def test_empty_and_0d_inputs_are_written_out() -> None:
    from tinygrad_ed.views.program import literal

    for array in (np.zeros((0, 3), np.float32), np.array(2.5), np.array(7), np.array([True])):
        back = eval(literal(array), {"np": np})
        assert back.shape == array.shape and back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)


def test_names_that_clash_or_are_no_identifiers_are_mended() -> None:
    a = tg.tensor([1.0, 2.0], requires_grad=True, name="layer.0.W")
    b = tg.tensor([3.0, 4.0], requires_grad=True, name="np")
    c = tg.tensor([5.0, 6.0], requires_grad=True, name="lambda")
    value, gradients = tg.unroll((a * b * c).sum()).run()
    assert value == 63.0 and len(gradients) == 3


def test_unroll_reads_the_tape_before_and_after_backward_but_not_after_a_change() -> None:
    x = leaf("x", 3)
    loss = (x * x).sum()
    before = str(tg.unroll(loss))
    loss.backward()
    assert str(tg.unroll(loss)) == before
    with tg.no_grad():
        x -= 1.0
    with pytest.raises(tg.TapeError, match="changed in place"):
        tg.unroll(loss)


def test_what_was_not_recorded_cannot_be_unrolled() -> None:
    with pytest.raises(tg.TapeError, match="recorded"):
        tg.unroll(tg.tensor([1.0]).sum())


def test_an_op_without_source_is_named() -> None:
    scope: dict[str, Any] = {"tg": tg}
    exec(
        "@tg.op\ndef typed_in(x):\n    return x * 2\n"
        "@typed_in.vjp\ndef _(dy, y, x):\n    return dy * 2\n",
        scope,
    )
    x = leaf("x", 2)
    y = scope["typed_in"](x)
    with pytest.raises(OSError, match="typed_in"):
        tg.unroll(y.sum())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_graphs_unroll_to_the_same_bits(data: st.DataObject) -> None:
    """Graphs of random shape over a few ops: every mixture of shared and broadcast operands."""
    inputs = [leaf("a", 2, 3), leaf("b", 3), leaf("c", 1, 3), leaf("d")]
    pool: list[tg.Tensor] = list(inputs)
    unary = [tg.sigmoid, tg.tanh, tg.relu, tg.softplus, tg.square, tg.negative, tg.gelu]
    binary = [tg.add, tg.subtract, tg.multiply, tg.maximum]
    for _ in range(data.draw(st.integers(1, 10))):
        if data.draw(st.booleans()):
            made = data.draw(st.sampled_from(unary))(data.draw(st.sampled_from(pool)))
        else:
            pair = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(pool))
            made = data.draw(st.sampled_from(binary))(*pair)
        pool.append(made)
    loss = pool[-1].mean()
    for t in pool[4:-1]:
        loss = loss + t.mean()
    source = tg.unroll(loss).source
    assert_same_bits(loss, [t for t in inputs if f'"{t.name}":' in source])
