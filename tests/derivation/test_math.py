"""What `text` and `latex` write means what the code computes: it is read back and evaluated."""

import ast
from typing import Any

import numpy as np
import pytest
from derivation.math_from_latex import from_latex
from derivation.math_reader import read
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygrad_ed.derivation.math import Symbols, latex, text

rng = np.random.default_rng(7)
ARRAYS = {
    name: rng.integers(-8, 9, (2, 2)) / 4 for name in ("a", "X", "Z1", "dW1", "dW1_2", "each_2")
}
NUMBERS = {"m": 3.0, "delta": -0.75}
VALUES: dict[str, Any] = {**ARRAYS, **NUMBERS, "np": np}
SYMBOLS = Symbols(
    shapes={**dict.fromkeys(ARRAYS, 2), **dict.fromkeys(NUMBERS, 0)},
    gradients={"dW1": "W1", "dW1_2": "W1"},
)


def written(symbols: Symbols, names: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by their written form, and the LaTeX form of each name with its Unicode form."""
    nodes = {name: ast.Name(name, ast.Load()) for name in names}
    plain = {name: text(node, symbols) for name, node in nodes.items()}
    return plain, {latex(node, symbols): plain[name] for name, node in nodes.items()}


PLAIN, TEX = written(SYMBOLS, [*ARRAYS, *NUMBERS])
BY_FORM = {PLAIN[name]: VALUES[name] for name in PLAIN}


def assert_means_the_same(code: str, *, exact: bool = True) -> None:
    node = ast.parse(code, mode="eval")
    with np.errstate(all="ignore"):
        value = eval(code, VALUES)
        for form in (text(node, SYMBOLS), from_latex(latex(node, SYMBOLS), TEX)):
            found = read(form, BY_FORM)
            if exact:
                np.testing.assert_array_equal(found, value, err_msg=form)
            else:
                np.testing.assert_allclose(found, value, 1e-9, 1e-9, err_msg=form)


# --- expression trees ----------------------------------------------------------------------------

leaves = st.one_of(
    st.sampled_from([*ARRAYS, *NUMBERS]),
    st.sampled_from(["2", "3", "0.5", "1e-08", "2.5e-07", "(1 / 2)", "(-1)", "(-0.25)", "1.0"]),
)


def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    condition = st.tuples(parts, st.sampled_from([">", ">=", "<", "<=", "==", "!="]), parts).map(
        lambda t: f"(X + {t[0]} {t[1]} {t[2]})"
    )
    mask = st.one_of(
        condition,
        st.tuples(condition, st.sampled_from("&|"), condition).map(lambda t: f"({' '.join(t)})"),
        condition.map(lambda c: f"(~{c})"),
        st.tuples(condition, condition).map(lambda t: f"np.logical_and({t[0]}, {t[1]})"),
    )
    pair = st.tuples(parts, parts)
    return st.one_of(
        st.tuples(parts, st.sampled_from("+-*/"), parts).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.sampled_from(["X @ a", "(X @ Z1)", "(-(a @ X.T))", "((-a) @ X)", "((2 * X) @ a)"]),
        pair.map(lambda t: f"(({t[0]} + X) @ ({t[1]} * a))"),
        parts.map(lambda x: f"(-{x})"),
        st.tuples(parts, st.sampled_from(["2", "3", "0.5", "-1", "m"])).map(
            lambda t: f"({t[0]} ** {t[1]})"
        ),
        st.sampled_from(["(X // 2)", "(a // 0.25)", "((-X) // 0.5)", "(-(X // m))"]),
        pair.map(lambda t: f"((X - {t[0]}) % {t[1]})"),
        st.tuples(
            st.sampled_from(["exp", "log", "sqrt", "abs", "sign", "tanh", "square", "sin"]), parts
        ).map(lambda t: f"np.{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["maximum", "minimum"]), parts, parts).map(
            lambda t: f"np.{t[0]}({t[1]}, {t[2]})"
        ),
        st.tuples(mask, parts, parts).map(lambda t: f"np.where({', '.join(t)})"),
        st.tuples(parts, mask).map(lambda t: f"({t[0]} * {t[1]})"),
        st.tuples(
            st.sampled_from(["sum", "prod", "max", "min"]),
            parts,
            st.sampled_from(["", ", axis=0", ", axis=-1, keepdims=True", ", axis=(0, 1)"]),
        ).map(lambda t: f"np.{t[0]}(X + {t[1]}{t[2]})"),
        parts.map(lambda x: f"(X - {x}).T"),
        parts.map(lambda x: f"np.swapaxes(X * {x}, -1, -2)"),
    )


expressions = st.recursive(leaves, larger, max_leaves=10)


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_what_is_written_is_what_is_computed(code: str) -> None:
    with np.errstate(all="ignore"):
        try:
            assume(not np.iscomplexobj(eval(code, VALUES)))
        except (ZeroDivisionError, ValueError):  # NumPy has no integers to negative powers
            assume(False)
    assert_means_the_same(code)


@pytest.mark.parametrize(
    "code",
    [
        "np.prod(X) * m", "np.sum(X, axis=0) * a", "a * np.sum(X, axis=0) * Z1", "-np.prod(X) * a",
        "np.sum(X, axis=0) / a", "np.sum(X, axis=0) @ a", "2 * np.sum(X, axis=0) * a",
        "np.sum(X * np.sum(a, axis=0), axis=1) + m", "np.sum(X + a, axis=0) - np.prod(a, axis=0)",
    ],
)  # fmt: skip
def test_a_sum_takes_in_no_more_than_it_should(code: str) -> None:
    assert_means_the_same(code)


@pytest.mark.parametrize(
    "code",
    [
        "np.log1p(np.abs(X))",
        "np.log1p(-np.abs(X) / 8)",
        "2 * np.expm1(X)",
        "np.mean(X * a, axis=0) * a",
        "a - np.mean(X)",
        "np.mean(X, keepdims=True) / m",
    ],
)
def test_functions_more_exact_than_their_definition_agree_with_it(code: str) -> None:
    assert_means_the_same(code, exact=False)


# --- how it looks --------------------------------------------------------------------------------

LOOKS = [
    ("dW1 = A0.T @ dZ1", "dW₁ = A₀ᵀ dZ₁", r"\mathrm{d}W_{1} = A_{0}^{\top} \, \mathrm{d}Z_{1}"),
    ("A1 = sigmoid(Z1)", "A₁ = σ(Z₁)", r"A_{1} = \sigma\left(Z_{1}\right)"),
    ("Z1 = A0 @ W1 + b1", "Z₁ = A₀ W₁ + b₁", r"Z_{1} = A_{0} \, W_{1} + b_{1}"),
    ("dZ1 * A1 * (1 - A1)", "dZ₁ ⊙ A₁ ⊙ (1 − A₁)",
     r"\mathrm{d}Z_{1} \odot A_{1} \odot \left(1 - A_{1}\right)"),
    ("(1 / 2) * A1", "½ A₁", r"\frac{1}{2} \, A_{1}"),
    ("m * A1", "m · A₁", r"m \cdot A_{1}"),
    ("0.5 * (1 + A1) * 2", "0.5 (1 + A₁) · 2",
     r"0.5 \, \left(1 + A_{1}\right) \cdot 2"),
    ("2 * 3.0 * A1", "2 · 3 · A₁", r"2 \cdot 3 \cdot A_{1}"),
    ("(y - t) * (y - t) / 2", "(y − t)²/2", r"\frac{\left(y - t\right)^{2}}{2}"),
    ("L = np.mean(each)", "L = 1/32 Σ each", r"L = \frac{1}{32} \, \sum \mathrm{each}"),
    ("np.mean(y)", "mean(y)", r"\operatorname{mean}\left(y\right)"),
    ("np.sum(dZ1, axis=0)", "Σ[axis 0] dZ₁", r"\sum_{\text{axis 0}} \mathrm{d}Z_{1}"),
    ("np.exp(-np.abs(z))", "exp(−|z|)", r"\mathrm{e}^{-\left| z \right|}"),
    ("np.where(z >= 0, 1, e) / (1 + e)", "{1 if z ≥ 0, e otherwise}/(1 + e)",
     r"\frac{\begin{cases} 1 & \text{if } z \ge 0 \\ e & \text{otherwise} \end{cases}}{1 + e}"),
    ("e * np.exp(z)", "e ⊙ exp(z)", r"e \odot \exp\left(z\right)"),
    ("dy * ((x >= -1.0) & (x <= 1.0))", "dy ⊙ [x ≥ −1 ∧ x ≤ 1]",
     r"\mathrm{dy} \odot \left[x \ge -1 \land x \le 1\right]"),
    ("x - -0.5", "x − (−0.5)", r"x - \left(-0.5\right)"),
    ("1e-08 + 1.5e-07", "10⁻⁸ + 1.5·10⁻⁷", r"10^{-8} + 1.5 \cdot 10^{-7}"),
    ("np.asarray(np.float32(2.5) * x)", "2.5 x", r"2.5 \, x"),
    ("np.ones_like(L)", "1", "1"),
    ("x.astype('float32')", "float32(x)", r"\operatorname{float32}\left(x\right)"),
    ("dL / x.size", "dL/size(x)",
     r"\frac{\mathrm{d}L}{\operatorname{size}\left(x\right)}"),
    ("np.reshape(x, (2, 3))", "reshape(x, (2, 3))",
     r"\operatorname{reshape}\left(x, \left(2, 3\right)\right)"),
    ("x[1:, ..., 0]", "x[1:, …, 0]", r"x\left[1\mathord{:}, \ldots, 0\right]"),
    ("softmax(z, axis=-1)", "softmax[last axis](z)",
     r"\operatorname{softmax}_{\text{last axis}}\left(z\right)"),
    ("my_helper(z, width=2)", "my_helper(z, width=2)",
     r"\operatorname{my\_helper}\left(z, \text{width} = 2\right)"),
    ("np.sum(x, axis=0, dtype='float64')", "sum(x, axis=0, dtype='float64')",
     r"\operatorname{sum}\left(x, \text{axis} = 0, \text{dtype} = \text{`float64'}\right)"),
    ("np.add.at(out, places, x)", "out[places] += x",
     r"\mathrm{out}\left[\mathrm{places}\right] \mathrel{+}= x"),
    ("counter & 255 >> 3", "counter & (255 ≫ 3)",
     r"\mathrm{counter} \mathbin{\&} \left(255 \gg 3\right)"),
    ("[i for i in x_y]", "`[i for i in x_y]`", r"\texttt{[i for i in x\_y]}"),
    ("for i in x: pass", "`for i in x: pass`", r"\texttt{for i in x: pass}"),
]  # fmt: skip

NETWORK = Symbols(
    shapes={"A0": 2, "W1": 2, "b1": 1, "Z1": 2, "A1": (8, 4), "each": (8, 4), "L": 0, "m": 0},
    gradients={"dW1": "W1", "dZ1": "Z1", "dL": "L"},
)


@pytest.mark.parametrize(("code", "unicode", "tex"), LOOKS)
def test_formulas_look_as_in_a_derivation(code: str, unicode: str, tex: str) -> None:
    node = ast.parse(code)
    assert text(node, NETWORK) == unicode
    assert latex(node, NETWORK) == tex


def test_several_statements_are_lines_and_locals_are_known_afterwards() -> None:
    code = ast.parse("s = np.sum(A1)\nA1 = A1 * s")
    assert text(code, NETWORK) == "s = Σ A₁\nA₁ = A₁ · s"
    assert latex(code, NETWORK) == (
        r"\begin{aligned} s & = \sum A_{1} \\ A_{1} & = A_{1} \cdot s \end{aligned}"
    )


def test_a_mean_may_divide_by_a_letter() -> None:
    symbols = Symbols(shapes={"each": (8,)}, count="m")
    code = ast.parse("np.mean(each)", mode="eval")
    assert text(code, symbols) == "1/m Σ each"
    assert latex(code, symbols) == r"\frac{1}{m} \, \sum \mathrm{each}"
