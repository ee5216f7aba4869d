"""`gradcheck` says yes to right gradients, with the full table; it refuses what it cannot judge."""

from typing import Any

import numpy as np
import pytest
from devices import each_device
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.check import GradientMismatch, gradcheck, strategies

rng = np.random.default_rng(0)
X, W = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
LABELS = np.array([0, 1, 1])


def layer(x: Any, W: Any, labels: Any) -> Any:
    """A small network on top of arrays and tensors alike."""
    return tg.cross_entropy(tg.tanh(x @ W), labels)


def test_the_table_holds_every_derivative_when_all_agree() -> None:
    result = gradcheck(layer, X, W, LABELS, order=2)
    assert result and result.op is None and result.guess is None
    assert result.max_error < 1e-9
    first = [row for row in result.table if row.order == 1]
    entries = {("x", place) for place in np.ndindex(3, 4)} | {
        ("W", place) for place in np.ndindex(4, 2)
    }
    assert {(row.input, row.entry) for row in first} == entries
    # The gradient's gradient: each of 20 gradient entries by each of 20 inputs and by dL/dL = v.
    assert len(result.table) - len(first) == 20 * 21


def test_rows_say_what_was_compared_and_how() -> None:
    (row,) = gradcheck(tg.exp, np.array([0.5]), names=["u"]).table
    assert (row.input, row.entry, row.output, row.place) == ("u", (0,), "y", (0,))
    assert row.analytic == pytest.approx(np.exp(0.5), rel=1e-15)
    assert row.numeric == pytest.approx(np.exp(0.5), rel=1e-15)
    assert row.how == "complex step" and row.allowed == 1e-12 and row.ok


def test_printing_shows_the_largest_errors_first_and_caps_the_rest() -> None:
    result = gradcheck(layer, X, W, LABELS)
    lines = str(result).splitlines()
    assert lines[0].startswith("gradcheck passed: 20 derivatives of order 1 by complex step")
    assert "analytic" in lines[1] and "numeric" in lines[1]
    assert lines[-1] == "... and 8 more with smaller errors (.table)"
    shown = [float(line.split()[-4 - 1]) for line in lines[2:-1]]
    assert shown == sorted(shown, reverse=True)
    assert result.worst is not None and f"{result.worst.error:.1e}" in lines[2]


def test_names_come_from_tensors_then_from_parameters_then_from_the_caller() -> None:
    named = tg.tensor(np.ones(2), requires_grad=True, name="W1")
    assert {row.input for row in gradcheck(lambda a, b: a * b, named, np.ones(2)).table} == {
        "W1",
        "b",
    }
    assert {row.input for row in gradcheck(lambda *xs: xs[0], np.ones(2)).table} == {"input 0"}
    with pytest.raises(ValueError, match="2 names for 1 inputs"):
        gradcheck(tg.exp, np.ones(2), names=["a", "b"])


@each_device
def test_tensors_are_checked_on_their_own_device_and_left_alone(device: str) -> None:
    x = tg.tensor(X, requires_grad=True, device=device)
    data = tg.tensor(W, device=device)
    seen = []

    def product(x: Any, w: Any) -> Any:
        seen.append(getattr(x, "device", None))
        return x @ w

    assert {row.input for row in gradcheck(product, x, data).table} == {"x"}
    assert device in seen
    assert x.grad is None
    np.testing.assert_array_equal(x.numpy(), X)


def test_integers_flags_and_plain_tensors_are_constants() -> None:
    condition = np.array([True, False])
    t = tg.tensor(np.zeros(2))
    result = gradcheck(
        lambda c, a, b, t, n: tg.where(c, a, b) ** n - t, condition, np.ones(2), np.ones(2), t, 2
    )
    assert {row.input for row in result.table} == {"a", "b"}


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (1, 1)])
def test_scalars_and_empty_arrays_are_arrays_too(shape: tuple[int, ...]) -> None:
    result = gradcheck(lambda x: tg.exp(x) * x, np.full(shape, 0.5), order=2)
    size = int(np.prod(shape))
    assert result and sum(row.order == 1 for row in result.table) == size * size


@pytest.mark.parametrize("made", ["array", "tensor"])
def test_float32_is_refused_with_the_fix(made: str) -> None:
    x: Any = np.ones(2, np.float32)
    if made == "tensor":
        x = tg.tensor(x, requires_grad=True)
    with pytest.raises(tg.DTypeError, match=r"needs float64: input x is float32.*\.astype"):
        gradcheck(lambda x: x * x, x)


def test_float32_inside_the_function_is_refused_too() -> None:
    with pytest.raises(tg.DTypeError, match="the function returned float32"):
        gradcheck(lambda x: x.astype("float32"), X)


def test_integers_alone_leave_nothing_to_check() -> None:
    with pytest.raises(tg.DTypeError, match=r"nothing to check.*astype\('float64'\)"):
        gradcheck(lambda x: x * 2, np.arange(3))


def test_a_list_is_refused_because_its_number_type_is_a_guess() -> None:
    with pytest.raises(TypeError, match=r"input x is a list"):
        gradcheck(lambda x: x * 2, [1.0, 2.0])


