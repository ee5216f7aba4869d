"""An op's forms are one function: book and computable, fused and composed."""

import decimal
from typing import Any

import numpy as np
import pytest
from devices import each_device
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.draw import Call
from ops.helpers import examples, gradients, is_float, plain, tensors

import tinygrad_ed as tg

DIGITS = decimal.Context(prec=400, Emax=10**6, Emin=-(10**6), traps=[])


class Exact:
    """A number of 400 digits that NumPy functions work on: with it textbook forms lose nothing."""

    def __init__(self, value: Any) -> None:
        is_number = not isinstance(value, Exact | decimal.Decimal)
        self.value = decimal.Decimal(float(value)) if is_number else getattr(value, "value", value)

    def __add__(self, other: Any) -> "Exact":
        return Exact(DIGITS.add(self.value, Exact(other).value))

    def __sub__(self, other: Any) -> "Exact":
        return Exact(DIGITS.subtract(self.value, Exact(other).value))

    def __mul__(self, other: Any) -> "Exact":
        return Exact(DIGITS.multiply(self.value, Exact(other).value))

    def __truediv__(self, other: Any) -> "Exact":
        return Exact(DIGITS.divide(self.value, Exact(other).value))

    def __rsub__(self, other: Any) -> "Exact":
        return Exact(other) - self

    def __rtruediv__(self, other: Any) -> "Exact":
        return Exact(other) / self

    def __neg__(self) -> "Exact":
        return Exact(DIGITS.minus(self.value))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= Exact(other).value)

    def __float__(self) -> float:
        return float(self.value)

    __radd__, __rmul__ = __add__, __mul__

    def exp(self) -> "Exact":
        return Exact(DIGITS.exp(self.value))

    def log(self) -> "Exact":
        return Exact(DIGITS.ln(self.value))

    def sqrt(self) -> "Exact":
        return Exact(DIGITS.sqrt(self.value))


def exact(operand: Any) -> Any:
    """A floating operand in 400 digits; labels stay."""
    if not (isinstance(operand, np.ndarray) and operand.dtype.kind == "f"):
        return operand
    made = np.empty(operand.shape, dtype=object)
    for place in np.ndindex(operand.shape):
        made[place] = Exact(operand[place])
    return made


def in_400_digits(name: str, drawn: Call) -> Any:
    """The textbook form's value, rounded to float64 only at the end."""
    op = tg.registry[name]
    assert op.textbook_form is not None
    operands = [exact(x) for x in plain(drawn[0])]
    value = op.textbook_form(*operands, **{**op.defaults, **drawn[1]})
    return np.asarray(value, dtype=object).astype(float)


WITH_TEXTBOOK = [n for n, op in tg.registry.items() if op.textbook_form is not None]
COMPOSED = [n for n, op in tg.registry.items() if op.composed_form is not None]


@pytest.mark.parametrize("name", WITH_TEXTBOOK)
@examples(20)
@given(data=st.data())
def test_the_computable_form_is_the_textbook_form_in_400_digits(name: str, data: Any) -> None:
    case = CASES[name]
    drawn = data.draw(case.smooth if case.wide is None else st.one_of(case.smooth, case.wide))
    value = tg.registry[name](*plain(drawn[0]), **drawn[1])
    book = in_400_digits(name, drawn)
    # A shift by the largest entry (log Σ e^z) costs digits of that entry, not of the result.
    sizes = [np.max(np.abs(x), initial=0.0) for x in plain(drawn[0]) if is_float(x)]
    lost = 0.0 if tg.registry[name].elementwise else 1e-15 * max(sizes)
    finite = np.isfinite(book)
    np.testing.assert_allclose(
        np.asarray(value)[finite], book[finite], rtol=1e-12, atol=1e-300 + lost
    )


@pytest.mark.parametrize("name", WITH_TEXTBOOK)
@examples(10)
@given(data=st.data())
def test_the_textbook_form_runs_in_float64_inside_its_domain(name: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    op = tg.registry[name]
    assert op.textbook_form is not None
    book = op.textbook_form(*operands, **{**op.defaults, **params})
    np.testing.assert_allclose(book, op(*operands, **params), rtol=1e-11, atol=1e-13)


@each_device
@pytest.mark.parametrize("name", COMPOSED)
@examples(12)
@given(data=st.data())
def test_the_fused_op_is_its_composed_twin(name: str, device: str, data: Any) -> None:
    operands, params = data.draw(CASES[name].smooth)
    op = tg.registry[name]
    assert op.composed_form is not None
    fused, composed = tensors(operands, device), tensors(operands, device)
    y, twin = op(*fused, **params), op.composed_form(*composed, **params)
    np.testing.assert_allclose(y.numpy(), twin.numpy(), rtol=1e-12, atol=1e-14)
    for a, b in zip(gradients(y, fused), gradients(twin, composed), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
