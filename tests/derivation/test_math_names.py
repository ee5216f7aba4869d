"""Names as symbols: readable, safe for LaTeX, and no two alike."""

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed.derivation.math import Symbols, latex, text
from tinygrad_ed.derivation.math.shapes import shape_of

GRADIENTS = {"dW1": "W1", "dW1_2": "W1", "dx_wide": "x"}


def both(name: str, symbols: Symbols) -> tuple[str, str]:
    node = ast.Name(name, ast.Load())
    return text(node, symbols), latex(node, symbols)


@pytest.mark.parametrize(
    ("name", "unicode", "tex"),
    [
        ("Z1", "Z₁", "Z_{1}"),
        ("V_1", "V₁", "V_{1}"),
        ("x_i", "x_i", "x_{i}"),
        ("W_xh", "W_xh", r"W_{\mathrm{xh}}"),
        ("m1_2", "m1_2", "m_{1,2}"),
        ("delta2", "δ₂", r"\delta_{2}"),
        ("θ", "θ", r"\theta"),
        ("Sigma", "Sigma", r"\Sigma"),
        ("each", "each", r"\mathrm{each}"),
        ("each_2", "each₂", r"\mathrm{each}_{2}"),
        ("zero_chance", "zero_chance", r"\mathrm{zero\_chance}"),
        ("_", "_", r"\mathrm{\_}"),
        ("dW1", "dW₁", r"\mathrm{d}W_{1}"),
        ("dW1_2", "dW₁⁽²⁾", r"\mathrm{d}W_{1}^{(2)}"),
        ("dx_wide", "dx_wide", r"\mathrm{d}x^{(\text{wide})}"),
        ("du", "du", r"\mathrm{du}"),
        ("损失", "损失", r"\text{损失}"),
        ("Δw", "Δw", r"\Delta \mathrm{w}"),
    ],
)
def test_names_become_symbols(name: str, unicode: str, tex: str) -> None:
    assert both(name, Symbols(gradients=GRADIENTS)) == (unicode, tex)


def test_gradients_in_full_are_derivatives_of_the_loss() -> None:
    symbols = Symbols(gradients=GRADIENTS, full=True)
    assert both("dW1", symbols) == ("∂L/∂W₁", r"\frac{\partial L}{\partial W_{1}}")
    assert both("dW1_2", symbols) == (
        "(∂L/∂W₁)⁽²⁾",
        r"\left(\frac{\partial L}{\partial W_{1}}\right)^{(\text{2})}",
    )
    code = ast.parse("A / dW1 * dW1 ** 2", mode="eval")
    assert text(code, symbols) == "A/(∂L/∂W₁) ⊙ (∂L/∂W₁)²"


def test_what_the_user_called_it_is_shown_and_escaped() -> None:
    symbols = Symbols(labels={"x": "layer.1 {50%} \\x$#&~^", "y": "layer1.weight"})
    assert both("y", symbols) == ("layer1.weight", r"\mathrm{layer1.weight}")
    shown, tex = both("x", symbols)
    assert shown == "layer.1 {50%} \\x$#&~^"
    assert r"\{" in tex and r"\%" in tex and r"\textbackslash{}" in tex


def test_two_names_never_look_alike() -> None:
    symbols = Symbols(shapes={"W1": 2, "W_1": 2, "δ": 0, "delta": 0})
    for way in (text, latex):
        forms = [way(ast.Name(n, ast.Load()), symbols) for n in (*symbols.shapes, "W__1")]
        assert len(set(forms)) == len(forms), forms


@given(st.lists(st.from_regex(r"[^\W\d]\w{0,4}", fullmatch=True), min_size=2, max_size=5))
def test_any_identifiers_are_told_apart_and_balance(names: list[str]) -> None:
    symbols = Symbols(shapes=dict.fromkeys(names, 2))
    forms = {name: both(name, symbols) for name in names}
    assert len({tex for _, tex in forms.values()}) == len(forms)
    assert len({shown for shown, _ in forms.values()}) == len(forms)
    for _, tex in forms.values():
        bare = tex.replace(r"\{", "").replace(r"\}", "")
        assert bare.count("{") == bare.count("}")


SHAPES = {"x": (4, 3), "W": (3, 5), "v": (3,), "s": (), "B": (2, 4, 3)}


@pytest.mark.parametrize(
    "code",
    [
        "x @ W", "B @ W", "v @ W", "x @ v", "v @ v", "x.T", "x + v", "s * x", "-x > v", "x[0]",
        "x[:, 1]", "B[1, :]", "np.sum(x)", "np.sum(x, axis=0)", "np.mean(B, axis=(0, -1))",
        "np.max(x, axis=1, keepdims=True)", "np.swapaxes(B, -1, -2)", "np.reshape(x, (6, 2))",
        "np.broadcast_to(v, (2, 3))", "np.expand_dims(x, (0, -1))", "np.expand_dims(x, 1)",
        "np.where(x > 0, x, s)", "np.exp(x) * s", "np.transpose(x)", "x.astype('float32')",
        "np.array([[1.0, 2.0]])", "x.size", "x.shape[0]", "np.float32(2.0)", "np.matmul(x, W)",
        "np.sum(x, axis=-1) / 3", "np.logical_and(x > 0, v > 0)", "np.sum(s)",
    ],
)  # fmt: skip
def test_shapes_are_told_as_numpy_has_them(code: str) -> None:
    arrays = {name: np.ones(shape) for name, shape in SHAPES.items()}
    found = shape_of(ast.parse(code, mode="eval").body, SHAPES.get)
    assert found == np.shape(eval(code, {"np": np, **arrays}))


@pytest.mark.parametrize("code", ["unknown", "x[x > 0]", "np.squeeze(x)", "f(x, axis=0)"])
def test_a_shape_that_cannot_be_told_is_not_guessed(code: str) -> None:
    assert shape_of(ast.parse(code, mode="eval").body, SHAPES.get) is None
