"""Every index formula of the rule book, executed against the op that states it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import examples, plain

import tinygrad_ed as tg
from tinygrad_ed.ops.index.formula import evaluate, interpret, operands_by_name, sizes_of
from tinygrad_ed.ops.index.parse import parse
from tinygrad_ed.ops.index.tokens import IndexFormulaError

STRUCTURED = [n for n, op in tg.registry.items() if not op.elementwise]
WITHOUT = {"reshape", "dropout"}
"""Structured ops without an index formula: no single entry has one (a count, a random mask)."""
INDEXED = [n for n in STRUCTURED if n not in WITHOUT]


def test_every_structured_op_states_an_index_formula() -> None:
    assert {n for n, op in tg.registry.items() if op.index} == set(INDEXED)


@pytest.mark.parametrize("name", INDEXED)
@examples(40)
@given(data=st.data())
def test_the_op_is_its_index_formula_entry_by_entry(name: str, data: Any) -> None:
    op = tg.registry[name]
    drawn, params = data.draw(CASES[name].smooth)
    operands = plain(drawn)
    formula = op.index_for(operands, params)
    if not formula:
        assert may_have_none(name, operands, params)
        return
    assert str(parse(formula)) == formula
    found = interpret(formula, operands_by_name(op, operands))
    np.testing.assert_allclose(found, op(*operands, **params), rtol=1e-12, atol=1e-13)


def may_have_none(name: str, operands: list[Any], params: dict[str, Any]) -> bool:
    """Index arrays have no formula; a variance of one number none either."""
    index = params.get("index")
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray | list) for part in parts)


X = np.arange(12.0).reshape(3, 4)
LABELS = np.array([3, 0, 1])
STATED: list[tuple[str, list[Any], dict[str, Any], str]] = [
    ("linear", [X, X.T, X[:, 0]], {}, "Z[n,h] = Σ_d X[n,d] * W[d,h] + b[h]"),
    ("linear", [X, X.T, None], {"activation": "tanh"}, "A[n,h] = tanh(Σ_d X[n,d] * W[d,h])"),
    ("matrix_product", [X, X.T], {}, "Z[n,h] = Σ_d A[n,d] * B[d,h]"),
    ("matrix_product", [np.ones((2, 1, 3, 4)), np.ones((5, 4, 2))], {},
     "Z[i,j,n,h] = Σ_d A[i,0,n,d] * B[j,d,h]"),
    ("sum", [X], {"axis": 0}, "y[j] = Σ_i x[i,j]"),
    ("mean", [X], {"axis": -1, "keepdims": True}, "y[i,0] = Σ_j x[i,j] / J"),
    ("var", [X], {"axis": 1, "ddof": 1}, "y[i] = Σ_j (x[i,j] - Σ_k x[i,k] / J)**2 / (J - 1)"),
    ("max", [X], {}, "y = max_i max_j x[i,j]"),
    ("softmax", [X], {}, "P[i,j] = exp(z[i,j]) / Σ_k exp(z[i,k])"),
    ("cross_entropy_labels", [X, LABELS], {},
     "L = Σ_n (log(Σ_k exp(z[n,k])) - z[n,labels[n]]) / N"),
    ("nll_labels", [X, LABELS], {"reduction": "none"}, "L[n] = -logp[n,labels[n]]"),
    ("mse", [X, X], {}, "L = Σ_n Σ_k (y[n,k] - t[n,k])**2 / (N * K)"),
    ("transpose", [X], {}, "y[i,j] = x[j,i]"),
    ("flip", [X], {"axis": 0}, "y[i,j] = x[2-i,j] for i < 3"),
    ("pad", [X[0]], {"width": ((1, 0),)}, "y[i] = [1 <= i < 5] * x[i-1] for i < 5"),
    ("getitem", [X], {"index": (slice(1, None), 2)}, "y[i] = x[i+1,2] for i < 2"),
    ("concat", [X[0], X[1]], {},
     "y[i] = [0 <= i < 4] * xs[0][i] + [4 <= i < 8] * xs[1][i-4] for i < 8"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operands", "params", "formula"), STATED)
def test_how_they_read(name: str, operands: Any, params: Any, formula: str) -> None:
    assert tg.registry[name].index_for(operands, params) == formula


def test_a_fixed_formula_holds_for_its_own_ranks_only() -> None:
    @tg.op(index="Q[n,m] = Σ_d A[n,d] * A[m,d]")
    def gram(A):  # type: ignore[no-untyped-def]
        return A @ np.swapaxes(A, -1, -2)

    assert gram.index_for([X], {}) == "Q[n,m] = Σ_d A[n,d] * A[m,d]"
    assert gram.index_for([X[None]], {}) == ""
    np.testing.assert_array_equal(evaluate(gram, X), X @ X.T)
    with pytest.raises(ValueError, match=r"states no index formula for operands \(1, 3, 4\)"):
        evaluate(gram, X[None])


def test_a_rule_sees_shapes_by_name_and_all_parameters() -> None:
    seen = []

    def state(shapes: Any, params: Any) -> str:
        seen.append((shapes, params))
        return ""

    @tg.op(index=state)
    def scaled(x, b=None, *, k=2.0, q=1.0):  # type: ignore[no-untyped-def]
        return k * q * x if b is None else k * q * x + b

    assert scaled.index_for([X, None], {"k": 3.0}) == ""
    assert seen == [({"x": (3, 4), "b": None}, {"k": 3.0, "q": 1.0})]


# --- the language -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y[i] = x[i] - Σ_j x[j] / J", X[1] - X[1].mean()),
        ("y = Σ_i -x[i] * 2 + 1", -2 * X[1].sum() + 1),
        ("y = Π_i x[i]", X[1].prod()),
        ("y[i] = [i >= 1] * x[i-1] for i < 5", np.array([0.0, 4, 5, 6, 7])),
        ("y = min_i (x[i] - 5)**2", 0.0),
        ("y[i] = x[i]**-1", 1 / X[1]),
        ("y[i,j] = [i == j] * x[i]", np.diag(X[1])),
        ("y[i] = i * I - x[I-1-i]", np.arange(4) * 4 - X[1][::-1]),
        ("y[i] = x[i] / 2 / 2 * 3", X[1] * 0.75),
        ("y[i,0] = x[i]", X[1][:, None]),
    ],
)
def test_what_a_formula_means(formula: str, expected: Any) -> None:
    given_arrays = {"x": X[1], "y": np.zeros(np.shape(expected))}
    np.testing.assert_allclose(interpret(formula, given_arrays), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y[i] : x[i]", "needs one ' = '"),
        ("y[i] = x[i] +", "a number, an operand or a bracket should stand here"),
        ("y[i] = sinh(x[i])", "unknown function 'sinh'; there are exp, log"),
        ("y[i] = x[i] ? 2", "unknown character '\\?'"),
        ("y[i] = (x[i]", "'\\)' is missing"),
        ("y[i] = [i] * x[i]", "holds a comparison"),
        ("y[i+1] = x[i]", "must be a result with plain indices"),
        ("y[i] = x[i] for i = 3", "written 'for i < 3'|needs one ' = '"),
        ("y[i] = x[i] x[i]", "an operator should stand here"),
        ("y[i] = softmax(x[i])[i]", "exactly one ':'"),
        ("y = x[j]", "needs j: give it among the arrays"),
        ("y[i] = x[i,i]", "2 indices, but its shape is"),
        ("y[i] = x[i+1]", "nothing shows how far index i"),
        ("y[i] = x[i+1] for i < 4", r"reaches x\[4\], outside its shape \(4,\)"),
        ("y[i] = x[i-1] for i < 4", r"reaches x\[-1\], outside"),
        ("y[i] = w[i] + x[i]", "needs w: give it"),
        ("y[i] = x[i] + t[i]", "index i of .* runs to"),
    ],
)
def test_what_cannot_be_read_or_does_not_fit_says_why(formula: str, message: str) -> None:
    with pytest.raises(IndexFormulaError, match=message):
        interpret(formula, {"x": X[1], "t": np.ones(3)})


def test_sizes_come_from_operands_from_the_result_and_from_a_gradients_own_operand() -> None:
    assert sizes_of("Z[n,h] = Σ_d X[n,d]", {"X": X, "Z": np.ones((3, 7))}) == {
        "n": 3, "d": 4, "h": 7,
    }  # fmt: skip
    assert sizes_of("dx[i,j] = dy[i] / J", {"x": X, "dy": X[:, 0]}) == {"i": 3, "j": 4}


def test_an_index_from_the_end_is_refused_and_not_taken_for_no_index() -> None:
    x, picked = np.ones(3), np.array([-1, 0])
    for formula in ("y[i] = x[picked[i]]", "y[j] = Σ_i dq[i] * [j == picked[i]] for j < 3"):
        with pytest.raises(IndexFormulaError, match="count from 0"):
            interpret(formula, {"x": x, "picked": picked, "dq": np.ones(2)})
