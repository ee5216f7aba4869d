"""Arrays on a page: corners of large ones, the marked entries, numbers that can be read back."""

import re

import numpy as np
import pytest
from derivation.html_tree import cells, number, parsed
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_ed as tg
from tinygrad_ed.derivation import page_values
from tinygrad_ed.derivation.examples import EXAMPLES
from tinygrad_ed.derivation.parts import aligned, operands, split_outside, where_in


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=14),
        elements=st.floats(-1e100, 1e100) | st.sampled_from([np.nan, np.inf]),
    ),
    st.data(),
)
def test_large_arrays_show_a_part_with_the_followed_entry_and_what_all_are_like(
    array: np.ndarray, data: st.DataObject
) -> None:
    place = tuple(data.draw(st.integers(0, n - 1)) for n in array.shape)
    figure = parsed(page_values.table(array, '<span class="math">A</span>', place)).one("figure")
    entries = [cell for row in cells(figure) for cell in row]
    hits = [t for t, kinds in entries if "hit" in kinds]
    assert hits == [page_values.shown(array[place])]
    assert len(entries) <= 11 * 11
    shown_in_full = array.size == sum("gap" not in kinds for _, kinds in entries)
    assert bool(figure.all("p")) != shown_in_full
    if not shown_in_full and np.isfinite(array).all():
        least, largest = re.search(
            r"least (\S+), mean \S+, largest ([^\s,]+)", figure.one("p").text
        ).groups()
        np.testing.assert_allclose(number(least), array.min(), rtol=1e-3)
        np.testing.assert_allclose(number(largest), array.max(), rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, -0.0, -1.5, 1e-9, 6.02e23, np.float32(0.1), 7, -3, True])
def test_numbers_read_back(value: float) -> None:
    np.testing.assert_allclose(number(page_values.shown(value)), float(value), rtol=5e-4)


def test_numbers_that_are_none() -> None:
    shown = [page_values.shown(v) for v in (np.nan, np.inf, -np.inf)]
    assert shown == ["NaN", "∞", "−∞"]


def test_empty_arrays() -> None:
    assert "no entry" in parsed(page_values.table(np.zeros((0, 3)), "A")).one("figure").text


# --- parts of a step ------------------------------------------------------------------------------


def test_operands_stand_in_the_order_of_the_formula() -> None:
    derivation = tg.explain(EXAMPLES["two-layers"].build())
    for step in derivation:
        assert sorted(operands(step)) == sorted(step.inputs)
    assert operands(derivation["dW1"]) == ["x", "dZ1"]


def test_splitting_leaves_groups_whole() -> None:
    latex = r"a = \left(b = c\right) = \frac{d = e}{f} = \begin{cases} g = h \end{cases}"
    found = split_outside(latex, " = ")
    assert found == [
        "a", r"\left(b = c\right)", r"\frac{d = e}{f}", r"\begin{cases} g = h \end{cases}"
    ]  # fmt: skip
    assert split_outside(r"x \leftarrow y = z", " = ") == [r"x \leftarrow y", "z"]
    assert aligned("a = b = c").count("&=") == 2


def test_where_a_formula_goes_entry_by_entry_the_same_entry_is_marked() -> None:
    x = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True, name="x")
    b = tg.tensor(np.arange(3.0), requires_grad=True, name="b")
    derivation = tg.explain((x + b).sum(), wrt="x", entry=(1, 2))
    step = next(s for s in derivation if s.phase == "forward" and "b" in s.inputs)
    assert step.entry is not None
    last = step.entry.place[-1]
    assert where_in(step, "x") == step.entry.place and where_in(step, "b") == (last,)
