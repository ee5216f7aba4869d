"""Batches of any size and kind: a program for each shape, no kernel compiled for it."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits, assert_trains_alike, batches, classifier, twins
from tinygrad_ed.kernels.cpu import loaded

import tinygrad_ed as tg


def small() -> Any:
    return classifier(sizes=(6, 5, 1))


def test_a_new_size_is_a_new_program_without_compiling_and_old_ones_stay() -> None:
    eager, captured = twins(small)
    assert_trains_alike(eager, captured, batches(3, 8, 6))
    compiled, made = dict(loaded._compiled), len(loaded._made)
    first = captured.call.program
    programs = {8: first}
    for rows in (1, 3, 100, 0) * 3:
        if rows:
            assert_trains_alike(eager, captured, batches(3, rows, 6, seed=rows))
            assert captured.call.program is programs.setdefault(rows, captured.call.program)
    assert dict(loaded._compiled) == compiled and len(loaded._made) == made
    assert_trains_alike(eager, captured, batches(1, 8, 6))
    assert captured.call.program is first
    assert len({id(p) for p in programs.values()}) == 4


def test_a_partial_last_batch_every_epoch() -> None:
    eager, captured = twins(small)
    epoch = [*batches(3, 8, 6), *batches(1, 5, 6)]
    assert_trains_alike(eager, captured, epoch * 5)


KINDS: dict[str, Any] = {
    "tensor": lambda a: tg.tensor(a, device="cpu"),
    "NumPy": lambda a: a,
    "columns": np.asfortranarray,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "list": lambda a: a.tolist(),
    "view of a tensor": lambda a: tg.tensor(np.repeat(a, 2, axis=0), device="cpu")[::2],
}


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_may_lie_and_be_made_as_they_like(kind: str) -> None:
    eager, captured = twins(small)
    for X, y in batches(6, 8, 6):
        given = [KINDS[kind](t.numpy()) for t in (X, y)]
        before = [np.array(g) for g in given] if kind == "NumPy" else []
        assert_same_bits(eager.call(X, y), captured.call(*given))
        for g, b in zip(given, before, strict=False):
            np.testing.assert_array_equal(g, b)
    assert_same_bits(eager.numbers, captured.numbers)


def test_the_caller_may_reuse_its_array() -> None:
    eager, captured = twins(small)
    buffer, targets = np.empty((8, 6), np.float32), np.empty((8, 1), np.float32)
    for X, y in batches(8, 8, 6):
        buffer[...], targets[...] = X.numpy(), y.numpy()
        assert_same_bits(eager.call(X, y), captured.call(buffer, targets))


def test_float64_for_a_float32_model_is_the_ops_own_error() -> None:
    eager, captured = twins(small)
    X, y = np.ones((8, 6)), np.ones((8, 1))
    for _ in range(4):
        messages = []
        for step in (
            lambda: eager.call(tg.tensor(X, device="cpu"), tg.tensor(y, device="cpu")),
            lambda: captured.call(X, y),
        ):
            with pytest.raises(tg.DTypeError) as error:
                step()
            messages.append(str(error.value))
        assert messages[0] == messages[1]
        assert_trains_alike(eager, captured, batches(1, 8, 6))


def test_integer_labels() -> None:
    eager, captured = twins(lambda: classifier(sizes=(6, 5, 10), optimizer=tg.optim.SGD, lr=0.1))
    assert_trains_alike(eager, captured, batches(10, 8, 6, "labels"))
    for X, y in batches(5, 8, 6, "labels"):
        few = y.numpy().astype(np.int32)
        assert_same_bits(eager.call(X, tg.tensor(few, device="cpu")), captured.call(X, few))


def test_an_argument_without_axes() -> None:
    def step(x: Any, scale: Any) -> Any:
        return (x * scale).sum()

    captured = tg.capture(step)
    for k in range(5):
        x = np.arange(4, dtype=np.float32) + k
        expected = (x * np.float32(k)).sum()
        assert captured(x, np.float32(k)).item() == expected


BAD: dict[str, tuple[str, Any]] = {
    "label too large": ("labels", 10),
    "label below zero": ("labels", -1),
    "target above one": ("bce", 1.5),
    "target below zero": ("bce", -0.5),
}


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("name", BAD)
def test_wrong_targets_raise_the_ops_own_error_and_change_nothing(name: str, fuse: bool) -> None:
    kind, value = BAD[name]
    sizes = (6, 5, 10 if kind == "labels" else 1)
    eager, captured = twins(lambda: classifier(sizes=sizes, dropout=0.5), fuse=fuse)
    steps = batches(12, 8, 6, kind)
    assert_trains_alike(eager, captured, steps[:5])
    for X, y in steps[5:8]:
        wrong = np.array(y.numpy())
        wrong[3] = value
        before = captured.numbers
        messages = []
        for t in (eager, captured):
            with pytest.raises((ValueError, IndexError)) as error:
                t.call(X, tg.tensor(wrong, device="cpu"))
            messages.append((type(error.value), str(error.value)))
        assert messages[0] == messages[1]
        assert_same_bits(before, captured.numbers)
        assert_trains_alike(eager, captured, [(X, y)])
    with pytest.raises((ValueError, IndexError)):
        captured.call(np.array(steps[0][0].numpy()), wrong)  # as arrays, too


@pytest.mark.parametrize("name", BAD)
def test_wrong_targets_in_the_middle_of_an_epoch(name: str) -> None:
    kind, value = BAD[name]
    sizes = (6, 5, 10 if kind == "labels" else 1)
    eager, captured = twins(lambda: classifier(sizes=sizes, dropout=0.5))
    steps = batches(12, 8, 6, kind)
    X, y = (np.concatenate([b[k].numpy() for b in steps]) for k in range(2))
    y[8 * 9 + 2] = value
    with pytest.raises((ValueError, IndexError)) as error:
        captured.call.run(X, y, batch_size=8)
    for k in range(9):
        eager.call(*steps[k])
    assert_same_bits(eager.numbers, captured.numbers)
    with pytest.raises(type(error.value)) as expected:
        eager.call(X[72:80], tg.tensor(y[72:80], device="cpu"))
    assert str(expected.value) == str(error.value)


def test_after_a_refusal_old_tapes_refuse_if_an_update_came_before_it() -> None:
    t = classifier(sizes=(6, 5, 1), optimizer=tg.optim.SGD, lr=0.1)
    u = classifier(sizes=(6, 5, 1), optimizer=tg.optim.SGD, lr=0.1)

    @tg.capture
    def both(X: Any, y: Any, z: Any) -> Any:
        return t.step(X, y), u.step(X, z)

    X, y = (a.numpy() for a in batches(1, 8, 6)[0])
    for _ in range(3):
        both(X, y, y)
    losses = [tg.bce_with_logits(s.model(tg.tensor(X, device="cpu")), y) for s in (t, u)]
    weights = u.numbers
    with pytest.raises(ValueError):
        both(X, y, y + 2)
    assert_same_bits(weights, u.numbers)
    with pytest.raises(tg.TapeError, match="changed in place"):
        losses[0].backward()


def test_empty_batches_and_inputs_next_to_results() -> None:
    """An empty input has an address, too: nothing else may be taken for it."""

    def step(A: Any, B: Any) -> Any:
        return A @ B, (A @ B).sum(), A.sum()

    captured = tg.capture(step)
    for shapes in (((2, 0), (0, 2)), ((0, 3), (3, 2)), ((0, 0), (0, 0))):
        for _ in range(50):
            A, B = (np.empty(s, np.float32) for s in shapes)
            given = [tg.tensor(a, device="cpu") for a in (A, B)]
            assert_same_bits(step(*given), captured(A, B))
        inputs = {a.__array_interface__["data"][0] for a in captured.program.inputs}
        results = {a.__array_interface__["data"][0] for a in captured.program.result.arrays}
        assert not inputs & results


def test_of_ever_new_sizes_the_ones_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_ed.captured.recent.SHAPES", 4)
    eager, captured = twins(small)
    assert_trains_alike(eager, captured, batches(3, 3, 6))
    often, alive = captured.call.program, weakref.WeakSet[Any]()
    for size in range(4, 20):
        for rows in (size, size, 3):
            assert_trains_alike(eager, captured, batches(1, rows, 6, seed=size))
            alive.add(captured.call.program)
        assert captured.call.program is often
    gc.collect()
    assert len(alive) <= 4
    for size in range(30, 50):  # each only once: what was noted down is not kept for ever
        captured.call(*batches(1, size, 6)[0])
    assert len(captured.call._traces) <= 4
