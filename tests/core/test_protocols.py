"""NumPy's functions on tensors mean what they mean on arrays, or refuse; none cuts a gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck

A = np.arange(6.0).reshape(2, 3) + 1


def leaf() -> tg.Tensor:
    return tg.tensor(A, requires_grad=True)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_take_numbers_the_flattened_entries_unless_an_axis_is_given(
    axis: int | None, as_tensor: bool
) -> None:
    indices = np.array([1, 0, 1])
    t = leaf()
    taken = np.take(t, tg.tensor(indices) if as_tensor else indices, axis=axis)
    np.testing.assert_array_equal(taken.numpy(), np.take(A, indices, axis=axis))
    gradcheck(lambda x: np.take(x, indices, axis=axis), A)


def test_take_counts_entries_beyond_the_first_axis() -> None:
    np.testing.assert_array_equal(np.take(leaf(), [5, 2]).numpy(), [6.0, 3.0])


@pytest.mark.parametrize(
    "width", [1, (1,), (2, 1), ((1, 1),), ((1, 0), (0, 2)), ((1,), (2,)), np.array([1, 2])]
)
def test_pad_takes_every_spelling_of_a_border(width: Any) -> None:
    padded = np.pad(leaf(), width, constant_values=7.0)
    np.testing.assert_array_equal(padded.numpy(), np.pad(A, width, constant_values=7.0))
    np.testing.assert_array_equal(np.pad(leaf(), pad_width=width).numpy(), np.pad(A, width))
    gradcheck(lambda x: np.pad(x, width), A, order=2)


@given(width=st.one_of(st.integers(0, 3), st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_tg_pad_takes_one_border_for_all_axes(width: Any) -> None:
    gradcheck(lambda x: tg.pad(x, width=width), A)
    assert "np.pad" in str(tg.unroll(tg.pad(leaf(), width=width).sum()))


@pytest.mark.parametrize(
    ("width", "error"), [(1.5, TypeError), ("ab", TypeError), ((1, 2, 3), tg.ShapeError)]
)
def test_a_border_that_is_none_is_refused(width: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="pad"):
        np.pad(leaf(), width)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.add.reduce(t, where=A > 2),
        lambda t: np.add.reduce(t, initial=5.0),
        lambda t: np.add.reduce(t, out=np.zeros(3)),
        lambda t: np.multiply.reduce(t, dtype="float32"),
        lambda t: np.max(t, out=np.zeros(())),
        lambda t: np.max(t, initial=9.0),
        lambda t: np.min(t, where=A > 2, initial=9.0),
        lambda t: np.sum(t, out=np.zeros(())),
        lambda t: np.sum(t, initial=9.0),
        lambda t: np.sum(t, where=A > 2),
        lambda t: np.sum(t, dtype="float32"),
        lambda t: np.mean(t, where=A > 2),
        lambda t: np.var(t, correction=1),
        lambda t: np.take(t, [0], mode="clip"),
        lambda t: np.pad(t, 1, mode="edge"),
        lambda t: np.pad(t, 1, "reflect"),
        lambda t: np.pad(t, 1, stat_length=2),
        lambda t: np.clip(t, 0, 1, out=np.zeros((2, 3))),
        lambda t: np.median(t),
        lambda t: np.cbrt(t),
    ],
)
def test_what_the_tape_cannot_do_is_refused_and_not_dropped(
    call: Callable[[tg.Tensor], Any],
) -> None:
    with pytest.raises(TypeError, match="not differentiable here: use"):
        call(leaf())


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.add.reduce(t),
        lambda t: np.add.reduce(t, 1, None, None, True),
        lambda t: np.maximum.reduce(t, axis=None, out=None),
        lambda t: np.sum(t, 0, None, None, True),
        lambda t: np.max(t, axis=1, out=None, keepdims=True),
        lambda t: np.mean(t, dtype=None, out=None),
        lambda t: np.var(t, 1, ddof=1, keepdims=True),
        lambda t: np.std(t, ddof=1),
        lambda t: np.split(t, indices_or_sections=[1], axis=1)[1],
        lambda t: np.clip(t, a_min=2, a_max=4),
        lambda t: np.clip(t, 2, None),
    ],
)
def test_what_it_can_do_is_what_numpy_does(call: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(call(leaf()).numpy(), call(A), rtol=1e-15)


def test_an_error_inside_an_op_is_not_taken_for_a_wrong_argument() -> None:
    with pytest.raises(TypeError) as caught:
        np.sum(leaf(), axis="rows")
    assert "not differentiable" not in str(caught.value)


@pytest.mark.parametrize("function", [np.tril, np.triu, np.cumsum])
def test_a_linear_function_without_an_op_never_cuts_a_gradient(function: Any) -> None:
    with pytest.raises(TypeError, match=f"np.{function.__name__} .* not differentiable here"):
        function(leaf())
    with tg.no_grad():
        np.testing.assert_array_equal(function(leaf()).numpy(), function(A))
    np.testing.assert_array_equal(function(tg.tensor(A)).numpy(), function(A))
    np.testing.assert_array_equal(function(leaf().detach()).numpy(), function(A))


def test_vjps_that_mask_and_count_with_them_are_still_recorded() -> None:
    with_zero = np.array([[1.0, 0.0, 3.0], [2.0, 5.0, 4.0]])
    gradcheck(lambda x: tg.prod(x, axis=1), with_zero, order=2)
    gradcheck(lambda x: x[np.array([0, 1, 0])] * x[np.array([1, 1, 0])], A, order=2)
