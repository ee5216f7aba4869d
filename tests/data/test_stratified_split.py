"""A stratified split is a partition that keeps the share of every class."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import breast_cancer, stratified_split

class_counts = st.lists(st.integers(1, 30), min_size=1, max_size=6).filter(lambda c: max(c) >= 2)
shares = st.floats(0.01, 0.99)


def labels_of(counts: list[int], seed: int) -> np.ndarray:
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(y)


@settings(deadline=None)
@given(class_counts, shares, st.integers(0, 1000))
def test_the_parts_are_disjoint_cover_all_rows_and_keep_x_beside_y(
    counts: list[int], test_size: float, seed: int
) -> None:
    y = labels_of(counts, seed)
    rows = np.arange(len(y))
    X_train, X_test, y_train, y_test = stratified_split(rows, y, test_size, seed)
    assert sorted([*X_train, *X_test]) == rows.tolist()
    assert np.array_equal(y_train, y[X_train])
    assert np.array_equal(y_test, y[X_test])


@settings(deadline=None)
@given(class_counts, shares, st.integers(0, 1000))
def test_each_class_gives_its_rounded_share_and_stays_in_both_parts(
    counts: list[int], test_size: float, seed: int
) -> None:
    y = labels_of(counts, seed)
    _, _, y_train, y_test = stratified_split(y, y, test_size, seed)
    for label, n in enumerate(counts):
        in_test = int((y_test == label).sum())
        assert in_test + int((y_train == label).sum()) == n
        if n == 1:
            assert in_test == 0
        else:
            assert 1 <= in_test <= n - 1
            assert abs(in_test - n * test_size) < 1.0 + 1e-9


@settings(deadline=None)
@given(st.lists(st.integers(10, 40), min_size=1, max_size=6), st.floats(0.1, 0.9))
def test_the_test_part_has_its_rounded_share_of_all_rows(
    counts: list[int], test_size: float
) -> None:
    y = labels_of(counts, 0)
    assert len(stratified_split(y, y, test_size)[3]) == int(len(y) * test_size + 0.5)


def test_the_largest_fractions_are_rounded_up() -> None:
    y = [0] * 5 + [1] * 4 + [2] * 6  # 0.3 · 15 = 4.5 → 5 rows; shares 1.5, 1.2, 1.8
    assert np.bincount(stratified_split(y, y, 0.3)[3]).tolist() == [2, 1, 2]


def test_between_equal_fractions_the_larger_class_is_rounded_up() -> None:
    y = [0] * 11 + [1] * 31  # 0.3 · 42 = 12.6 → 13 rows; shares 3.3 and 9.3
    assert np.bincount(stratified_split(y, y, 0.3)[3]).tolist() == [3, 10]


def test_classes_too_small_for_their_share_still_reach_both_parts() -> None:
    y = [0] * 20 + [1, 1, 2, 2, 3]
    _, _, y_train, y_test = stratified_split(y, y, 0.04)
    assert np.bincount(y_test).tolist() == [1, 1, 1]
    assert np.bincount(y_train).tolist() == [19, 1, 1, 1]
    crowd = np.repeat(np.arange(5), [2, 2, 2, 2, 13])  # 0.1 · 21 → 2 rows, though five are needed
    assert np.bincount(stratified_split(crowd, crowd, 0.1)[3]).tolist() == [1, 1, 1, 1, 1]


def test_breast_cancer_splits_into_455_and_114() -> None:
    data = breast_cancer()
    X_train, X_test, y_train, y_test = stratified_split(data.X, data.y)
    assert X_train.shape == (455, 30)
    assert X_test.shape == (114, 30)
    assert np.bincount(y_train).tolist() == [170, 285]
    assert np.bincount(y_test).tolist() == [42, 72]  # shares 42.4 and 71.4


def test_the_seed_decides_rows_and_order() -> None:
    y = np.tile([0, 1], 50)
    rows = np.arange(100)
    first, again, other = (stratified_split(rows, y, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert set(first[1]) != set(other[1])
    assert not np.array_equal(first[0], np.sort(first[0]))  # in random order, classes mixed
    assert len(set(first[2][:20].tolist())) == 2


def test_every_row_is_equally_likely_to_be_tested() -> None:
    y = np.array([0] * 5 + [1] * 10)
    hits = np.zeros(15)
    for seed in range(2000):
        hits[stratified_split(np.arange(15), y, 0.2, seed)[1]] += 1
    # 1 of 5 and 2 of 10: each row 400 times, with a standard deviation of 18.
    assert np.abs(hits - 400).max() < 80


def test_text_labels_float32_images_and_lists_keep_their_types() -> None:
    images = np.zeros((6, 2, 3), dtype=np.float32)
    X_train, X_test, y_train, y_test = stratified_split(images, list("aabbbb"), 0.5)
    assert X_train.shape == (3, 2, 3)
    assert X_test.dtype == np.float32
    assert y_test.tolist().count("b") == 2
    assert set(y_train.tolist()) == {"a", "b"}


def test_the_parts_are_copies() -> None:
    X, y = np.arange(10.0), np.tile([0, 1], 5)
    for part in stratified_split(X, y):
        part[:] = -1
    assert np.array_equal(X, np.arange(10.0))
    assert np.array_equal(y, np.tile([0, 1], 5))


def test_another_process_with_another_hash_seed_splits_the_same() -> None:
    program = (
        "import numpy as np; from tinygrad_ed.data import batches, stratified_split\n"
        "y = np.array(list('abc') * 7); X = np.arange(21)\n"
        "train, test, *_ = stratified_split(X, y, seed=3)\n"
        "loader = batches(X, y, 4, seed=3)\n"
        "print(train.tolist(), test.tolist(), [b.tolist() for _ in range(2) for b, _ in loader])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "12345")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("test_size", [0, 1, -0.1, 1.5, 30, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(test_size: float) -> None:
    with pytest.raises(ValueError, match=f"test_size={test_size}: give a share between 0 and 1"):
        stratified_split([1, 2, 3, 4], [0, 0, 1, 1], test_size)


def test_bad_arguments_are_named_with_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"X has shape \(3,\) and y has shape \(2,\)"):
        stratified_split([1, 2, 3], [0, 1])
    with pytest.raises(ValueError, match=r"y has shape \(2, 1\).*y\.ravel\(\)"):
        stratified_split([1, 2], [[0], [1]])
    with pytest.raises(
        ValueError, match=r"y has shape \(2, 2\): expected \(N,\), one class a row$"
    ):
        stratified_split([1, 2], [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="3 rows in 3 classes: no class has two rows"):
        stratified_split([1, 2, 3], [0, 1, 2])
    with pytest.raises(ValueError, match="0 rows"):
        stratified_split([], [])
    with pytest.raises(TypeError, match=r"seed=0\.5 is a float"):
        stratified_split([1, 2], [0, 0], seed=0.5)  # type: ignore[arg-type]