def test_a_function_that_leaves_the_tape_is_refused() -> None:
    with pytest.raises(TypeError, match="must return one tensor, got ndarray"):
        gradcheck(lambda x: x.numpy(), X)


def test_a_point_outside_the_domain_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not finite.*entry \[1\] of the result is -inf"):
        gradcheck(tg.log, np.array([1.0, 0.0]))


def test_a_function_that_answers_differently_each_time_is_refused() -> None:
    with pytest.raises(ValueError, match="two calls with the same inputs gave different results"):
        gradcheck(lambda x: x * rng.random(), X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 3}, "order must be 1 or 2, got 3"),
        ({"method": "forward"}, "unknown method 'forward'"),
        ({"directional": "maybe"}, "directional must be"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradcheck(tg.exp, X, **options)


def test_a_kink_passes_with_any_slope_between_the_two_sides() -> None:
    result = gradcheck(tg.relu, np.array([0.0, 1.0, -1.0]), order=2)
    at_zero = [row for row in result.table if row.order == 1 and row.entry == row.place == (0,)]
    assert at_zero[0].how == "one-sided" and "in [0, 1]" in str(at_zero[0].expected)
    # A kink has no second derivative, so none is asked for there.
    assert not [row for row in result.table if row.order == 2 and row.entry == (0,) != row.place
                and row.input == "z"]  # fmt: skip
    assert gradcheck(lambda x: x.max(), np.array([2.0, 2.0, 1.0]))


def test_complex_steps_that_go_wrong_silently_are_noticed() -> None:
    def with_plain_abs(x: Any) -> Any:
        return np.abs(x) * x  # on complex arrays |x + ih| drops the step: the slope would be |x|

    result = gradcheck(with_plain_abs, np.array([-1.5, 2.0]))
    assert {row.how for row in result.table if row.numeric} == {"central"}


def test_method_complex_says_when_the_function_cannot_run_so() -> None:
    needs_tensors = lambda x: tg.exp(x).detach() + x  # noqa: E731
    with pytest.raises(TypeError, match=r"does not run on complex arrays.*use method='central'"):
        gradcheck(needs_tensors, X, method="complex")


def test_textbook_forms_that_lose_digits_raise_no_false_alarm() -> None:
    z = np.array([-40.0, -20.0, -10.0, 10.0, 20.0, 40.0])
    assert gradcheck(lambda z: tg.bce_with_logits(z, np.full(6, 0.25)), z, order=2)
    assert gradcheck(tg.log_softmax, z, order=2)


def test_a_function_may_take_gradients_itself() -> None:
    def penalty(x: Any) -> Any:
        slope = tg.grad(tg.tanh(x).sum(), x, create_graph=True)
        return (slope * slope).sum()

    assert gradcheck(penalty, np.array([0.3, -0.7]))


def test_big_inputs_are_probed_along_directions() -> None:
    big, weights = rng.normal(size=(40, 30)), rng.normal(size=(30, 20))
    result = gradcheck(lambda x, W: tg.softmax(x @ W), big, weights, order=2)
    assert result and len(result.table) == 8 * (2 + 3)
    assert all(str(row.entry).startswith("direction") for row in result.table)
    assert gradcheck(tg.exp, np.ones(2), directional=True)


STEPS: list[Any] = [
    tg.tanh, tg.sigmoid, tg.softplus, tg.gelu, tg.silu, tg.sin, tg.square, tg.softmax,
    tg.log_softmax, lambda x: tg.exp(x / 4), lambda x: tg.log(x * x + 1), lambda x: x - tg.mean(x),
    lambda x: x / tg.sqrt(tg.var(x) + 1), lambda x: x.T.reshape(2, 3), lambda x: tg.flip(x, axis=1),
    lambda x: x * x[0], lambda x: tg.logsumexp(x, axis=0) + x, lambda x: (x @ x.T) @ x / 8,
    lambda x: tg.prod(x, axis=1, keepdims=True) / 8 + x, lambda x: tg.concatenate([x[1:], x[:1]]),
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    strategies.arrays((2, 3), domain=(-2, 2)),
    st.lists(st.sampled_from(range(len(STEPS))), min_size=1, max_size=5),
)
def test_random_right_functions_raise_no_false_alarm(x: Any, steps: list[int]) -> None:
    def function(x: Any) -> Any:
        for k in steps:
            x = STEPS[k](x)
        return x

    assert gradcheck(function, x)


@settings(max_examples=30, deadline=None)
@given(
    strategies.arrays((2, 3), domain=(0.5, 2)),
    st.sampled_from([tg.exp, tg.log, tg.sqrt, tg.softplus]),
    st.floats(1e-9, 1.0),
    st.integers(0, 5),
)
def test_random_wrong_gradients_are_caught(x: Any, right: Any, off: float, entry: int) -> None:
    bump = np.ones((2, 3))
    bump.flat[entry] += off
    wrong = tg.op(lambda x: right(x))
    wrong.name = "wrong"
    wrong.vjp(lambda dy, y, x: right.backward(dy, y, x) * bump)
    with pytest.raises(GradientMismatch) as caught:
        gradcheck(wrong, x)
    assert caught.value.result.op == "wrong"
    place = tuple(int(k) for k in np.unravel_index(entry, (2, 3)))
    assert [row.entry for row in caught.value.result.mismatches] == [place]
