"""Derived index formulas, executed: against each op's own VJP, and against complex steps."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import examples, gradients, is_float, plain, tensors

import tinygrad_ed as tg
from tinygrad_ed.derivation.index_forms.vjp import jacobian_formula, vjp_formula
from tinygrad_ed.ops.index.formula import interpret, operands_by_name
from tinygrad_ed.ops.index.parse import parse

INDEXED = [n for n, op in tg.registry.items() if op.index]


def result_name(formula: str) -> str:
    return parse(formula).result.name


@pytest.mark.parametrize("name", INDEXED)
@examples(30)
@given(data=st.data())
def test_the_derived_formula_is_the_vjp_of_the_op(name: str, data: Any) -> None:
    op = tg.registry[name]
    case = CASES[name]
    drawn, params = data.draw(
        case.smooth
        if case.kinks is None or name == "linear" or op.called in ("huber",)
        else st.one_of(case.smooth, case.kinks)
    )
    formula = op.index_for(plain(drawn), params)
    if not formula:
        return
    inputs = tensors(drawn)
    y = op(*inputs, **params)
    wanted = iter(gradients(y, inputs))
    arrays = operands_by_name(op, plain(drawn))
    seed = np.linspace(0.5, 1.5, y.size).reshape(y.shape)
    result = result_name(formula)
    known = {**arrays, result: y.numpy(), f"d{result}": seed}
    shapes = {k: v.shape for k, v in arrays.items()}
    for operand, x in zip(op.names_of(len(drawn)), drawn, strict=True):
        if not is_float(x):
            continue
        expected = next(wanted)
        for derived in {vjp_formula(formula, operand), vjp_formula(formula, operand, shapes)}:
            if not derived:  # it does not occur at all
                assert operand not in {n.name for n in entries(formula)} or not np.any(expected)
                continue
            assert str(parse(derived)) == derived
            np.testing.assert_allclose(
                interpret(derived, known), expected, rtol=1e-10, atol=1e-12, err_msg=derived
            )


def entries(formula: str) -> list[Any]:
    from tinygrad_ed.ops.index.tree import Entry, Softmax, walk

    return [n for n in walk(parse(formula).right) if isinstance(n, Entry | Softmax)]


LINEAR = "Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]"
READ = [
    (LINEAR, "X", "dX[n,d] = Σ_h dZ[n,h] * W[d,h]"),
    (LINEAR, "W", "dW[d,h] = Σ_n X[n,d] * dZ[n,h]"),
    (LINEAR, "b", "db[h] = Σ_n dZ[n,h]"),
    ("A[n,h] = sigmoid(Σ_d X[n,d] * W[d,h])", "W",
     "dW[d,h] = Σ_n X[n,d] * dA[n,h] * A[n,h] * (1 - A[n,h])"),
    ("A[n,h] = relu(Σ_d X[n,d] * W[d,h])", "X",
     "dX[n,d] = Σ_h dA[n,h] * W[d,h] * [A[n,h] > 0]"),
    ("Q[n,m] = Σ_d A[n,d] * A[m,d]", "A",
     "dA[n,d] = Σ_m dQ[n,m] * A[m,d] + Σ_m A[m,d] * dQ[m,n]"),
    ("L = Σ_n (y[n] - t[n])**2 / N", "y", "dy[n] = 2 * dL * (y[n] - t[n]) / N"),
    ("P[i,j] = exp(z[i,j]) / Σ_k exp(z[i,k])", "z",
     "dz[i,j] = P[i,j] * (dP[i,j] - Σ_k dP[i,k] * P[i,k])"),
    ("L = Σ_n (log(Σ_k exp(z[n,k])) - z[n,labels[n]]) / N", "z",
     "dz[n,k] = dL * (softmax(z[n,:])[k] - [k == labels[n]]) / N"),
    ("y[i] = max_j x[i,j]", "x", "dx[i,j] = dy[i] * [x[i,j] == y[i]] / Σ_k [x[i,k] == y[i]]"),
    ("y[i,j] = x[j,i]", "x", "dx[j,i] = dy[i,j]"),
    ("L = Σ_n p[n] * (log(p[n]) - q[n])", "p", "dp[n] = dL * (log(p[n]) - q[n] + 1)"),
    ("y = log(Σ_i Σ_j exp(x[i,j]))", "x", "dx[i,j] = dy * exp(x[i,j] - y)"),
    ("y[i] = x[i] for i < 2", "x", "dx[i] = Σ_j dy[j] * [j == i]"),
    ("y[i] = x[i+1] for i < 2", "x", "dx[j] = [1 <= j < 3] * dy[j-1]"),
    ("y[i] = Σ_k x[i+k] * w[k] for i < 5", "w", "dw[k] = Σ_i x[i+k] * dy[i]"),
    ("L = Σ_n -logp[n,labels[n]] / N", "labels", ""),
    (LINEAR, "T", ""),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "operand", "derived"), READ)
def test_how_derived_formulas_read(formula: str, operand: str, derived: str) -> None:
    assert vjp_formula(formula, operand) == derived


def test_with_shapes_a_bracket_that_always_holds_is_left_out() -> None:
    flipped = "y[i] = x[2-i] for i < 3"
    assert vjp_formula(flipped, "x") == "dx[j] = [j < 3] * dy[2-j]"
    assert vjp_formula(flipped, "x", {"x": (3,)}) == "dx[j] = dy[2-j]"
    assert vjp_formula("y[i] = x[i] for i < 2", "x", {"x": (5,)}) == (
        "dx[i] = [i < 2] * dy[i] for i < 5"
    )
    wide = "y[i,j] = x[0,j] for i < 3"
    assert vjp_formula(wide, "x", {"x": (1, 4)}) == "dx[0,j] = Σ_i dy[i,j]"


# --- formulas that nobody chose -----------------------------------------------------------------

FACTORS = ["X[n,d]", "W[d,h]", "v[d]", "W[d,h]**2", "exp(X[n,d])", "tanh(W[d,h])", "(1 + v[d]**2)"]
AROUND = ["{}", "({} + b[h])**3", "exp({} / D)", "sigmoid({} + b[h])", "{} * b[h] - b[h] / D",
          "tanh({}) / (2 + b[h]**2)", "({})**2 / (D + 3)", "{} + Σ_d v[d] * v[d]"]  # fmt: skip
ARRAYS = {
    "X": np.random.default_rng(1).normal(size=(3, 2)) / 2,
    "W": np.random.default_rng(2).normal(size=(2, 4)) / 2,
    "v": np.random.default_rng(3).normal(size=2) / 2,
    "b": np.random.default_rng(4).normal(size=4) / 2,
}


def stepped(formula: str, operand: str, seed: Any) -> Any:
    """The gradient by complex steps through the interpreter, entry by entry."""
    x = ARRAYS[operand]
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1e-30j
        value = interpret(formula, {**ARRAYS, operand: moved, "Y": seed})
        result[place] = np.sum(np.imag(value) / 1e-30 * seed)
    return result


@examples(60)
@given(
    factors=st.lists(st.sampled_from(FACTORS), min_size=1, max_size=3),
    around=st.sampled_from(AROUND),
    left=st.sampled_from(["Y[n,h]", "Y[h,n]", "Y[n]", "Y"]),
    operand=st.sampled_from(list(ARRAYS)),
)
def test_random_formulas_against_complex_steps(
    factors: list[str], around: str, left: str, operand: str
) -> None:
    inside = around.format("Σ_d " + " * ".join(factors))
    free = [i for i in "nh" if i not in left and f"{i}]" in inside.replace(f"{i},", f"{i}]")]
    formula = f"{left} = {''.join(f'Σ_{i} ' for i in free)}({inside})"
    shape = tuple({"n": 3, "h": 4}[i] for i in "nh" if i in left)
    shape = shape[::-1] if left == "Y[h,n]" else shape
    seed = np.random.default_rng(5).normal(size=shape)
    value = interpret(formula, {**ARRAYS, "Y": seed})
    derived = vjp_formula(formula, operand)
    expected = stepped(formula, operand, seed)
    if not derived:  # no slope, or a Σ_n of something without n, of which nothing says the size
        assert not np.any(expected) or free
        return
    found = interpret(derived, {**ARRAYS, "Y": value, "dY": seed})
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11, err_msg=derived)
    jacobian = jacobian_formula(formula, operand)
    table = interpret(jacobian, {**ARRAYS, "Y": value})
    np.testing.assert_allclose(
        np.tensordot(seed, table, seed.ndim), expected, rtol=1e-9, atol=1e-11, err_msg=jacobian
    )


@pytest.mark.parametrize(
    ("formula", "operand", "derived"),
    [
        (LINEAR, "W", "∂Z[n,h]/∂W[d,i] = X[n,d] * [h == i]"),
        ("P[i] = exp(z[i]) / Σ_k exp(z[k])", "z", "∂P[i]/∂z[j] = P[i] * ([i == j] - P[j])"),
    ],
)
def test_how_jacobians_read(formula: str, operand: str, derived: str) -> None:
    assert jacobian_formula(formula, operand) == derived
