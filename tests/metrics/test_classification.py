"""Classification scores: hand-worked counts, identities between scores, and bad input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ed.metrics import accuracy, confusion_matrix, f1_score, precision, recall

RATIOS = [precision, recall, f1_score]
AVERAGES: list[Any] = ["micro", "macro", "weighted", None]

# (true, predicted) classes of some rows: three classes, so that ties, gaps and absences all occur.
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)
binary_rows = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


def from_counts(tp: int, fp: int, fn: int, tn: int) -> tuple[list[int], list[int]]:
    y_true = [1] * tp + [0] * fp + [1] * fn + [0] * tn
    y_pred = [1] * tp + [1] * fp + [0] * fn + [0] * tn
    return y_true, y_pred


# Ten rows, three classes, counted by hand:   predicted  0  1  2
#                                      true 0:           2  1  0
#                                           1:           1  3  1
#                                           2:           0  1  1
TRUE = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2]
PRED = [0, 0, 1, 0, 1, 1, 1, 2, 1, 2]


def test_d0_m1_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    y_true, y_pred = from_counts(tp=4, fp=15, fn=1, tn=80)
    p, r, a = precision(y_true, y_pred), recall(y_true, y_pred), accuracy(y_true, y_pred)
    assert (p, r, a) == (4 / 19, 4 / 5, 84 / 100)
    assert f1_score(y_true, y_pred) == 8 / 24
    assert f1_score(y_true, y_pred) == pytest.approx(2 / (1 / p + 1 / r), rel=1e-15)
    # The document's rule, with accuracy in the place of precision, praises this classifier.
    assert round(2 / (1 / a + 1 / r), 4) == 0.8195


def test_confusion_matrix_counts_true_classes_down_and_predictions_across() -> None:
    matrix = confusion_matrix(TRUE, PRED)
    assert matrix.tolist() == [[2, 1, 0], [1, 3, 1], [0, 1, 1]]
    assert matrix.dtype == np.int64


def test_binary_confusion_matrix_reads_tn_fp_fn_tp() -> None:
    assert confusion_matrix(*from_counts(tp=4, fp=15, fn=1, tn=80)).tolist() == [[80, 15], [1, 4]]


def test_labels_order_the_matrix_and_leave_out_unlisted_rows() -> None:
    assert confusion_matrix(TRUE, PRED, labels=[2, 0]).tolist() == [[1, 0], [0, 2]]
    assert confusion_matrix(TRUE, PRED, labels=[1, 5]).tolist() == [[3, 0], [0, 0]]


def test_scores_of_three_classes_worked_by_hand() -> None:
    assert accuracy(TRUE, PRED) == 6 / 10
    assert precision(TRUE, PRED, average=None) == pytest.approx([2 / 3, 3 / 5, 1 / 2])
    assert recall(TRUE, PRED, average=None) == pytest.approx([2 / 3, 3 / 5, 1 / 2])
    assert precision(TRUE, PRED, average="macro") == pytest.approx((2 / 3 + 3 / 5 + 1 / 2) / 3)
    assert precision(TRUE, PRED, average="weighted") == pytest.approx(
        (3 * 2 / 3 + 5 * 3 / 5 + 2 * 1 / 2) / 10
    )
    assert f1_score(TRUE, PRED, average=None, labels=[2, 0]) == pytest.approx([1 / 2, 2 / 3])


def test_a_false_positive_from_an_unlisted_class_still_counts() -> None:
    # Class 1 is predicted five times and right three times, whatever the other rows are called.
    assert precision(TRUE, PRED, average="micro", labels=[1]) == 3 / 5


def test_precision_and_recall_part_where_the_errors_are_one_sided() -> None:
    y_true, y_pred = [0, 0, 0, 1, 1], [1, 1, 0, 1, 1]
    assert precision(y_true, y_pred) == 2 / 4
    assert recall(y_true, y_pred) == 2 / 2
    assert precision(y_true, y_pred, positive=0) == 1 / 1
    assert recall(y_true, y_pred, positive=0) == 1 / 3


def test_weighted_and_macro_part_where_classes_differ_in_size() -> None:
    y_true, y_pred = [0, 0, 0, 1], [0, 0, 0, 0]
    assert recall(y_true, y_pred, average="macro") == (1 + 0) / 2
    assert recall(y_true, y_pred, average="weighted") == (3 * 1 + 1 * 0) / 4


@given(rows)
def test_accuracy_is_the_trace_of_the_confusion_matrix(pairs: list[tuple[int, int]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    matrix = confusion_matrix(y_true, y_pred)
    assert matrix.sum() == len(pairs)
    assert accuracy(y_true, y_pred) == matrix.trace() / len(pairs)


@given(rows)
def test_swapping_truth_and_prediction_transposes_counts_and_swaps_precision_with_recall(
    pairs: list[tuple[int, int]],
) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    assert np.array_equal(confusion_matrix(y_pred, y_true), confusion_matrix(y_true, y_pred).T)
    assert np.array_equal(
        precision(y_true, y_pred, average=None), recall(y_pred, y_true, average=None)
    )
    assert np.array_equal(
        f1_score(y_true, y_pred, average=None), f1_score(y_pred, y_true, average=None)
    )


@given(rows)
def test_scores_follow_their_definitions_row_by_row(pairs: list[tuple[int, int]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    for k in range(3):
        tp = sum(t == k and p == k for t, p in pairs)
        fp = sum(t != k and p == k for t, p in pairs)
        fn = sum(t == k and p != k for t, p in pairs)
        for score, top, bottom in (
            (precision, tp, tp + fp),
            (recall, tp, tp + fn),
            (f1_score, 2 * tp, 2 * tp + fp + fn),
        ):
            value = score(y_true, y_pred, average=None, labels=[k])
            assert value.tolist() == [top / bottom if bottom else 0.0]


@given(rows)
def test_micro_average_over_all_classes_is_accuracy(pairs: list[tuple[int, int]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    for score in RATIOS:
        assert score(y_true, y_pred, average="micro") == pytest.approx(accuracy(y_true, y_pred))


@given(rows)
def test_weighted_recall_is_accuracy_and_macro_is_the_plain_mean(
    pairs: list[tuple[int, int]],
) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    assert recall(y_true, y_pred, average="weighted") == pytest.approx(accuracy(y_true, y_pred))
    for score in RATIOS:
        each = score(y_true, y_pred, average=None)
        assert score(y_true, y_pred, average="macro") == pytest.approx(each.mean())


@given(rows, st.permutations([0, 1, 2]))
def test_renaming_the_classes_permutes_the_scores(
    pairs: list[tuple[int, int]], order: list[int]
) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    names = np.array(["ham", "spam", "toast"])[order]
    for score in RATIOS:
        plain = score(y_true, y_pred, average=None, labels=[0, 1, 2])
        named = score(names[list(y_true)], names[list(y_pred)], average=None, labels=names)
        assert np.array_equal(plain, named)


@given(binary_rows)
def test_f1_lies_between_precision_and_recall(pairs: list[tuple[bool, bool]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    p, r, f1 = (s(y_true, y_pred) for s in (precision, recall, f1_score))
    assert min(p, r) - 1e-15 <= f1 <= max(p, r) + 1e-15


def test_a_class_never_predicted_has_the_precision_zero_division() -> None:
    y_true, y_pred = [0, 1, 1], [0, 0, 0]
    assert precision(y_true, y_pred) == 0.0
    assert precision(y_true, y_pred, zero_division=1.0) == 1.0
    assert np.isnan(precision(y_true, y_pred, zero_division=np.nan))
    # F1 has a denominator as long as the class is true somewhere: it is 0, not undefined.
    assert f1_score(y_true, y_pred, zero_division=1.0) == 0.0


def test_nan_for_zero_division_leaves_the_class_out_of_the_mean() -> None:
    y_true, y_pred = [0, 1, 1], [0, 0, 0]
    assert precision(y_true, y_pred, average="macro", zero_division=np.nan) == 1 / 3
    assert precision(y_true, y_pred, average="weighted", zero_division=np.nan) == 1 / 3
    assert precision(y_true, y_pred, average="macro") == 1 / 6


def test_booleans_whole_floats_and_text_are_classes() -> None:
    y_true = np.array([1.0, 0.0, 1.0], dtype=np.float16)
    y_score = np.array([0.9, 0.2, 0.1])
    assert accuracy(y_true, y_score >= 0.5) == 2 / 3
    assert recall(y_true, y_score >= 0.5, positive=True) == 1 / 2
    assert accuracy(np.array(["a", "b"], dtype=object), ["a", "c"]) == 1 / 2
    assert accuracy(np.array([1, 2], dtype=np.uint64), [1, 2]) == 1.0
    assert accuracy([2.0**53], [2**53]) == 1.0  # the last whole number that a float holds exactly
    assert precision(["ham", "spam"], ["spam", "spam"], positive="spam") == 1 / 2


class Holder:
    """Anything with __array__, as a tensor has."""

    def __init__(self, values: list[int]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.values, dtype)


def test_anything_that_turns_into_an_array_is_accepted() -> None:
    assert accuracy(Holder([1, 0]), Holder([1, 1])) == 1 / 2


def test_inputs_are_read_only_for_us_too() -> None:
    y_true, y_pred = np.array(TRUE), np.array(PRED)
    y_true.flags.writeable = y_pred.flags.writeable = False
    confusion_matrix(y_true, y_pred)
    for score in RATIOS:
        score(y_true, y_pred, average="macro")
    assert y_true.tolist() == TRUE
    assert y_pred.tolist() == PRED


SHAPES: list[tuple[Any, Any, str]] = [
    ([0, 1, 1], [0, 1], r"y_true has shape \(3,\) and y_pred has shape \(2,\)"),
    ([0, 1], [[0], [1]], r"\(2,\).*\(2, 1\).*y_pred\.reshape\(-1\)"),
    ([[0], [1]], [[0], [1]], r"\(2, 1\).*both are one column: use \.ravel\(\)"),
    ([0, 1], [[0.1, 0.9], [0.8, 0.2]], r"y_pred has 2 columns.*argmax\(axis=1\)"),
    ([[0, 1], [1, 0]], [0, 1], r"y_true has 2 columns.*one-hot.*y_true\.argmax\(axis=1\)"),
    (1, 1, r"shape \(\).*one-dimensional"),
    ([], [], "empty"),
    ([[0], [0, 1]], [0, 1], "y_true is a ragged list"),
]
VALUES: list[tuple[Any, Any, str]] = [
    ([0, 1], [0, 0.73], r"y_pred\[1\] = 0\.73 .*threshold first: y_score >= 0\.5"),
    ([0, 0.37], [0, 1], r"y_true\[1\] = 0\.37 is not a class label: give each row its class"),
    ([0, np.nan], [0, 1], r"y_true\[1\] = nan"),
    ([0, 1], [0, -np.inf], r"y_pred\[1\] = -inf"),
    ([0, 2.0**60], [0, 1], r"y_true\[1\] = 1\.15"),
    (np.array([2**63], np.uint64), [0], r"y_true\[0\] = 9223372036854775808"),
    ([0, 1], ["0", "1"], "y_true holds 0, y_pred holds '0'.*all numbers or all text"),
]


@pytest.mark.parametrize("score", [accuracy, confusion_matrix, *RATIOS])
@pytest.mark.parametrize(("y_true", "y_pred", "message"), SHAPES + VALUES)
def test_bad_rows_are_refused_with_the_place_and_the_fix(
    score: Any, y_true: Any, y_pred: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(y_true, y_pred)


@pytest.mark.parametrize("bad", [[1j, 0], [None, 1], np.array(["2024-01-01"] * 2, "datetime64[D]")])
def test_dtypes_that_hold_no_classes_are_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"y_pred has dtype .* integers, booleans or text"):
        accuracy([0, 1], bad)


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, r"two classes, and there are 3: \[0, 1, 2\].*'macro'"),
    ({"average": "mean"}, "'mean' is none of 'binary'"),
    ({"labels": [1]}, "positive="),
    ({"average": "macro", "positive": 2}, r"labels=\[2\]"),
    ({"average": "macro", "labels": [0, 0]}, r"labels=\[0, 0\].*each class once"),
    ({"average": "macro", "labels": []}, "at least one"),
    ({"average": "macro", "labels": [[0, 1]]}, r"has shape \(1, 2\)"),
    ({"average": "macro", "labels": ["a"]}, "labels holds 'a'"),
    ({"average": "macro", "zero_division": 0.5}, r"0\.5 must be 0\.0, 1\.0 or NaN"),
    ({"average": "macro", "zero_division": "warn"}, "'warn' must be"),
]


@pytest.mark.parametrize("score", RATIOS)
@pytest.mark.parametrize(("options", "message"), OPTIONS)
def test_options_without_meaning_are_refused(
    score: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(TRUE, PRED, **options)


@pytest.mark.parametrize("score", RATIOS)
def test_a_positive_class_that_does_not_occur_is_refused(score: Any) -> None:
    with pytest.raises(ValueError, match=r"positive=1 is not one of the classes \[0, 2\]"):
        score([0, 2], [0, 0])
    with pytest.raises(ValueError, match=r"positive=1 is not one of the classes \['a'\]"):
        score(["a", "a"], ["a", "a"])


def test_a_batch_without_positives_scores_zero_division() -> None:
    assert recall([0, 0], [0, 0], zero_division=1.0) == 1.0


def test_a_matrix_of_labels_that_never_occur_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels=\[7, 8\] occurs in y_true, which holds \[0, 1\]"):
        confusion_matrix([0, 1], [0, 1], labels=[7, 8])
