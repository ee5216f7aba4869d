"""Numbers put into formulas: exact in the code, rounded where they are written."""

import ast
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed.derivation.math import Symbols, latex, substitute, text
from tinygrad_ed.derivation.math.numbers import decimal, number


def shown(value: Any, digits: int = 4) -> str:
    return text(number(value, digits), Symbols())


def test_a_formula_at_an_entry_shows_its_numbers() -> None:
    code = ast.parse("dZ = dA * A * (1 - A)")
    filled = substitute(code, {"dA": 0.138512, "A": 0.7310585786300049})
    assert text(filled, Symbols()) == "dZ = 0.1385 · 0.7311 · (1 − 0.7311)"
    assert latex(filled, Symbols()) == (
        r"\mathrm{dZ} = 0.1385 \cdot 0.7311 \cdot \left(1 - 0.7311\right)"
    )
    assert "A" in ast.unparse(code)  # the formula itself is left alone


def test_negative_numbers_are_in_brackets_where_they_must_be() -> None:
    code = ast.parse("x - w * x ** 2 + -x", mode="eval")
    filled = substitute(code, {"x": -0.5, "w": -2.0})
    assert text(filled, Symbols()) == "−0.5 − (−2 · (−0.5)²) + (−(−0.5))"
    scope = {"x": -0.5, "w": -2.0}
    assert eval(ast.unparse(filled)) == eval(ast.unparse(code), scope)


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (0.73105857, 4, "0.7311"),
        (0.73105857, 2, "0.73"),
        (-0.0, 4, "0"),
        (0.0, 4, "0"),
        (1e-12, 4, "10⁻¹²"),
        (-1.23456e-12, 4, "−1.235·10⁻¹²"),
        (0.00012345, 4, "0.0001234"),
        (0.99996, 4, "1"),
        (64.0, 4, "64"),
        (123456.0, 4, "123456"),
        (12345.678, 4, "12346"),
        (1234567.8, 4, "1.235·10⁶"),
        (3.0000001, 4, "3"),
        (5e-324, 4, "4.941·10⁻³²⁴"),
        (1.7e308, 2, "1.7·10³⁰⁸"),
        (7, 1, "7"),
        (float("inf"), 4, "∞"),
        (float("-inf"), 4, "−∞"),
        (float("nan"), 4, "NaN"),
        (np.float32(0.1), 4, "0.1"),
        (np.array([1.0, -2.5]), 4, "[1 −2.5]"),
        (np.array([[1, 2], [3, 4]]), 4, "[1 2; 3 4]"),
        (np.zeros((0, 3)), 4, "zeros((0, 3), dtype='float64')"),
        (np.arange(8.0), 4, "[0 1 2 … 7]"),
        (np.zeros((1, 1, 2)), 4, "[[0 0]]"),
    ],
)
def test_numbers_are_written_to_so_many_digits(value: Any, digits: int, written: str) -> None:
    assert shown(value, digits) == written


@given(st.floats(-1e307, 1e307), st.integers(1, 8))
def test_a_written_number_is_near_and_never_0_for_another(value: float, digits: int) -> None:
    mantissa, exponent = decimal(value, digits)
    back = float(f"{mantissa}e{exponent or 0}")
    assert (back == 0) == (value == 0)
    assert math.isclose(back, abs(value), rel_tol=0.51 * 10 ** (1 - digits), abs_tol=5e-324)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_literal_of_the_program_is_written_exactly(value: float) -> None:
    mantissa, exponent = decimal(value)
    assert float(f"{mantissa}e{exponent or 0}") == abs(value)


@given(
    st.sampled_from(["float16", "float32", "float64", "int64", "bool"]),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 2**32),
)
def test_the_code_runs_with_exactly_the_numbers(dtype: str, shape: list[int], seed: int) -> None:
    value = (np.random.default_rng(seed).standard_normal(shape) * 10).astype(dtype)
    filled = substitute(ast.parse("x", mode="eval"), {"x": value})
    found = eval(ast.unparse(filled), {"np": np})
    np.testing.assert_array_equal(found, value)
    assert np.asarray(found).dtype == value.dtype and np.shape(found) == value.shape
    assert eval(compile(filled, "", "eval"), {"np": np}).shape == value.shape


def test_names_that_are_no_values_stay() -> None:
    code = ast.parse("x = f(x) + x.size + x[0] + (lambda x: x)(x) + sum(x for x in y)")
    filled = ast.unparse(substitute(code, {"x": 2.0, "f": 1.0}))
    assert filled == (
        "x = f(2.0) + np.asarray(2.0).size + np.asarray(2.0)[0] + (lambda x: x)(2.0)"
        " + sum((x for x in y))"
    )


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="at least 1 significant digit"):
        substitute(ast.parse("x"), {"x": 1.0}, digits=0)
    with pytest.raises(TypeError, match="W1 is 'abc' of type str"):
        substitute(ast.parse("x"), {"W1": "abc"})
