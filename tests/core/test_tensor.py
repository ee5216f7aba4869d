"""What a tensor is to its user: numbers in, numbers out, NumPy's functions, how it shows itself."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1.0, 2.0], "float32"),
        ([1, 2], "float32"),
        (3, "float32"),
        ([True, False], "bool"),
        (np.array([1.0]), "float64"),
        (np.array([1.0], np.float16), "float16"),
        (np.array([1]), "int64"),
        (np.array([1.0], ">f8"), "float64"),
        (np.float64(2.0), "float64"),
        (np.zeros((0, 3)), "float64"),
    ],
)
def test_lists_are_float32_and_arrays_keep_their_type(data: Any, dtype: str) -> None:
    t = tg.tensor(data)
    assert t.dtype == np.dtype(dtype) and t.dtype.isnative
    assert t.shape == np.shape(data)


def test_read_only_strided_and_big_endian_arrays_are_taken() -> None:
    a = np.arange(6.0).reshape(2, 3).astype(">f8")[:, ::-1]
    a.flags.writeable = False
    t = tg.tensor(a, requires_grad=True)
    (t * t).sum().backward()
    assert t.grad is not None
    np.testing.assert_array_equal(t.grad.numpy(), 2 * a)


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.exp(x),
        lambda m, x: m.tanh(x) + m.square(x) - m.negative(x),
        lambda m, x: m.sqrt(m.abs(x)) * m.sin(x) / m.cos(x),
        lambda m, x: m.sum(x, axis=0),
        lambda m, x: m.sum(x, 1, keepdims=True) if m is np else x.sum(1, keepdims=True),
        lambda m, x: m.mean(x, axis=(0, 1)),
        lambda m, x: m.max(x, axis=1),
        lambda m, x: m.maximum(x, 0.5) + m.minimum(1.0, x),
        lambda m, x: m.where(x > 0, x, -x),
        lambda m, x: m.log1p(m.expm1(x)),
        lambda m, x: m.concatenate([x, x], axis=1),
        lambda m, x: m.stack([x, x], axis=1),
        lambda m, x: m.flip(x, axis=0),
        lambda m, x: m.prod(x, axis=1),
        lambda m, x: m.var(x, axis=0) + m.std(x, axis=0),
    ],
)
def test_numpy_functions_record_and_agree_with_ours(call: Any) -> None:
    x = np.random.default_rng(0).uniform(0.2, 1.2, (3, 4))
    t = tg.tensor(x, requires_grad=True)
    through_numpy = call(np, t)
    assert isinstance(through_numpy, tg.Tensor) and through_numpy.requires_grad
    np.testing.assert_array_equal(through_numpy.numpy(), call(np, x))


def test_operators_follow_numpy_on_both_sides() -> None:
    x = np.array([[1.5, -2.0], [0.5, 3.0]])
    t = tg.tensor(x)
    pairs = [
        (t + 1, x + 1), (1 + t, 1 + x), (t - 2, x - 2), (2 - t, 2 - x), (t * 3, x * 3),
        (3 * t, 3 * x), (t / 4, x / 4), (4 / t, 4 / x), (-t, -x), (t**2, x**2), (abs(t), abs(x)),
        (2.0**t, 2.0**x), (t @ x, x @ x), (x @ t, x @ x), (x * t, x * x), (t @ x[0], x @ x[0]),
        (t[0] @ x, x[0] @ x), (t[0] @ t[1], x[0] @ x[1]), (t > 0, x > 0), (t == x, x == x),
        (t != 1.5, x != 1.5), (~(t > 0), ~(x > 0)), ((t > 0) & (t < 1), (x > 0) & (x < 1)),
        (t.T, x.T), (t[1:, 0], x[1:, 0]), (t[t > 0], x[x > 0]), (t.reshape(-1), x.reshape(-1)),
    ]  # fmt: skip
    for ours, numpys in pairs:
        assert isinstance(ours, tg.Tensor)
        np.testing.assert_array_equal(ours.numpy(), numpys)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((4, 2, 3), (3, 5)), ((3,), (4, 3, 2)),
     ((4, 2, 3), (3,)), ((1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3))],
)  # fmt: skip
def test_matmul_follows_numpys_rules_with_gradients(a: Any, b: Any) -> None:
    rng = np.random.default_rng(1)
    A, B = rng.standard_normal(a), rng.standard_normal(b)
    t, u = tg.tensor(A, requires_grad=True), tg.tensor(B, requires_grad=True)
    y = t @ u
    np.testing.assert_allclose(y.numpy(), A @ B, rtol=1e-14, atol=1e-15)
    seed = rng.standard_normal((A @ B).shape)
    dA, dB = tg.grad(y, [t, u], seed=seed)
    step = 1e-6
    for array, gradient, product in ((A, dA, lambda z: z @ B), (B, dB, lambda z: A @ z)):
        direction = rng.standard_normal(array.shape)
        slope = product(array + step * direction) - product(array - step * direction)
        numeric = np.sum(seed * slope) / (2 * step)
        assert np.isclose(np.sum(gradient.numpy() * direction), numeric, rtol=1e-7, atol=1e-8)


def test_a_gradient_reads_not_computed_until_it_is() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True, name="W1")
    for shown in (repr(w), w._repr_html_()):
        for part in ("W1", "(2,)", "float32", "numpy", "not computed"):
            assert part in shown
    (w * w).sum().backward()
    assert "not computed" not in repr(w) and "[2., 4.]" in repr(w)
    assert "op=multiply" in repr(w * w) and "grad" not in repr(tg.tensor([1.0]))


def test_html_escapes_names() -> None:
    t = tg.tensor([1.0], name="<script>")
    assert "<script>" not in t._repr_html_()


def test_numbers_and_truth_come_out_of_tensors_of_one_entry() -> None:
    t = tg.tensor([[2.5]])
    assert float(t) == 2.5 and int(t) == 2 and t.item() == 2.5 and bool(t > 1)
    assert [10, 20, 30][tg.tensor(np.array(1))] == 20
    with pytest.raises(tg.ShapeError, match=r"exactly one entry.*\(2,\)"):
        tg.tensor([1.0, 2.0]).item()
    with pytest.raises(TypeError, match="integers"):
        [1, 2][tg.tensor(1.0)]  # type: ignore[index]


def test_data_assignment_copies_into_place_and_keeps_identity() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    storage, new = w._array, np.array([3.0, 4.0])
    w.data = new
    new[0] = 99.0
    assert w._array is storage and w.numpy().tolist() == [3.0, 4.0] and w.dtype == np.float32
    with pytest.raises(tg.ShapeError, match=r"\(3,\)"):
        w.data = np.ones(3)


def test_a_gradient_must_fit_its_tensor() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(tg.ShapeError, match=r"\(3,\)"):
        w.grad = tg.tensor(np.ones(3))


def test_ops_on_plain_arrays_are_plain_functions() -> None:
    x = np.array([-1.0, 0.0, 2.0])
    for made in (tg.sigmoid(x), tg.softmax(x), tg.relu(x), tg.linear(x[None], np.ones((3, 2)))):
        assert type(made) is np.ndarray
    assert np.isclose(tg.mse(x, np.zeros(3)), 5 / 3)


@pytest.mark.parametrize("maker", [tg.zeros, tg.ones])
def test_constant_tensors(maker: Any) -> None:
    t = maker((2, 3), name="c", requires_grad=True)
    assert t.shape == (2, 3) and t.dtype == np.float32 and t.name == "c" and t.requires_grad


def test_moving_to_another_device_copies() -> None:
    pytest.importorskip("numba")
    t = tg.tensor([1.0], name="x", requires_grad=True)
    moved = t.to("cpu")
    assert moved.device == "cpu" and moved.name == "x" and moved.requires_grad and moved.is_leaf
    assert t.to("numpy") is t
