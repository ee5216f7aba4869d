"""Device "cpu" as a whole: what its kernels keep of the formulas, and what they leave to them."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend
from tinygrad_ed.backends.table.backend import KernelBackend
from tinygrad_ed.backends.table.environment import Environment

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
def test_linear_keeps_nan_and_saturates_without_warnings(activation: str | None) -> None:
    X = tg.tensor([[np.nan], [200.0], [-200.0], [0.0]], device="cpu")
    W, b = tg.tensor([[1.0]], device="cpu"), tg.tensor([0.0], device="cpu")
    y = tg.linear(X, W, b, activation=activation).numpy()[:, 0]
    expected = {
        None: [200, -200, 0],
        "relu": [200, 0, 0],
        "sigmoid": [1, 0, 0.5],
        "tanh": [1, -1, 0],
    }[activation]
    assert np.isnan(y[0])
    np.testing.assert_allclose(y[1:], expected, atol=1e-30)


class Counting(Environment):
    """Notes down which kernels run, with the shapes of their results."""

    def __init__(self) -> None:
        cpu: Any = get_backend("cpu")
        super().__init__(cpu.environment.library)
        self.ran: list[tuple[str, tuple[int, ...]]] = []

    def launcher(self, kernel: Any) -> Any:
        def launch(*args: Any) -> bool:
            roles = kernel.signature.roles
            shapes = [a.shape for a, r in zip(args, roles, strict=True) if "out" in r]
            self.ran.append((kernel.name, shapes[0]))
            return bool(kernel.launch(*args))

        return launch


@pytest.mark.parametrize("wanted", ["W", "X", "b", "W and b"])
def test_gradients_that_nobody_needs_are_not_computed(wanted: str) -> None:
    environment = Counting()
    backend = KernelBackend("cpu", environment)
    arrays = {"X": np.ones((4, 3)), "W": np.ones((3, 2)), "b": np.ones(2)}
    X, W, b = (tg.Tensor(a, backend, name in wanted) for name, a in arrays.items())
    Z = tg.linear(X, W, b)
    assert environment.ran == [("product", (4, 2))]
    environment.ran.clear()
    Z.backward(np.ones((4, 2)))
    found = {name for name, _ in environment.ran}
    kernels = {"X": ("product", (4, 3)), "W": ("product", (3, 2)), "b": ("sum_rows", (2,))}
    assert sorted(environment.ran) == sorted(kernels[name] for name in kernels if name in wanted)
    assert found <= {"product", "sum_rows"}


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_second_derivatives_go_through_the_formula(activation: str) -> None:
    def derivatives(device: str) -> tuple[float, float]:
        x = tg.tensor(np.array([[0.3]]), requires_grad=True, device=device)
        W = tg.tensor(np.array([[2.0]]), device=device)
        slope = tg.grad(tg.linear(x, W, activation=activation).sum(), x, create_graph=True)
        return slope.item(), tg.grad(slope.sum(), x).item()  # type: ignore[return-value]

    first, second = derivatives("cpu")
    if activation == "tanh":
        t = np.tanh(0.6)
        assert np.isclose(first, 2 * (1 - t * t), rtol=1e-14)
        assert np.isclose(second, -2 * t * (1 - t * t) * 4, rtol=1e-13)
    np.testing.assert_allclose(derivatives("numpy"), (first, second), rtol=1e-13)


def test_number_types_without_a_kernel_run_the_formula() -> None:
    kernel = get_backend("cpu").kernels[tg.linear]
    assert kernel is not None
    for dtype in (np.float16, np.longdouble):
        X, W = (tg.tensor(np.ones(s, dtype), device="cpu") for s in ((2, 3), (3, 2)))
        assert kernel.forward([X._array, W._array, None], {"activation": None}) is None
        Z = tg.linear(X, W)
        assert Z.dtype == dtype
        np.testing.assert_array_equal(Z.numpy(), np.full((2, 2), 3, dtype))


@tg.op(elementwise=True)
def product_and_sum(a, b, c):  # type: ignore[no-untyped-def]
    """a b + c."""
    return a * b + c


@product_and_sum.vjp
def _(dy, y, a, b, c):  # type: ignore[no-untyped-def]
    return dy * b, dy * a, dy


SHAPES: list[list[tuple[int, ...]]] = [
    [(2, 4, 3), (4, 3), (2, 4, 1)],  # a row of 12 entries, and columns for rows of 3
    [(2, 4, 3), (4, 3), (3,)],  # rows of two lengths
    [(2, 4, 3), (2, 1, 1), (2, 4, 1)],  # columns of two kinds
    [(2, 4, 1), (4, 3), ()],
    [(4, 3), (1, 1, 4, 1), ()],  # more axes, but none longer
    [(4, 3), (1, 4, 1), (3,)],
    [(2, 1, 1), (1, 4, 3), (3,)],
    [(2, 1, 3), (4, 1), (1, 1, 1)],
    [(4, 3), (1, 4, 3), (1, 1, 1, 3)],
    [(0, 3), (2, 1, 1), (3,)],
]


@pytest.mark.parametrize("shapes", SHAPES)
def test_operands_broadcast_as_in_numpy_however_many_axes_they_have(
    shapes: list[tuple[int, ...]],
) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    found = []
    for device in ("cpu", "numpy"):
        operands = [tg.tensor(a, device=device, requires_grad=True) for a in arrays]
        y = product_and_sum(*operands)
        (y * operands[0] / (operands[1] ** 2 + 1)).sum().backward()
        found.append([y.numpy(), *(t.grad.numpy() for t in operands)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
