"""Each epoch visits every row once, in an order that seed and epoch fix."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_ed.data import Batches, batches

sizes = st.integers(1, 40)


def rows_of(loader: Batches) -> list[int]:
    return [row for X, _ in loader for row in X.tolist()]


@settings(deadline=None)
@given(n=sizes, batch_size=sizes, seed=st.integers(0, 2**70), shuffle=st.booleans())
def test_an_epoch_visits_every_row_once_with_its_target(
    n: int, batch_size: int, seed: int, shuffle: bool
) -> None:
    X, y = np.arange(n), np.arange(n) * 10
    loader = batches(X, y, batch_size, seed=seed, shuffle=shuffle)
    for _ in range(2):
        cut = list(loader)
        assert len(cut) == len(loader) == -(-n // batch_size)
        assert [len(b) for b, _ in cut[:-1]] == [batch_size] * (len(cut) - 1)
        visited = np.concatenate([b for b, _ in cut])
        assert np.array_equal(np.concatenate([t for _, t in cut]), visited * 10)
        assert sorted(visited) == list(range(n))
        if not shuffle:
            assert visited.tolist() == list(range(n))


@settings(deadline=None)
@given(n=sizes, batch_size=sizes)
def test_drop_last_leaves_out_only_the_rest(n: int, batch_size: int) -> None:
    if n < batch_size:
        with pytest.raises(ValueError, match=f"batch_size={batch_size} with drop_last leaves no"):
            batches(np.arange(n), np.arange(n), batch_size, drop_last=True)
        return
    loader = batches(np.arange(n), np.arange(n), batch_size, drop_last=True)
    lengths = [len(X) for X, _ in loader]
    assert lengths == [batch_size] * (n // batch_size)
    assert len(loader) == len(lengths)


def test_each_epoch_has_a_new_order_and_the_seed_fixes_them_all() -> None:
    X = np.arange(50)
    first, second, other = (batches(X, X, 8, seed=seed) for seed in (7, 7, 8))
    epochs = [rows_of(first) for _ in range(4)]
    assert epochs == [rows_of(second) for _ in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert epochs[0] != rows_of(other)


def test_a_loop_left_early_changes_no_later_epoch() -> None:
    X = np.arange(30)
    whole, broken = batches(X, X, 4, seed=1), batches(X, X, 4, seed=1)
    rows_of(whole)
    next(iter(broken))
    assert rows_of(broken) == rows_of(whole)


def test_nested_loops_do_not_disturb_each_other() -> None:
    X = np.arange(12)
    alone, nested = batches(X, X, 4, seed=1), batches(X, X, 4, seed=1)
    outer, inner = rows_of(alone), rows_of(alone)
    seen: list[int] = []
    for k, (X_batch, _) in enumerate(nested):
        if k == 1:
            assert rows_of(nested) == inner
        seen += X_batch.tolist()
    assert seen == outer


def test_setting_epoch_resumes_a_run() -> None:
    X = np.arange(30)
    loader = batches(X, X, 4, seed=1)
    epochs = [rows_of(loader) for _ in range(5)]
    resumed = batches(X, X, 4, seed=1)
    resumed.epoch = 3
    assert [rows_of(resumed), rows_of(resumed)] == epochs[3:]
    assert resumed.epoch == 5
    assert loader.order(2).tolist() == epochs[2]


def test_without_a_seed_one_is_drawn_and_can_be_used_again() -> None:
    X = np.arange(100)
    first, second = batches(X, X, 10), batches(X, X, 10)
    assert first.seed != second.seed
    again = batches(X, X, 10, seed=first.seed)
    assert [rows_of(first), rows_of(first)] == [rows_of(again), rows_of(again)]


def test_every_order_is_equally_likely() -> None:
    loader = batches(np.arange(3), np.arange(3), 3, seed=0)
    counts = dict.fromkeys(itertools.permutations(range(3)), 0)
    for epoch in range(3000):
        counts[tuple(loader.order(epoch).tolist())] += 1
    assert all(400 < count < 600 for count in counts.values())  # 500, deviation 20


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_batch_is_a_copy_in_the_datas_own_type_and_the_whole_is_none(shuffle: bool) -> None:
    X = np.zeros((10, 2, 3), dtype=np.float32)
    y = np.zeros((10, 1), dtype=np.uint8)
    loader = batches(X, y, 4, seed=0, shuffle=shuffle)
    assert loader.X is X
    assert loader.y is y
    for X_batch, y_batch in loader:
        assert X_batch.dtype == np.float32
        assert y_batch.dtype == np.uint8
        assert X_batch.shape[1:] == (2, 3)
        assert y_batch.shape[1:] == (1,)
        X_batch[:], y_batch[:] = 1, 1
    assert not X.any()
    assert not y.any()


def test_data_on_disk_are_read_batch_by_batch(tmp_path: Path) -> None:
    stored = np.arange(1000.0).reshape(100, 10)
    np.save(tmp_path / "X.npy", stored)
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    loader = batches(X, np.arange(100), 16, seed=0)
    assert np.shares_memory(loader.X, X)
    for X_batch, y_batch in loader:
        assert not np.shares_memory(X_batch, X)
        assert np.array_equal(X_batch, stored[y_batch])


def test_lists_are_taken_too() -> None:
    ((X, y),) = batches([[1.0, 2.0]], ["a"], 5)
    assert X.tolist() == [[1.0, 2.0]]
    assert y.tolist() == ["a"]


def test_repr_names_size_length_shapes_and_seed() -> None:
    loader = batches(np.zeros((10, 3)), np.zeros(10), 4, seed=5)
    assert repr(loader) == "<Batches of 4: 3 an epoch, X (10, 3), y (10,), seed 5>"


def test_batch_size_zero_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="batch_size=0: give a whole number >= 1"):
        batches([1], [1], 0)
    with pytest.raises(TypeError, match=r"batch_size=32\.0 is a float"):
        batches([1], [1], 32.0)  # type: ignore[arg-type]


def test_bad_arguments_are_named_with_their_shapes() -> None:
    with pytest.raises(ValueError, match=r"X has shape \(3,\) and y has shape \(2,\)"):
        batches([1, 2, 3], [1, 2], 1)
    with pytest.raises(ValueError, match=r"X has shape \(\)"):
        batches(1.0, 2.0, 1)
    with pytest.raises(ValueError, match=r"X has shape \(0, 4\): no rows"):
        batches(np.zeros((0, 4)), np.zeros(0), 1)
    with pytest.raises(ValueError, match="seed=-1"):
        batches([1], [1], 1, seed=-1)
    with pytest.raises(ValueError, match="epoch=-1"):
        batches([1], [1], 1).order(-1)
