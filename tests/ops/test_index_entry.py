"""One entry written out: its terms add up, it is the op's own number, and it reads well."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import examples, gradients, is_float, plain, tensors

import tinygrad_ed as tg
from tinygrad_ed.derivation.index_forms.entry import entry, index_latex
from tinygrad_ed.derivation.index_forms.vjp import vjp_formula
from tinygrad_ed.ops.index.formula import operands_by_name
from tinygrad_ed.ops.index.parse import parse
from tinygrad_ed.ops.index.tokens import IndexFormulaError

INDEXED = [n for n, op in tg.registry.items() if op.index]


def agrees(formula: str, arrays: dict[str, Any], expected: Any, limit: int) -> None:
    """Every entry is the expected number, and what is shown adds up to it."""
    for place in np.ndindex(np.shape(expected)):
        found = entry(formula, arrays, place, limit)
        shown = sum(term.value for term in found.terms) + found.left_out_sum
        if not np.isfinite(found.value):  # the book's log of e^-800
            continue
        np.testing.assert_allclose(found.value, expected[place], rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(shown, found.value, rtol=1e-12, atol=1e-13)
        for term in found.terms:
            product = -1.0 if term.negative else 1.0
            with np.errstate(all="ignore"):
                for factor in term.factors:
                    product = product / np.float64(factor.value) if factor.below else (
                        product * factor.value
                    )  # fmt: skip
            if np.isfinite(product):  # the book's e^z overflows where its softmax does not
                np.testing.assert_allclose(product, term.value, rtol=1e-10, atol=1e-12)
        assert found.symbols() and found.numbers() and found.latex() and found.text()
        assert set(found.meets) <= set(arrays)
    assert index_latex(formula).count("{") == index_latex(formula).count("}")


@pytest.mark.parametrize("name", INDEXED)
@examples(8)
@given(data=st.data(), limit=st.integers(1, 4))
def test_an_entry_is_the_ops_own_and_its_terms_add_up(name: str, data: Any, limit: int) -> None:
    op, case = tg.registry[name], CASES[name]
    wide = (
        case.wide
        if name in ("softmax", "log_softmax", "logsumexp", "cross_entropy_labels")
        else None
    )
    drawn, params = data.draw(case.smooth if wide is None else st.one_of(case.smooth, wide))
    formula = op.index_for(plain(drawn), params)
    if not formula:
        return
    inputs = tensors(drawn)
    y = op(*inputs, **params)
    arrays = operands_by_name(op, plain(drawn))
    result = parse(formula).result.name
    seed = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
    arrays |= {result: y.numpy(), f"d{result}": seed}
    agrees(formula, arrays, y.numpy(), limit)
    wanted = iter(gradients(y, inputs))
    for operand, x in zip(op.names_of(len(drawn)), drawn, strict=True):
        if is_float(x):
            expected = next(wanted)
            derived = vjp_formula(formula, operand, {operand: x.shape})
            if derived:
                agrees(derived, arrays, expected, limit)


X = np.array([[0.5, -2.0, 3.0], [1.0, 0.25, -0.125]])
DZ = np.array([[0.1, -1.0], [2.0, 0.5]])
GRADIENT = "dW[d,h] = Σ_n X[n,d] * dZ[n,h]"


def test_where_the_transpose_comes_from() -> None:
    found = entry(GRADIENT, {"X": X, "dZ": DZ}, (2, 0))
    assert found.symbols() == "dW[2,0] = X[0,2]·dZ[0,0] + X[1,2]·dZ[1,0]"
    assert found.numbers() == "3·0.1 + (−0.125)·2"
    assert found.meets == {"X": "column 2, X[:,2]", "dZ": "column 0, dZ[:,0]"}
    assert [m.index for m in found.slices] == [(slice(None), 2), (slice(None), 0)]
    assert found.value == pytest.approx((X.T @ DZ)[2, 0])
    assert found.text().splitlines()[-1] == "  = 0.05"
    assert [(f.name, f.indices, f.value) for f in found.terms[1].factors] == [
        ("X", (1, 2), -0.125), ("dZ", (1, 0), 2.0),
    ]  # fmt: skip


def test_a_long_sum_shows_its_first_terms_and_the_sum_of_the_others() -> None:
    found = entry("y = Σ_i x[i]", {"x": np.arange(10.0)}, (), limit=3)
    assert (len(found.terms), found.left_out, found.left_out_sum) == (3, 7, 42.0)
    assert found.symbols() == "y = x[0] + x[1] + x[2] + (7 more)"
    assert found.numbers() == "0 + 1 + 2 + (7 more: 42)"


@pytest.mark.parametrize(
    ("formula", "place", "symbols", "numbers"),
    [
        ("A[n,h] = tanh(Σ_d X[n,d] * W[d,h] + b[h])", (1, 0),
         "A[1,0] = tanh(X[1,0]·W[0,0] + X[1,1]·W[1,0] + X[1,2]·W[2,0] + b[0])",
         "tanh(1·1 + 0.25·(−1) + (−0.125)·2 + (−3))"),
        ("P[i,j] = exp(X[i,j]) / Σ_k exp(X[i,k])", (0, 1),
         "P[0,1] = exp(X[0,1])/(exp(X[0,0]) + exp(X[0,1]) + exp(X[0,2]))",
         "exp(−2)/(exp(0.5) + exp(−2) + exp(3))"),
        ("L[n] = -X[n,labels[n]]", (0,), "L[0] = −X[0,labels[0]]", "−3"),
        ("y[i] = max_j X[i,j]", (1,), "y[1] = max(X[1,0], X[1,1], X[1,2])",
         "max(1, 0.25, −0.125)"),
        ("dz[n,k] = dL * (X[n,k] - [k == labels[n]]) / N", (0, 2),
         "dz[0,2] = dL·(X[0,2] − [2 = labels[0]])/2", "0.5·(3 − 1)/2"),
        ("dq[h] = Σ_n -dZ[n,h]", (1,), "dq[1] = −dZ[0,1] − dZ[1,1]", "−(−1) − 0.5"),
        ("y[i,j] = [1 <= i < 3] * X[i-1,j] for i < 4", (0, 0), "y[0,0] = 0", "0"),
    ],
)  # fmt: skip
def test_how_an_entry_reads(
    formula: str, place: tuple[int, ...], symbols: str, numbers: str
) -> None:
    arrays = {"X": X, "W": np.array([[1.0], [-1], [2]]), "b": np.array([-3.0]), "dZ": DZ,
              "labels": np.array([2, 0]), "dL": np.array(0.5)}  # fmt: skip
    found = entry(formula, arrays, place)
    assert (found.symbols(), found.numbers()) == (symbols, numbers)


def test_digits_and_latex() -> None:
    found = entry("y = Σ_i x[i] * dw1[i]", {"x": np.array([1 / 3]), "dw1": np.array([-1e-9])})
    assert found.numbers(2) == "0.33·(−10⁻⁹)"
    assert found.latex(2) == (
        r"y = x_{0}\,\mathrm{d}w^{(1)}_{0} = 0.33 \cdot \left(-10^{-9}\right) "
        r"= -3.3 \cdot 10^{-10}"
    )
    assert index_latex(GRADIENT) == r"\mathrm{d}W_{d h} = \sum_{n} X_{n d}\,\mathrm{d}Z_{n h}"
    assert index_latex("L = Σ_n (y[n] - t[n])**2 / N") == (
        r"L = \sum_{n} \frac{{\left(y_{n} - t_{n}\right)}^{2}}{N}"
    )
    assert index_latex("∂Z[n,h]/∂W[d,i] = X[n,d] * [h == i]") == (
        r"\frac{\partial Z_{n h}}{\partial W_{d i}} = X_{n d}\,\left[h = i\right]"
    )


def test_one_entry_of_large_arrays_computes_only_that_entry() -> None:

    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(1000, 1000)), "dZ": rng.normal(size=(1000, 1000))}
    found = entry(GRADIENT, arrays, (7, -1))
    assert found.indices == (7, 999)
    assert found.value == pytest.approx(arrays["X"][:, 7] @ arrays["dZ"][:, 999])
    assert (len(found.terms), found.left_out) == (6, 994)


@pytest.mark.parametrize(
    ("formula", "place", "error", "message"),
    [
        (GRADIENT, (0,), IndexError, "has 2 indices"),
        (GRADIENT, (3, 0), IndexError, r"has shape \(3, 2\): no entry \(3, 0\)"),
        ("y[i] = v[i]", (0,), IndexFormulaError, "nothing shows how far index i|needs v"),
        ("y[i] = X[i,i+1] for i < 3", (2,), IndexFormulaError, r"reaches index 2 of X \(2, 3\)"),
    ],
)
def test_what_is_not_there_is_named(
    formula: str, place: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        entry(formula, {"X": X, "dZ": DZ}, place)
