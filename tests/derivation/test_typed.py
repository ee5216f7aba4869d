"""A loss typed as a formula."""

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.derivation.typed import typed


def test_a_formula_is_the_network_that_it_says() -> None:
    x, w, b, t = [[1.0, 2.0]], [[0.5], [-0.5]], [0.1], [[1.0]]
    given = {"x": x, "w": w, "b": b, "t": t}
    loss = typed("mean((sigmoid(x @ w + b) - t)**2)", given)
    z = np.array(x) @ w + b
    assert loss.item() == pytest.approx(float(((1 / (1 + np.exp(-z)) - t) ** 2).mean()))
    derivation = tg.explain(loss)
    assert set(derivation.gradients) == {"w", "b"}


@pytest.mark.parametrize(
    "formula",
    [
        "mean((sigmoid(x @ w + b) - t)**2)",
        "mse(relu(x @ w1 + b1) @ w2 + b2, y)",
        "sum(w * w)",
        "sum(softmax(x @ w))",
        "tanh(a) * exp(c)",
        "sum(x.T @ x) + 0.5 * sum(w * w)",
    ],
)
def test_shapes_are_found_where_none_are_given(formula: str) -> None:
    loss = typed(formula, {})
    assert loss.shape == () and loss.op is not None
    assert len(tg.explain(loss)) > 1
    assert typed(formula, {}, seed=1).item() != loss.item() or formula == "sum(softmax(x @ w))"


@pytest.mark.parametrize(
    ("formula", "given", "message"),
    [
        ("mean(", {}, "is no formula"),
        ("__import__('os')", {}, "no function '__import__'"),
        ("x.__class__", {}, "is not known"),
        ("[k for k in x]", {}, "not part of a formula"),
        ("lambda x: x", {}, "not part of a formula"),
        ("sum(x @ w)", {"z": 1}, "'z' does not occur"),
        ("x @ w", {"x": [[1.0, 2.0]], "w": [[1.0], [2.0]]}, r"put mean\(…\)"),
        ("sum(x @ w)", {"x": [[1.0, 2.0]], "w": [[1.0]]}, "do not fit"),
        ("1 + 2", {}, "no name in it"),
        ("w", {}, "is a name only"),
        ("9**9**9", {}, "no number that fits"),
        ("sum(w * 2**2**99)", {}, "no number that fits"),
        ("sum(w * (0 - 8)**0.5)", {}, "complex"),
        ("sum(w * 0**(0 - 1))", {}, "no number that fits"),
        ("sum(w / 0.0 * (1/0))", {}, "division by zero"),
        ("sum(w * (1 << 99999999999))", {}, "LShift is not part"),
        ("sum('a' * 99999999999 * w)", {}, "a list or a text"),
        ("sum((0,) * 99999999999 * w)", {}, "a list or a text"),
        ("sum(((0, 0), 0)[0] * 99999999999 * w)", {}, "a list or a text"),
        ("-" * 1999 + "w", {}, "nested too deeply"),
        ("(" * 900 + "w" + ")" * 900, {}, "nested"),
        ("sum(w)" + " + sum(w)" * 999, {}, "signs, at most"),
        ("sum(w)", {"w": [[1, 2], [3]]}, "lists in it of one length"),
        ("sum(w)", {"w": None}, "no number and no list of numbers"),
        ("sum(w)", {"w": {}}, "no number and no list of numbers"),
        ("sum(w)", {"w": "1"}, "no number and no list of numbers"),
    ],
)
def test_what_is_no_loss_is_refused_with_the_reason(formula, given, message) -> None:
    with pytest.raises(ValueError, match=message):
        typed(formula, given)


def test_powers_of_plain_numbers_stay_whole_where_they_are() -> None:
    loss = typed("w[2**1] * 2**-1 + w[0] * 2**3**2", {"w": [1.0, 2.0, 3.0]})
    assert loss.item() == 3 / 2 + 512
