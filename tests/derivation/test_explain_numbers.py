"""How numbers stand in an entry: what is left out is said, no square, no sign is made up."""

import numpy as np
import pytest
from derivation import printed

import tinygrad_ed as tg
from tinygrad_ed.derivation.index_forms.entry import entry


def leaf(values: object, name: str) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype=float), requires_grad=True, name=name)


def first_entry(loss: tg.Tensor, name: str) -> str:
    found = tg.explain(loss)[name].entry
    assert found is not None
    return found.numbers


def test_only_what_is_a_square_is_written_as_one() -> None:
    w, x = leaf([2.0], "w"), leaf([2.0], "x")
    assert first_entry(tg.sum(w * x), "u1") == "2 · 2"
    assert first_entry(tg.sum(w * w), "u1") == "2²"
    assert first_entry(tg.sum(w * x), "dw") == "1 · 2"


@pytest.mark.parametrize(("formula", "numbers"), [
    ("y = Π_i x[i]", "1·2·3·(3 more: 120)"),
    ("y = max_i x[i]", "max(1, 2, 3, (3 more: 6))"),
    ("y = min_i x[i]", "min(1, 2, 3, (3 more: 4))"),
    ("y = exp(Σ_i x[i])", "exp(1 + 2 + 3 + (3 more: 15))"),
])  # fmt: skip
def test_what_is_left_out_is_said(formula: str, numbers: str) -> None:
    found = entry(formula, {"x": np.arange(1.0, 7.0)}, (), limit=3)
    assert found.numbers() == numbers
    assert printed.evaluated(numbers) == pytest.approx(found.value)
    assert found.symbols().count("(3 more)") == 1 and r"3\ \text{more}" in found.latex()


def test_what_is_left_out_is_added_up_by_itself() -> None:
    """Not as the whole without what is shown: 1e20 would swallow it."""
    x = np.array([1e20, 1.0, 2.0, 3.0])
    assert "(3 more: 6)" in entry("y = exp(Σ_i x[i])", {"x": x}, (), limit=1).numbers()


def test_powers_of_ten_and_what_is_no_number_look_the_same_everywhere() -> None:
    x = leaf([1e300, -2e-9, np.inf, np.nan], "x")
    assert first_entry(tg.sum(x), "u1") == "10³⁰⁰ + (−2·10⁻⁹) + ∞ + NaN"
    divided = entry("y[i] = a[i] / b[i]", {"a": np.array([1.0]), "b": np.array([2e-9])}, (0,))
    assert divided.numbers() == "1/(2·10⁻⁹)"
    squared = entry("y[i] = a[i]**2", {"a": np.array([2e-9])}, (0,))
    assert squared.numbers() == "(2·10⁻⁹)²"
    assert squared.latex().count(r"\left(2 \cdot 10^{-9}\right)") == 1


def test_a_negative_zero_divides_to_minus_infinity() -> None:
    a, b = leaf([1.0], "a"), leaf([-0.0], "b")
    with np.errstate(all="ignore"):
        loss = tg.sum(a / b)
    assert first_entry(loss, "u1") == "1/(−0)"


def test_where_nothing_is_added_up_nothing_meets() -> None:
    found = tg.explain(tg.sum(leaf(np.zeros((0, 3)), "x")))["u1"].entry
    assert found is not None and found.numbers == "0" and not found.meets


def test_a_contribution_may_be_called_like_the_gradient_of_another() -> None:
    """dW_2 is the second contribution to W here, although there is a W_2 of another shape."""
    W, other = leaf([[0.5, 1.0, 2.0]], "W"), leaf([[1.0], [2.0], [3.0]], "W_2")
    derivation = tg.explain(tg.sum((W @ other) * W))
    for step in derivation:
        assert step.entry is None or step.entry.value == pytest.approx(step.value[step.entry.place])
    assert set(derivation.gradients) == {"W", "W_2"}


def test_names_of_a_derivation_never_look_alike() -> None:
    z, leaf_called_dz = leaf([0.5, 1.0], "Z"), leaf([2.0, 1.0], "dZ")
    derivation = tg.explain(tg.sum(tg.tanh(z) * leaf_called_dz))
    symbols = derivation.symbols
    looks = [form.look for form in symbols.forms().values()]
    assert len(set(looks)) == len(looks)
    assert "dZ_2" in derivation.text()
