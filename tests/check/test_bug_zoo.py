"""Canonical wrong backward passes: gradcheck catches each, names the op and guesses the mistake."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.check import GradientMismatch, gradcheck

rng = np.random.default_rng(0)
X, SQUARE, OTHER, V = (rng.normal(size=s) for s in ((3, 4), (3, 3), (3, 3), (4,)))
POSITIVE = np.abs(X) + 0.5


def logistic(z):
    return 1 / (1 + np.exp(-z))


def sine(z):
    return np.sin(z)


def tanh(z):
    return np.tanh(z)


def square(z):
    return z * z


def half_square(z):
    return z * z / 2


def mean(z):
    return np.mean(z)


def row_mean(z):
    return np.mean(z, axis=1)


def total(z):
    return np.sum(z)


def product(A, B):
    return A @ B


def add_bias(X, b):
    return X + b


def subtract(a, b):
    return a - b


def divide(a, b):
    return a / b


def row_softmax(z):
    return np.exp(z) / np.sum(np.exp(z), axis=-1, keepdims=True)


def transposed(z):
    return np.transpose(z)


def x_log_x(x):
    return x * np.log(x)


def product_of_all(x):
    return np.prod(x)


def pick_twice(x):
    return x[np.array([0, 2, 0])]


def hinge(x):
    return np.maximum(x, 0)


def bent(z):
    return z * np.tanh(0.7978845608028654 * z)


def bent_vjp(dy, y, z):
    t = np.tanh(0.797884 * z)  # a constant typed with too few digits
    return dy * (t + z * (1 - t * t) * 0.797884)


class Keeps:
    """A VJP with a memory."""

    def __init__(self) -> None:
        self.sum: Any = 0

    def __call__(self, dy, y, z):
        self.sum = self.sum + dy * 2 * z
        return self.sum


def in_place(dy, y, z):
    dy *= 2 * z
    return dy


def assigns(dy, y, x):
    out = np.zeros_like(x)
    out[np.array([0, 2, 0])] = dy
    return out


def spread(dy, z):
    return np.broadcast_to(dy, z.shape)


def t(matrix):
    return np.swapaxes(matrix, -1, -2)


ZOO: dict[str, tuple[Callable[..., Any], Any, list[Any], str, str | None]] = {
    "sign": (logistic, lambda dy, y, z: -dy * y * (1 - y), [X], "the sign is wrong", "z"),
    "sign of one operand": (
        subtract, lambda dy, y, a, b: (dy, dy), [X, X], "the sign is wrong", "b"),
    "factor of the chain rule missing": (
        logistic, lambda dy, y, z: dy * y, [X], "is missing: (1 - y)", "z"),
    "factor of the chain rule too many": (
        np.exp, lambda dy, y, z: dy * y * z, [X], "is too many: z", "z"),
    "upstream gradient forgotten": (
        logistic, lambda dy, y, z: y * (1 - y), [X], "multiply the slope by dy", "z"),
    "upstream gradient of a loss forgotten": (
        mean, lambda dy, y, z: np.ones_like(z) / z.size, [X], "multiply the slope by dy", "z"),
    "absolute value of the upstream gradient": (
        sine, lambda dy, y, z: np.abs(dy) * np.cos(z), [X], "a negative dy", "z"),
    "upstream gradient clipped at zero": (
        tanh, lambda dy, y, z: np.clip(dy, 0, 5) * (1 - y * y), [X], "a negative dy", "z"),
    "large upstream gradients clipped": (
        square, lambda dy, y, z: np.clip(dy, -5, 5) * 2 * z, [X], "without abs, clip", "z"),
    "zero": (logistic, lambda dy, y, z: 0 * dy, [X], "the gradient is zero", "z"),
    "None": (logistic, lambda dy, y, z: None, [X], "the gradient is zero", "z"),
    "half": (square, lambda dy, y, z: dy * z, [X], "half of what it should be", "z"),
    "twice": (half_square, lambda dy, y, z: dy * 2 * z, [X], "twice what it should be", "z"),
    "mean for sum": (mean, lambda dy, y, z: spread(dy, z), [X],
                     "off by N = 12", "z"),
    "mean for sum along an axis": (
        row_mean, lambda dy, y, z: spread(np.expand_dims(dy, 1), z), [X], "mean versus sum?", "z"),
    "sum for mean": (total, lambda dy, y, z: spread(dy / z.size, z), [X], "N times too small", "z"),
    "reduced axis not spread": (row_mean, lambda dy, y, z: dy / 4, [X],
                                "has to be spread over the reduced axes", "z"),
    "first factor transposed": (
        product, lambda dZ, Z, A, B: (dZ @ B, t(A) @ dZ), [SQUARE, OTHER], "is transposed", "A"),
    "second factor transposed": (
        product, lambda dZ, Z, A, B: (dZ @ t(B), A @ dZ), [SQUARE, OTHER], "is transposed", "B"),
    "product in the wrong order": (
        product, lambda dZ, Z, A, B: (dZ @ t(B), t(dZ) @ A), [X, X.T.copy() @ SQUARE],
        "it is transposed", "B"),
    "gradient not transposed back": (
        transposed, lambda dy, y, z: dy, [SQUARE], "the gradient is transposed", "z"),
    "reshape for transpose": (
        transposed, lambda dy, y, z: np.reshape(dy, z.shape), [X], "in the wrong places", "z"),
    "missing sum over a broadcast axis": (
        add_bias, lambda dy, y, X, b: (dy, dy[0]), [X, V], "missing sum over the broadcast axis 0",
        "b"),
    "mean over a broadcast axis": (
        add_bias, lambda dy, y, X, b: (dy, np.mean(dy, axis=0)), [X, V], "mean versus sum?", "b"),
    "elementwise softmax": (
        row_softmax, lambda dy, y, z: dy * y * (1 - y), [X], "elementwise softmax", "z"),
    "swapped operands": (
        divide, lambda dy, y, a, b: (-dy * y / b, dy / b), [SQUARE, OTHER + 3], "swapped", "a"),
    "one gradient for two operands": (
        divide, lambda dy, y, a, b: dy / b, [SQUARE, OTHER + 3], "one for each", None),
    "half of the product rule": (
        x_log_x, lambda dy, y, x: dy * np.log(x), [POSITIVE], "factor of the chain rule", "x"),
    "stale gradient": (square, Keeps(), [X], "stale gradient", "z"),
    "upstream gradient changed in place": (square, in_place, [X], "in place", None),
    "repeated index assigned": (pick_twice, assigns, [V], "contributions are missing", "x"),
    "division by an entry that is 0": (
        product_of_all, lambda dy, y, x: dy * y / x, [np.array([1.0, 0.0, 3.0])], "not finite",
        "x"),
    "outside the interval at a kink": (
        hinge, lambda dy, y, x: dy * np.where(x == 0, 2, x > 0), [np.array([1.0, 0.0, -3.0])],
        "at a kink", "x"),
    "too few digits": (bent, bent_vjp, [X], "too few digits", "z"),
    "raises": (square, lambda dy, y, z: dy * missing, [X], "raises NameError", None),  # noqa: F821
}  # fmt: skip


def wrong_op(name: str) -> tuple[tg.ops.Op, list[Any]]:
    forward, vjp, inputs, _, _ = ZOO[name]
    made = tg.op((lambda z: np.exp(z)) if forward is np.exp else forward)
    made.name = f"wrong_{made.name}"
    made.vjp(vjp)
    return made, inputs


@pytest.mark.parametrize("name", ZOO)
def test_each_mistake_is_caught_and_named(name: str) -> None:
    made, inputs = wrong_op(name)
    with pytest.raises(GradientMismatch) as caught:
        gradcheck(made, *inputs)
    message, result = str(caught.value), caught.value.result
    _, _, _, fragment, operand = ZOO[name]
    assert f"op {made.name!r}" in message
    assert fragment in message and fragment in str(result.guess)
    assert (result.op, result.operand) == (made.name, operand)


@pytest.mark.parametrize("name", ZOO)
def test_each_mistake_is_found_deep_inside_a_function_too(name: str) -> None:
    made, inputs = wrong_op(name)

    def network(*xs):
        return tg.tanh(made(*[x * 1.0 for x in xs])).sum() * 3.0

    result = gradcheck(network, *inputs, raises=False)
    assert not result
    assert result.op == made.name


def test_the_message_names_input_entry_and_both_values() -> None:
    made, inputs = wrong_op("sign")
    with pytest.raises(AssertionError) as caught:
        gradcheck(made, *inputs)
    worst = caught.value.result.worst  # type: ignore[attr-defined]
    for part in (
        f"z[{worst.entry[0]}, {worst.entry[1]}]",
        f"analytic {worst.analytic:.10g}",
        f"numeric {worst.numeric:.10g}",
        "12 of 144 derivatives",
    ):
        assert part in str(caught.value)


def test_a_result_that_is_wrong_is_false_and_holds_the_table() -> None:
    made, inputs = wrong_op("half")
    result = gradcheck(made, *inputs, raises=False)
    assert not result and len(result.table) == 144 and len(result.mismatches) == 12
    assert result.worst == result.mismatches[0] and "WRONG" in str(result)


def test_when_every_op_is_right_the_break_in_the_tape_is_named() -> None:
    with pytest.raises(GradientMismatch, match="every op on the tape is right by itself") as caught:
        gradcheck(lambda x: x * x.detach(), V)
    assert caught.value.result.op is None


def test_a_wrong_order_2_names_the_op_whose_vjp_hides_a_dependence() -> None:
    @tg.op
    def cube(z):
        return z * z * z

    @cube.vjp
    def _(dy, y, z):
        constant = z.detach() if isinstance(z, tg.Tensor) else z
        return dy * 3 * constant * constant

    assert gradcheck(cube, V)
    with pytest.raises(GradientMismatch, match="in the gradient of the gradient") as caught:
        gradcheck(lambda x: tg.exp(cube(x)), V, order=2)
    assert caught.value.result.op == "cube"


def test_in_a_big_input_the_wrong_entry_is_found() -> None:
    @tg.op
    def scaled(x):
        return x * 3

    @scaled.vjp
    def _(dy, y, x):
        slope = np.full((40, 50), 3.0)
        slope[17, 31] = 4.0
        return dy * slope

    result = gradcheck(lambda x: tg.tanh(scaled(x)), rng.normal(size=(40, 50)), raises=False)
    assert result.op == "scaled" and result.operand == "x"
    assert {row.entry for row in result.mismatches} == {(17, 31)}
    assert "only 1 of" in str(result.guess)


def test_a_big_elementwise_softmax_is_recognised() -> None:
    made, _ = wrong_op("elementwise softmax")
    result = gradcheck(made, rng.normal(size=(40, 50)), raises=False)
    assert "elementwise softmax" in str(result.guess)
