"""Regression scores: hand-worked sums, what each is minimal for, and bad input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinygrad_ed.metrics import mae, mse, r2

# Eighths: sums of a few are exact, so identities hold without a tolerance for conditioning.
eighths = st.integers(-800, 800).map(lambda k: k / 8)
pairs = st.lists(st.tuples(eighths, eighths), min_size=2, max_size=20)
Pairs = list[tuple[float, float]]


def test_scores_worked_by_hand() -> None:
    y_true, y_pred = [1, 2, 6], [2, 2, 4]  # errors -1, 0, 2; mean 3, deviations -2, -1, 3
    assert mse(y_true, y_pred) == 5 / 3
    assert mae(y_true, y_pred) == 3 / 3
    assert r2(y_true, y_pred) == pytest.approx(1 - 5 / 14, abs=1e-15)


def test_d4_l1_mean_squared_error_has_no_one_half() -> None:
    assert mse([3.0, 5.0], [1.0, 5.0]) == 4 / 2


@given(pairs)
def test_a_perfect_prediction_is_zero_error_and_r2_one(rows: Pairs) -> None:
    y_true, _ = zip(*rows, strict=True)
    assert (mse(y_true, y_true), mae(y_true, y_true), r2(y_true, y_true)) == (0, 0, 1)


@given(pairs)
def test_errors_follow_their_definitions(rows: Pairs) -> None:
    y_true, y_pred = zip(*rows, strict=True)
    errors = [t - p for t, p in rows]
    assert mse(y_true, y_pred) == pytest.approx(sum(e * e for e in errors) / len(rows), rel=1e-14)
    assert mae(y_true, y_pred) == pytest.approx(sum(map(abs, errors)) / len(rows), rel=1e-14)


@given(pairs)
def test_squared_error_is_at_least_the_square_of_the_absolute_error(rows: Pairs) -> None:
    y_true, y_pred = zip(*rows, strict=True)
    assert mse(y_true, y_pred) >= mae(y_true, y_pred) ** 2 * (1 - 1e-14)


@given(pairs)
def test_r2_of_the_mean_is_zero_and_r2_is_one_minus_mse_over_variance(rows: Pairs) -> None:
    y_true, y_pred = (np.array(column) for column in zip(*rows, strict=True))
    assume(y_true.min() < y_true.max())  # without variance: the next test
    assert r2(y_true, np.full(len(rows), y_true.mean())) == pytest.approx(0, abs=1e-12)
    ratio = mse(y_true, y_pred) / y_true.var()
    assert r2(y_true, y_pred) == pytest.approx(1 - ratio, abs=1e-12 * max(1, ratio))


@pytest.mark.parametrize("constant", [0.0, 0.1, 7.0])
def test_a_constant_target_scores_one_if_exact_and_zero_if_not(constant: float) -> None:
    # The mean of three times 0.1 is not 0.1, so a computed variance would not be zero.
    assert r2([constant] * 3, [constant] * 3) == 1.0
    assert r2([constant] * 3, [constant, constant, constant + 1]) == 0.0


def test_mean_minimises_squared_error_and_median_absolute_error() -> None:
    y_true = np.array([0.0, 1.0, 8.0])
    guesses = np.linspace(0, 8, 801)
    squared = [mse(y_true, np.full(3, guess)) for guess in guesses]
    absolute = [mae(y_true, np.full(3, guess)) for guess in guesses]
    assert guesses[np.argmin(squared)] == pytest.approx(y_true.mean())
    assert guesses[np.argmin(absolute)] == pytest.approx(np.median(y_true))


def test_r2_of_a_least_squares_line_is_the_squared_correlation() -> None:
    x = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    y = np.array([1.0, 3.0, 2.0, 6.0, 7.0])
    slope, intercept = np.polyfit(x, y, 1)
    assert r2(y, slope * x + intercept) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, rel=1e-12)


@given(pairs, st.sampled_from([2.0**-600, 0.5, 2.0**400]))
def test_r2_has_no_unit(rows: Pairs, unit: float) -> None:
    y_true, y_pred = (np.array(column) for column in zip(*rows, strict=True))
    assert r2(y_true * unit, y_pred * unit) == r2(y_true, y_pred)


def test_columns_are_averaged() -> None:
    y_true = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    y_pred = np.array([[0.0, 5.0], [1.0, 5.0], [1.0, 4.0]])
    assert mse(y_true, y_pred) == 2 / 6
    assert mae(y_true, y_pred) == 2 / 6
    assert r2(y_true, y_pred) == ((1 - 1 / 2) + 0) / 2
    assert r2(y_true[:, :1], y_pred[:, :1]) == 1 - 1 / 2  # (n, 1) beside (n, 1) is unambiguous


def test_float32_and_integers_are_summed_in_float64() -> None:
    y_true = np.full(3, 16777216, np.float32)  # 2**24, where float32 has no odd numbers
    assert mse(y_true, [16777215] * 3) == 1.0
    assert mae(np.array([0, 255], np.uint8), np.array([1, 0], np.uint8)) == 128.0


BAD: list[tuple[Any, Any, str]] = [
    ([1, 2, 3], [1, 2], r"y_true has shape \(3,\) and y_pred has shape \(2,\)"),
    ([1, 2], [[1], [2]], r"\(2,\).*\(2, 1\).*every row.*y_pred\.reshape\(-1\)"),
    ([[1], [2]], [1, 2], r"y_true\.reshape\(-1\)"),
    ([[1, 2]], [[1], [2]], r"\(1, 2\).*\(2, 1\)"),
    ([], [], "empty"),
    (1.0, 1.0, r"shape \(\).*\(n,\)"),
    (np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), r"\(2, 2, 2\).*\(n, k\)"),
    ([1, np.nan], [1, 2], r"y_true\[1\] = nan"),
    ([[1, 2], [3, 4]], [[1, 2], [np.inf, 4]], r"y_pred\[1, 0\] = inf"),
    ([[1], [1, 2]], [1, 2], "y_true is a ragged list"),
]


@pytest.mark.parametrize("score", [mse, mae, r2])
@pytest.mark.parametrize(("y_true", "y_pred", "message"), BAD)
def test_bad_rows_are_refused_with_the_place_and_the_fix(
    score: Any, y_true: Any, y_pred: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(y_true, y_pred)


@pytest.mark.parametrize("bad", [["1", "2"], [1j, 2], [None, 1]])
def test_values_that_are_no_real_numbers_are_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"y_pred has dtype .*real numbers"):
        mse([1, 2], bad)


def test_r2_of_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1,\).*two rows or more"):
        r2([1.0], [1.0])


def test_an_array_that_refuses_to_be_read_says_so_itself() -> None:
    class Locked:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise ValueError("locked")

    with pytest.raises(ValueError, match=r"^locked$"):
        mse(Locked(), [1.0])
