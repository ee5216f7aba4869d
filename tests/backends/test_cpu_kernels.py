"""The kernels of device "cpu" against the op's own function, within a derived bound."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend

pytest.importorskip("numba")

from tinygrad_ed.kernels.cpu.matmul import KC, NC, matmul

Array = np.ndarray[Any, Any]
DTYPES = ["float32", "float64"]


def gamma(k: int, dtype: Any) -> float:
    """γ_k = k u / (1 - k u): the relative error that k rounded operations can build up."""
    u = float(np.finfo(dtype).eps) / 2
    return k * u / (1 - k * u)


def bound(A: Array, B: Array) -> Array:
    """|computed - exact| of a product is at most γ_K |A| |B|, in whatever order it is summed."""
    K = A.shape[1]
    wide = np.abs(A).astype(np.longdouble) @ np.abs(B).astype(np.longdouble)
    return gamma(K + 1, A.dtype) * wide + np.finfo(A.dtype).smallest_subnormal


def assert_within_bound(A: Array, B: Array, C: Array) -> None:
    exact = A.astype(np.longdouble) @ B.astype(np.longdouble)
    assert C.shape == exact.shape and C.dtype == A.dtype
    assert np.all(np.abs(C - exact) <= bound(A, B))


def product(A: Array, B: Array) -> Array:
    guard = np.full((A.shape[0] + 2, B.shape[1]), 7.0, A.dtype)
    C = matmul(A, B, guard[1:-1])
    assert np.all(guard[0] == 7.0) and np.all(guard[-1] == 7.0), "written outside"
    return C


sizes = st.integers(0, 9) | st.sampled_from([KC - 1, KC, KC + 1, NC - 1, NC, NC + 1])
layouts = st.sampled_from(["C", "F", "negative", "strided", "read-only", "broadcast"])


def laid_out(a: Array, layout: str) -> Array:
    """The same numbers in another memory layout."""
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "negative":
        return a[::-1, ::-1].copy()[::-1, ::-1]
    if layout == "strided":
        wide = np.full((2 * a.shape[0], 3 * a.shape[1]), np.nan, a.dtype)
        wide[::2, ::3] = a
        return wide[::2, ::3]
    if layout == "read-only":
        a = a.copy()
        a.flags.writeable = False
    if layout == "broadcast" and a.size:
        return np.broadcast_to(a[:1], a.shape)
    return a


@settings(max_examples=120, deadline=None)
@given(sizes, sizes, sizes, layouts, layouts, st.sampled_from(DTYPES), st.integers(0, 9))
def test_matmul_stays_within_the_rounding_bound(
    M: int, K: int, N: int, layout_A: str, layout_B: str, dtype: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    A = laid_out(rng.standard_normal((M, K)).astype(dtype), layout_A)
    B = laid_out(rng.standard_normal((K, N)).astype(dtype), layout_B)
    assert_within_bound(A, B, product(A, B))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_matmul_passes_nan_and_inf_on_as_numpy_does(dtype: str, special: float) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((5, 7)).astype(dtype), rng.standard_normal((7, 6)).astype(dtype)
    A[2, 3] = special
    with np.errstate(invalid="ignore"):
        expected = A @ B
    C = product(A, B)
    np.testing.assert_array_equal(np.isnan(C), np.isnan(expected))
    np.testing.assert_array_equal(C[2], expected[2].astype(dtype) if np.isnan(special) else C[2])
    if not np.isnan(special):
        np.testing.assert_array_equal(np.sign(C[2]), np.sign(expected[2]))
        assert np.all(np.isinf(C[2]))
    np.testing.assert_allclose(np.delete(C, 2, 0), np.delete(expected, 2, 0), rtol=1e-4)


def layer(device: str, activation: str | None, dtype: str, N: int, D: int, H: int) -> list[Array]:
    """Value and gradients of one layer on a device."""
    rng = np.random.default_rng(N + 10 * D + 100 * H)
    X, W, b = (
        tg.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True, device=device)
        for s in ((N, D), (D, H), (H,))
    )
    Y = tg.linear(X, W, b, activation=activation)
    seed = rng.standard_normal((N, H)).astype(dtype)
    return [t.numpy() for t in (Y, *tg.grad(Y, [X, W, b], seed=seed))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 1), (4, 70, 130), (0, 3, 2), (3, 2, 0)])
def test_linear_agrees_with_its_formula(
    dtype: str, activation: str | None, shape: tuple[int, int, int]
) -> None:
    here = layer("numpy", activation, dtype, *shape)
    there = layer("cpu", activation, dtype, *shape)
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    for a, b in zip(here, there, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


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


def test_gradients_that_nobody_needs_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_ed.kernels.cpu import linear

    shapes = []

    def counted(A: Array, B: Array, out: Array) -> Array:
        shapes.append(out.shape)
        return matmul(A, B, out)

    monkeypatch.setattr(linear, "matmul", counted)
    X = tg.tensor(np.ones((4, 3)), device="cpu")
    W = tg.tensor(np.ones((3, 2)), device="cpu", requires_grad=True)
    tg.linear(X, W).sum().backward()
    assert shapes == [(4, 2), (3, 2)]


def test_second_derivatives_go_through_the_formula() -> None:
    x = tg.tensor(np.array([[0.3]]), requires_grad=True, device="cpu")
    W = tg.tensor(np.array([[2.0]]), device="cpu")
    y = tg.linear(x, W, activation="tanh")
    slope = tg.grad(y.sum(), x, create_graph=True)
    t = np.tanh(0.6)
    assert np.isclose(slope.item(), 2 * (1 - t * t), rtol=1e-14)
    assert np.isclose(tg.grad(slope.sum(), x).item(), -2 * t * (1 - t * t) * 4, rtol=1e-13)


def test_number_types_without_a_kernel_run_the_formula() -> None:
    X = tg.tensor(np.ones((2, 3), np.float16), device="cpu")
    W = tg.tensor(np.ones((3, 2), np.float16), device="cpu")
    assert tg.linear(X, W).dtype == np.float16
    assert get_backend("cpu").kernels.keys() == {"linear"}


def test_kernels_compile_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import types
    from tinygrad_ed.kernels.cpu import compiling

    numbas = compiling.njit

    def without_a_cache(signature: Any, cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return numbas(signature, **options)

    def double(x):  # type: ignore[no-untyped-def]
        for k in range(x.size):
            x[k] *= 2

    monkeypatch.setattr(compiling, "njit", without_a_cache)
    x = np.ones(3)
    compiling.compiled(types.void(types.float64[::1]), double)(x)
    assert x.tolist() == [2.0, 2.0, 2.0]
