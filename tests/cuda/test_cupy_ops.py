"""Device "cuda": every op on CuPy's arrays, of any layout, with the bits of device "cuda-sim".

What is computed is tested on cuda-sim; here nothing may leak to NumPy or be misread on the way.
"""

from typing import Any

import numpy as np
import pytest
from cuda.on_sim import Array, drawn, layouts, needs_compiler, seeds
from cuda.stand_in import IS_REAL, cuda_device
from devices import there
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.draw import Call
from ops.helpers import each_op, examples, is_float, plain

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend

pytestmark = [needs_compiler, pytest.mark.usefixtures("cuda_device")]
__all__ = ["cuda_device"]

EXACT = 0.0 if not IS_REAL else 1e-12
"""How far a real GPU's exp and log may be from the C library's, in float64."""


def same(found: Array, expected: Array) -> None:
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=EXACT, atol=EXACT)


def results(name: str, drawn: Call, device: str) -> list[Array]:
    """An op's value and gradients on a device, its operands as they lie."""
    backend, (operands, params) = get_backend(device), drawn
    inputs = [
        tg.Tensor(there(a, backend), backend, is_float(a)) if isinstance(a, np.ndarray) else a
        for a in plain(operands)
    ]
    y = tg.registry[name](*inputs, **params)
    leaves = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    seed = np.linspace(0.5, 1.5, y.size).reshape(y.shape).astype(y.dtype)
    return [y.numpy(), *(g.numpy() for g in (tg.grad(y, leaves, seed) if leaves else []))]


@each_op
@examples(3)
@given(data=st.data())
def test_every_op_and_its_gradients(name: str, data: Any) -> None:
    call = data.draw(CASES[name].smooth)
    for found, expected in zip(
        results(name, call, "cuda"), results(name, call, "cuda-sim"), strict=True
    ):
        same(found, expected)


@pytest.mark.parametrize("name", ["linear", "sum", "softmax", "sigmoid", "multiply", "dropout"])
@examples(8)
@given(
    layout=layouts,
    axes=st.permutations([0, 1]),
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    seed=seeds,
)
def test_a_view_is_never_misread(
    name: str, layout: str, axes: list[int], rows: int, columns: int, seed: int
) -> None:
    X = drawn((rows, columns), "float64", seed, layout).transpose(axes)
    W = drawn((X.shape[1], 3), "float64", seed, layout)
    operands: dict[str, tuple[Any, ...]] = {
        "linear": (X, W, drawn((3,), "float64", seed)),
        "multiply": (X, drawn(X.shape, "float64", seed, layout)),
    }
    params = {"dropout": {"p": 0.5, "seed": 3, "call": 1}}.get(name, {})
    call: Any = (operands.get(name, (X,)), params)
    for found, expected in zip(
        results(name, call, "cuda"), results(name, call, "numpy"), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


VIEWS: dict[str, Any] = {
    "transposed": lambda t: t.T,
    "sliced": lambda t: t[1:, ::2],
    "backwards": lambda t: t[::-1, ::-1],
    "broadcast": lambda t: np.broadcast_to(t[:1], (3, 4)),
    "one entry": lambda t: t[1, 2],
    "reshaped": lambda t: t.T.reshape(2, 6),
    "picked": lambda t: t[[2, 0]],
}


@pytest.mark.parametrize("how", VIEWS)
def test_views_of_a_tensor_are_used_and_differentiated(how: str) -> None:
    def values(device: str) -> list[Array]:
        whole = tg.tensor(np.arange(12.0).reshape(3, 4), device=device, requires_grad=True)
        view = VIEWS[how](whole)
        loss = (view * view + tg.exp(view * 0.1)).sum()
        loss.backward()
        gradient: Any = whole.grad
        return [view.numpy(), loss.numpy(), gradient.numpy()]

    for found, expected in zip(values("cuda"), values("numpy"), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_tensors_are_made_of_whatever_a_user_has_and_come_back() -> None:
    base = np.arange(6, dtype=">f4").reshape(2, 3).T
    for data, dtype in (
        ([[1, 2], [3, 4]], "float32"),
        (3, "float32"),
        (base, "float32"),
        (np.float64(2.5), "float64"),
        (np.arange(3), "int64"),
        (np.array([True, False]), "bool"),
        (np.zeros((0, 3)), "float64"),
    ):
        made = tg.tensor(data, device="cuda")
        assert made.dtype == dtype and made.device == "cuda"
        assert type(made.numpy()) is np.ndarray
        np.testing.assert_array_equal(made.numpy(), np.asarray(data))
        copied = tg.tensor(made, device="cuda", dtype="float32")
        assert copied.dtype == "float32" and copied.to("numpy").device == "numpy"
    assert tg.tensor([2.5], device="cuda").item() == 2.5
    assert float(tg.tensor(2.5, device="cuda")) == 2.5
    assert "2.5" in repr(tg.tensor([2.5], device="cuda"))


def test_a_tensor_does_not_turn_into_an_array_by_itself() -> None:
    t = tg.tensor([1.0, 2.0], device="cuda")
    with pytest.raises(tg.DeviceError, match=r"\.numpy\(\)"):
        np.asarray(t)
    with pytest.raises(tg.DeviceError, match="two devices"):
        t + tg.tensor([1.0, 2.0])
    with pytest.raises(TypeError):
        np.asarray(t.data)
    t.data = [3.0, 4.0]
    assert t.numpy().tolist() == [3.0, 4.0]


def test_number_types_are_those_of_every_device() -> None:
    single = tg.tensor(np.ones((2, 2), "float32"), device="cuda")
    double = tg.tensor(np.ones((2, 2)), device="cuda")
    assert (single * 2.0).dtype == "float32" and (single + double).dtype == "float64"
    assert (single + np.float64(1)).dtype == (tg.ones((2, 2)) + np.float64(1)).dtype
    with pytest.raises(tg.DTypeError, match="float32 and float64"):
        single @ double
    with pytest.raises(tg.DTypeError, match="complex"):
        tg.tensor(np.ones(2, complex), device="cuda", dtype="float32")


def test_refused_numbers_are_refused_here_too() -> None:
    scores = tg.tensor(np.zeros((2, 3), "float32"), device="cuda")
    with pytest.raises(ValueError, match="label"):
        tg.cross_entropy(scores, tg.tensor(np.array([0, 3]), device="cuda"))
    with pytest.raises(ValueError, match="target"):
        tg.bce_with_logits(scores, tg.tensor(np.full((2, 3), 2, "float32"), device="cuda"))
    assert tg.cross_entropy(scores, tg.tensor(np.array([0, 2]), device="cuda")).item() > 0
