"""Every op's VJP is the derivative of its formula: order 1 and 2, all devices, all shapes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.draw import Calls, Fixed
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck


def check(name: str, drawn: Any, device: str = "numpy", **options: Any) -> None:
    """gradcheck of one op: its float operands vary, labels, conditions and parameters do not."""
    operands, params = drawn
    inputs = []
    for x in operands:
        array = x.array if isinstance(x, Fixed) else x
        if isinstance(array, np.ndarray):
            array = tg.tensor(array, requires_grad=is_float(x), device=device)
        inputs.append(array)
    op = tg.registry[name]
    assert gradcheck(lambda *xs: op(*xs, **params), *inputs, **options)


def those_with(part: str) -> Any:
    """The ops whose case has this part."""
    return pytest.mark.parametrize(
        "name", [n for n in CASES if getattr(CASES[n], part) is not None]
    )


def test_the_table_covers_the_rule_book() -> None:
    assert set(CASES) == set(tg.registry), "an op without a case, or a case without an op"


@each_op
@examples(12)
@given(data=st.data())
def test_vjp_is_the_complex_step_of_the_textbook_form(name: str, data: Any) -> None:
    case = CASES[name]
    check(name, data.draw(case.smooth), method="complex" if case.complex else "central")


@those_with("wide")
@examples(10)
@given(data=st.data())
def test_vjp_is_the_slope_over_the_whole_domain(name: str, data: Any) -> None:
    wide: Calls = CASES[name].wide  # type: ignore[assignment]
    check(name, data.draw(wide), method="central")


@those_with("kinks")
@examples(12)
@given(data=st.data())
def test_vjp_at_a_kink_lies_between_the_slopes_from_both_sides(name: str, data: Any) -> None:
    kinks: Calls = CASES[name].kinks  # type: ignore[assignment]
    check(name, data.draw(kinks), method="central")


@each_op
@examples(6)
@given(data=st.data())
def test_the_gradient_of_the_gradient_is_right_too(name: str, data: Any) -> None:
    check(name, data.draw(CASES[name].smooth), order=2)


@each_op
@examples(3)
@given(data=st.data())
def test_the_same_on_device_cpu(name: str, data: Any) -> None:
    check(name, data.draw(CASES[name].smooth), device="cpu", order=2)


ON_THE_CPU = tg.backends.get_backend("cpu").kernels


@pytest.mark.parametrize("name", [n for n in CASES if ON_THE_CPU[tg.registry[n]]])
@examples(20)
@given(data=st.data())
def test_every_kernel_of_device_cpu_gives_the_right_gradient(name: str, data: Any) -> None:
    check(name, data.draw(CASES[name].smooth), device="cpu")


# Closed forms, typed in: order 2 against something that no walk back has computed.


def test_second_derivative_of_sigmoid_is_s_1_s_1_2s() -> None:
    z = tg.tensor(np.linspace(-6, 6, 25), requires_grad=True)
    first = tg.grad(tg.sigmoid(z).sum(), z, create_graph=True)
    s = 1 / (1 + np.exp(-z.numpy()))
    np.testing.assert_allclose(first.numpy(), s * (1 - s), rtol=1e-13)
    second = tg.grad(first.sum(), z)
    np.testing.assert_allclose(second.numpy(), s * (1 - s) * (1 - 2 * s), rtol=1e-12, atol=1e-16)


def test_hessian_of_softmax_cross_entropy_is_diag_p_minus_p_pT_over_n() -> None:
    N, K = 4, 3
    z = tg.tensor(np.random.default_rng(0).normal(size=(N, K)), requires_grad=True)
    labels = np.array([0, 2, 1, 2])
    slope = tg.grad(tg.cross_entropy(z, labels), z, create_graph=True)
    p = np.exp(z.numpy()) / np.exp(z.numpy()).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(slope.numpy(), (p - np.eye(K)[labels]) / N, rtol=1e-12)
    for n, k in np.ndindex(N, K):
        row = tg.grad(slope[n, k], z).numpy()
        expected = np.zeros((N, K))  # the rows of a batch do not meet
        expected[n] = (np.diag(p[n]) - np.outer(p[n], p[n]))[k] / N
        np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-16)


def test_hessian_of_half_squared_error_is_the_identity() -> None:
    y = tg.tensor(np.array([1.0, -2.0, 0.5]), requires_grad=True)
    slope = tg.grad(tg.half_squared_error(y, np.zeros(3)), y, create_graph=True)
    rows = [tg.grad(slope[k], y).numpy() for k in range(3)]
    np.testing.assert_array_equal(rows, np.eye(3))


def test_third_derivative_of_exp_is_exp() -> None:
    x = tg.tensor(np.array([-1.0, 0.0, 2.0]), requires_grad=True)
    y = tg.exp(x)
    for _ in range(2):
        y = tg.grad(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(tg.grad(y.sum(), x).numpy(), np.exp(x.numpy()), rtol=1e-14)
