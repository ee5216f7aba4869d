"""Curves and areas against their definitions, with ties everywhere."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed.metrics import (
    auc,
    average_precision,
    precision,
    precision_recall_curve,
    recall,
    roc_auc,
    roc_curve,
)

Rows = list[tuple[int, int]]

# (class, score) of some rows; few distinct scores, so ties are the rule, and both classes occur.
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), max_size=25).map(
    lambda drawn: [*drawn, (0, 0), (1, 1)]
)


def columns(pairs: Rows) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    y_true, y_score = np.array(pairs).T
    return y_true, y_score / 4


def test_roc_curve_worked_by_hand() -> None:
    #          scores falling:  .9 (+)   .7 (+ and -)   .4 (-)   .1 (+)
    fpr, tpr, thresholds = roc_curve([1, 1, 0, 0, 1], [0.9, 0.7, 0.7, 0.4, 0.1])
    assert fpr.tolist() == [0, 0, 1 / 2, 1, 1]
    assert tpr.tolist() == [0, 1 / 3, 2 / 3, 2 / 3, 1]
    assert thresholds.tolist() == [np.inf, 0.9, 0.7, 0.4, 0.1]


def test_auc_counts_ties_as_one_half() -> None:
    # Six pairs: .9 beats both, .7 ties one and beats one, .1 loses both: 3½ of 6.
    assert roc_auc([1, 1, 0, 0, 1], [0.9, 0.7, 0.7, 0.4, 0.1]) == pytest.approx(3.5 / 6, abs=1e-15)


def test_precision_recall_curve_worked_by_hand() -> None:
    p, r, thresholds = precision_recall_curve([1, 1, 0, 0, 1], [0.9, 0.7, 0.7, 0.4, 0.1])
    assert p.tolist() == [3 / 5, 2 / 4, 2 / 3, 1, 1]
    assert r.tolist() == [1, 2 / 3, 2 / 3, 1 / 3, 0]
    assert thresholds.tolist() == [0.1, 0.4, 0.7, 0.9]


def test_average_precision_worked_by_hand() -> None:
    # Thirds of recall are won at precisions 1, 2/3 and 3/5.
    value = average_precision([1, 1, 0, 0, 1], [0.9, 0.7, 0.7, 0.4, 0.1])
    assert value == pytest.approx((1 + 2 / 3 + 3 / 5) / 3, abs=1e-15)


@given(rows)
def test_auc_is_the_probability_that_a_positive_outscores_a_negative(pairs: Rows) -> None:
    y_true, y_score = columns(pairs)
    above, below = y_score[y_true == 1][:, None], y_score[y_true == 0][None, :]
    probability = np.mean((above > below) + 0.5 * (above == below))
    assert roc_auc(y_true, y_score) == pytest.approx(probability, abs=1e-14)


@given(rows)
def test_d0_m1_roc_is_true_positive_rate_against_false_positive_rate(pairs: Rows) -> None:
    y_true, y_score = columns(pairs)
    curve = roc_curve(y_true, y_score, drop_intermediate=False)
    assert curve[2].tolist() == [np.inf, *sorted(set(y_score), reverse=True)]
    for fpr, tpr, threshold in zip(*curve, strict=True):
        called = y_score >= threshold
        assert fpr == np.mean(called[y_true == 0])
        assert tpr == np.mean(called[y_true == 1])


@given(rows)
def test_roc_rises_from_the_lower_left_to_the_upper_right(pairs: Rows) -> None:
    fpr, tpr, thresholds = roc_curve(*columns(pairs))
    assert (fpr[0], tpr[0]) == (0, 0)
    assert (fpr[-1], tpr[-1]) == (1, 1)
    assert np.all(np.diff(fpr) >= 0)
    assert np.all(np.diff(tpr) >= 0)
    assert all(high > low for high, low in pairwise(thresholds))


@given(rows)
def test_dropping_intermediate_points_keeps_the_drawn_line(pairs: Rows) -> None:
    y_true, y_score = columns(pairs)
    for curve in (roc_curve, precision_recall_curve):
        every = np.array(curve(y_true, y_score, drop_intermediate=False)[:2]).T
        fewer = np.array(curve(y_true, y_score, drop_intermediate=True)[:2]).T
        assert len(fewer) <= len(every)
        for point in every:
            assert any(lies_between(point, a, b) for a, b in pairwise(fewer))


def lies_between(point: Any, start: Any, end: Any) -> bool:
    """On the segment: the way over the point is no longer than the straight one."""
    detour = np.hypot(*(point - start)) + np.hypot(*(end - point)) - np.hypot(*(end - start))
    return bool(detour < 1e-12)


def test_dropping_intermediate_points_drops_them() -> None:
    y_true, y_score = [1, 1, 1, 1, 0, 0, 0, 1, 0], [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert roc_curve(y_true, y_score)[2].tolist() == [np.inf, 9, 6, 3, 2, 1]
    assert len(roc_curve(y_true, y_score, drop_intermediate=False)[2]) == 10
    kept = precision_recall_curve(y_true, y_score, drop_intermediate=True)[2]
    assert kept.tolist() == [1, 2, 3, 6, 7, 8, 9]
    # Three points are the fewest that have one between; the origin is added after the choice.
    assert roc_curve([1, 0, 1, 0, 1, 0], [3, 3, 2, 2, 1, 1])[2].tolist() == [np.inf, 3, 1]
    three = precision_recall_curve([1, 0, 0], [3, 2, 1], drop_intermediate=True)
    assert three[2].tolist() == [1, 3]


@given(rows)
def test_auc_depends_on_the_order_of_the_scores_only(pairs: Rows) -> None:
    y_true, y_score = columns(pairs)
    assert roc_auc(y_true, y_score**3 + y_score) == roc_auc(y_true, y_score)
    assert roc_auc(y_true, -y_score) == pytest.approx(1 - roc_auc(y_true, y_score))
    assert roc_auc(y_true, -y_score, positive=0) == pytest.approx(roc_auc(y_true, y_score))


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(pairs: Rows, random: Any) -> None:
    shuffled = random.sample(pairs, len(pairs))
    for curve in (roc_curve, precision_recall_curve):
        for one, other in zip(curve(*columns(pairs)), curve(*columns(shuffled)), strict=True):
            assert np.array_equal(one, other)


@given(rows)
def test_the_precision_recall_curve_is_precision_and_recall_at_each_threshold(pairs: Rows) -> None:
    y_true, y_score = columns(pairs)
    p, r, thresholds = precision_recall_curve(y_true, y_score)
    assert (p[-1], r[-1]) == (1, 0)
    assert thresholds.tolist() == sorted(set(y_score))
    for at, threshold in enumerate(thresholds):
        assert p[at] == precision(y_true, y_score >= threshold)
        assert r[at] == recall(y_true, y_score >= threshold)


@given(rows)
def test_average_precision_is_the_mean_precision_over_the_positive_rows(pairs: Rows) -> None:
    y_true, y_score = columns(pairs)
    at_each = [precision(y_true, y_score >= score) for score in y_score[y_true == 1]]
    assert average_precision(y_true, y_score) == pytest.approx(np.mean(at_each), abs=1e-14)


@given(st.lists(st.integers(0, 1), max_size=20).map(lambda drawn: [*drawn, 0, 1]))
def test_scores_that_know_nothing_and_scores_that_know_all(y_true: list[int]) -> None:
    assert roc_auc(y_true, [0.3] * len(y_true)) == 0.5
    assert average_precision(y_true, [0.3] * len(y_true)) == pytest.approx(np.mean(y_true))
    assert roc_auc(y_true, y_true) == average_precision(y_true, y_true) == 1.0


def test_neighbouring_floats_are_not_tied() -> None:
    low, high = 0.5, np.nextafter(0.5, 1)
    assert roc_auc([0, 1], [low, high]) == 1.0
    assert roc_auc([0, 1], np.array([2**53, 2**53 + 1])) == 1.0  # equal once made floats


def test_scores_may_be_integers_booleans_or_unsigned() -> None:
    for dtype in (np.int8, np.uint8, np.bool_, np.float16):
        assert roc_auc([0, 1, 1, 0], np.array([0, 1, 0, 0], dtype)) == 0.75


def test_classes_may_be_text() -> None:
    assert roc_auc(["ham", "spam"], [0.1, 0.9], positive="spam") == 1.0


def test_all_positive_rows_have_a_precision_recall_curve_but_no_roc() -> None:
    assert average_precision([1, 1], [0.2, 0.8]) == 1.0
    with pytest.raises(ValueError, match=r"only the positive class 1.*there are none"):
        roc_curve([1, 1], [0.2, 0.8])


def test_area_under_a_polyline_is_exact() -> None:
    assert auc([0, 1, 3], [0, 2, 2]) == 1 + 4
    assert auc([3, 1, 0], [2, 2, 0]) == 1 + 4  # read from the other end
    assert auc([0, 1, 1, 2], [0, 0, 4, 4]) == 4  # a jump has no area
    assert auc([2, 1, 1, 0], [4, 4, 0, 0]) == 4
    assert auc([2, 2], [0, 1]) == 0


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([0, 1], [0, 1, 2], r"x has shape \(2,\) and y has shape \(3,\)"),
        ([0], [1], "at least 2"),
        ([[0, 1]], [[0, 1]], r"\(1, 2\).*one-dimensional"),
        ([0, 2, 2, 1], [0, 0, 0, 0], r"x turns back at x\[3\] = 1\.0, after 2\.0.*roc_auc"),
        ([1, 1, 2, 0], [0, 0, 0, 0], r"x turns back at x\[3\] = 0\.0, after 2\.0"),
        ([2, 0, 1], [0, 0, 0], r"x turns back at x\[2\] = 1\.0, after 0\.0"),
        ([0, np.nan], [0, 1], r"x\[1\] = nan"),
        ([0, 1], [np.inf, 1], r"y\[0\] = inf"),
    ],
)
def test_points_that_bound_no_area_are_refused(x: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auc(x, y)


BAD: list[tuple[Any, Any, str]] = [
    ([0, 1, 1], [0.1, 0.2], r"y_true has shape \(3,\) and y_score has shape \(2,\)"),
    ([0, 1], [[0.1], [0.2]], r"\(2, 1\).*y_score\.reshape\(-1\)"),
    ([0, 1], [[0.9, 0.1], [0.2, 0.8]], r"y_score has 2 columns.*y_score\[:, 1\]"),
    ([], [], "empty"),
    ([0, 1, 1], [0.1, np.nan, np.nan], r"y_score\[1\] = nan \(2 of 3 values"),
    ([0, 1], [0.1, np.inf], r"y_score\[1\] = inf"),
    ([0, 0.5], [0.1, 0.2], r"y_true\[1\] = 0\.5 is not a class label"),
    ([0, 1, 2], [0.1, 0.2, 0.3], r"3 classes, \[0, 1, 2\].*y_true == k"),
    ([0, 0], [0.1, 0.2], r"no row of y_true is of the class positive=1; it holds \[0\]"),
    ([0, 2], [0.1, 0.2], r"positive=1; it holds \[0, 2\].*positive="),
    (range(9), range(9), r"9 classes, \[0, 1, 2, 3, 4, 5, 6, 7, … \(9 in all\)\]"),
    (range(8), range(8), r"8 classes, \[0, 1, 2, 3, 4, 5, 6, 7\]"),
    (["a", "b"], [0.1, 0.2], r"positive=1; it holds \['a', 'b'\]"),
]


@pytest.mark.parametrize("score", [roc_curve, roc_auc, precision_recall_curve, average_precision])
@pytest.mark.parametrize(("y_true", "y_score", "message"), BAD)
def test_bad_rows_are_refused_with_the_place_and_the_fix(
    score: Any, y_true: Any, y_score: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(y_true, y_score)


def test_text_and_complex_scores_are_refused() -> None:
    for bad in (["high", "low"], [1j, 0]):
        with pytest.raises(TypeError, match=r"y_score has dtype .*real numbers"):
            roc_auc([0, 1], bad)


def test_inputs_are_not_changed() -> None:
    y_true, y_score = np.array([0, 1, 1, 0]), np.array([0.3, 0.1, 0.9, 0.3])
    y_true.flags.writeable = y_score.flags.writeable = False
    roc_curve(y_true, y_score)
    average_precision(y_true, y_score)
    assert y_score.tolist() == [0.3, 0.1, 0.9, 0.3]
