"""Every metric equals scikit-learn's to 1e-12, ties and absent classes included."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed import metrics

sklearn = pytest.importorskip("sklearn.metrics")

TOLERANCE = 1e-12
RATIOS = [
    (metrics.precision, sklearn.precision_score),
    (metrics.recall, sklearn.recall_score),
    (metrics.f1_score, sklearn.f1_score),
]
AVERAGES: list[Any] = ["micro", "macro", "weighted", None]
ZERO_DIVISIONS = st.sampled_from([0.0, 1.0, np.nan])
patient = settings(deadline=None, max_examples=60)  # the peer checks its arguments slowly

Rows = list[tuple[int, int]]
# Two classes at least occur: for one alone the peer warns.
multiclass = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30).map(
    lambda drawn: [*drawn, (0, 2)]
)
binary = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=30).map(
    lambda drawn: [*drawn, (0, 1)]
)
scored = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([-1.5, -0.3, 0.0, 0.1, 0.2, 0.7, 1e9])),
    max_size=30,
).map(lambda drawn: [*drawn, (0, 0.1), (1, 0.2)])
eighths = st.integers(-800, 800).map(lambda k: k / 8)  # well conditioned: two sums agree to 1e-12


def columns(pairs: Any) -> Any:
    return tuple(np.array(column) for column in zip(*pairs, strict=True))


def equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(("ours", "theirs"), RATIOS)
@pytest.mark.parametrize("average", AVERAGES)
@patient
@given(
    pairs=multiclass,
    labels=st.none() | st.lists(st.integers(0, 4), min_size=1, unique=True),
    zero_division=ZERO_DIVISIONS,
)
def test_averaged_scores(
    ours: Any, theirs: Any, average: Any, pairs: Rows, labels: Any, zero_division: float
) -> None:
    options = {"average": average, "labels": labels, "zero_division": zero_division}
    equal(ours(*columns(pairs), **options), theirs(*columns(pairs), **options))


@pytest.mark.parametrize(("ours", "theirs"), RATIOS)
@patient
@given(pairs=binary, positive=st.integers(0, 1), zero_division=ZERO_DIVISIONS)
def test_binary_scores(
    ours: Any, theirs: Any, pairs: Rows, positive: int, zero_division: float
) -> None:
    y = columns(pairs)
    equal(
        ours(*y, positive=positive, zero_division=zero_division),
        theirs(*y, pos_label=positive, zero_division=zero_division),
    )


@patient
@given(multiclass, st.permutations(range(5)), st.integers(0, 3))
def test_confusion_matrix_and_accuracy(pairs: Rows, order: list[int], left_out: int) -> None:
    y = columns(pairs)
    labels = [
        k for k in order if k == 0 or k != left_out
    ]  # 0 occurs: the peer asks for one that does
    assert np.array_equal(
        metrics.confusion_matrix(*y, labels=labels), sklearn.confusion_matrix(*y, labels=labels)
    )
    assert np.array_equal(metrics.confusion_matrix(*y), sklearn.confusion_matrix(*y))
    equal(metrics.accuracy(*y), sklearn.accuracy_score(*y))


@patient
@given(multiclass)
def test_text_labels(pairs: Rows) -> None:
    names = np.array(["toast", "ham", "eggs", "spam"])
    y_true, y_pred = (names[column] for column in columns(pairs))
    assert np.array_equal(
        metrics.confusion_matrix(y_true, y_pred), sklearn.confusion_matrix(y_true, y_pred)
    )
    equal(
        metrics.f1_score(y_true, y_pred, average=None),
        sklearn.f1_score(y_true, y_pred, average=None, zero_division=0.0),
    )


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.roc_curve, sklearn.roc_curve),
        (metrics.precision_recall_curve, sklearn.precision_recall_curve),
    ],
)
@patient
@given(pairs=scored, positive=st.integers(0, 1))
def test_curves(ours: Any, theirs: Any, drop: bool, pairs: Any, positive: int) -> None:
    y_true, y_score = columns(pairs)
    mine = ours(y_true, y_score, positive=positive, drop_intermediate=drop)
    peers = theirs(y_true, y_score, pos_label=positive, drop_intermediate=drop)
    for one, other in zip(mine, peers, strict=True):
        equal(one, other)


@patient
@given(scored)
def test_areas(pairs: Any) -> None:
    y_true, y_score = columns(pairs)
    equal(metrics.roc_auc(y_true, y_score), sklearn.roc_auc_score(y_true, y_score))
    equal(
        metrics.average_precision(y_true, y_score),
        sklearn.average_precision_score(y_true, y_score),
    )


@patient
@given(st.lists(st.tuples(eighths, eighths), min_size=2, max_size=20), st.booleans())
def test_area_under_any_polyline(points: Any, falling: bool) -> None:
    x, y = columns(sorted(points, reverse=falling))
    equal(metrics.auc(x, y), sklearn.auc(x, y))


@patient
@given(st.lists(st.tuples(eighths, eighths), min_size=2, max_size=20))
def test_regression_scores(pairs: Any) -> None:
    y = columns(pairs)
    equal(metrics.mse(*y), sklearn.mean_squared_error(*y))
    equal(metrics.mae(*y), sklearn.mean_absolute_error(*y))
    equal(metrics.r2(*y), sklearn.r2_score(*y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_thousand_rows_with_and_without_ties(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 1000)
    smooth = (rng.normal(size=1000) + y_true).astype(dtype)
    for y_score in (smooth, smooth.round(1)):
        equal(metrics.roc_auc(y_true, y_score), sklearn.roc_auc_score(y_true, y_score))
        equal(
            metrics.average_precision(y_true, y_score),
            sklearn.average_precision_score(y_true, y_score),
        )
        for one, other in zip(
            metrics.roc_curve(y_true, y_score), sklearn.roc_curve(y_true, y_score), strict=True
        ):
            equal(one, other)
    targets = rng.normal(size=(1000, 3))
    outputs = targets + rng.normal(size=(1000, 3))
    equal(metrics.r2(targets, outputs), sklearn.r2_score(targets, outputs))
    equal(metrics.mse(targets, outputs), sklearn.mean_squared_error(targets, outputs))
    equal(metrics.mae(targets, outputs), sklearn.mean_absolute_error(targets, outputs))
