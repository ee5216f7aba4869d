"""`step.run`: an epoch in one call gives the bits of the loop over its batches."""

from typing import Any

import numpy as np
import pytest
from captured.twins import Trainee, assert_same_bits, batches, classifier, twins

import tinygrad_ed as tg

rng = np.random.default_rng(0)
X = rng.standard_normal((83, 6)).astype(np.float32)
y = (X[:, :1] > 0).astype(np.float32)


def small() -> Trainee:
    return classifier(sizes=(6, 5, 1), dropout=0.2)


def loop(t: Trainee, order: Any, size: int) -> np.ndarray[Any, Any]:
    losses = []
    for k in range(0, len(order), size):
        rows = order[k : k + size]
        losses.append(t.step(*(tg.tensor(a[rows], device="cpu") for a in (X, y))).item())
    return np.array(losses, np.float64)


ORDERS = {
    "as they stand": None,
    "shuffled": rng.permutation(83),
    "repeated": rng.integers(0, 83, 200),
    "some": rng.permutation(83)[:40],
    "few": np.array([3, 1, 4]),
    "none": np.array([], np.int64),
    "32 bits": rng.permutation(83).astype(np.int32),
    "a list": [5, 6, 7] * 10,
}


@pytest.mark.parametrize("size", [8, 1, 100])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_a_run_is_the_loop_over_its_batches(order: Any, size: int) -> None:
    eager, captured = twins(small)
    rows = np.arange(83) if order is None else np.asarray(order)
    for _ in range(3):
        losses = captured.call.run(X, y, order=order, batch_size=size)
        assert losses.dtype == np.float64 and losses.shape == (-(-len(rows) // size),)
        assert_same_bits(loop(eager, rows, size), losses)
        assert_same_bits(eager.numbers, captured.numbers)


def test_data_may_be_tensors_or_lie_in_another_order() -> None:
    results = []
    for data in ((X, y), (tg.tensor(X, device="cpu"), tg.tensor(y)), (np.asfortranarray(X), y)):
        t = small()
        results.append([tg.capture(t.step).run(*data, batch_size=8), t.numbers])
    assert_same_bits(results[0], results[1])
    assert_same_bits(results[0], results[2])


def test_the_batch_size_is_that_of_the_program_at_hand() -> None:
    eager, captured = twins(small)
    for t in (eager, captured):
        for batch in batches(3, 8, 6):
            t.call(*batch)
    assert_same_bits(loop(eager, np.arange(83), 8), captured.call.run(X, y))


def test_one_array_or_three() -> None:
    t = small()

    @tg.capture
    def score(X: Any) -> Any:
        return t.model(X).mean()

    @tg.capture
    def weighted(X: Any, y: Any, w: Any) -> Any:
        return (tg.bce_with_logits(t.model(X), y, reduction="none") * w).mean()

    t.model.eval()
    weights = np.linspace(0, 1, 83, dtype=np.float32)[:, None]
    expected, both = [], []
    for k in range(0, 83, 10):
        rows = tg.tensor(X[k : k + 10], device="cpu")
        expected.append(t.model(rows).mean().item())
        one = tg.bce_with_logits(t.model(rows), y[k : k + 10], reduction="none")
        both.append((one * weights[k : k + 10]).mean().item())
    assert_same_bits(np.array(expected), score.run(X, batch_size=10))
    assert_same_bits(np.array(both), weighted.run(X, y, weights, batch_size=10))


def test_a_step_that_returns_several_things_gives_a_list_of_them() -> None:
    def make() -> Trainee:
        t = small()
        step = t.step
        t.step = lambda X, y: {"loss": step(X, y), "z": (t.model(X), None)}  # type: ignore[method-assign]
        return t

    eager, captured = twins(make)
    captured.call = tg.capture(captured.step)
    found = captured.call.run(X, y, batch_size=8)
    assert isinstance(found, list) and len(found) == 11
    for k, result in enumerate(found):
        rows = [tg.tensor(a[8 * k : 8 * k + 8], device="cpu") for a in (X, y)]
        assert_same_bits(eager.step(*rows), result)


def test_other_number_types_of_losses() -> None:
    @tg.capture
    def count(X: Any) -> Any:
        return (X > 0).astype("int64").sum()

    expected = [float((X[k : k + 8] > 0).sum()) for k in range(0, 83, 8)]
    assert_same_bits(np.array(expected), count.run(X, batch_size=8))
    for dtype in ("float32", "float64"):
        mean = tg.capture(lambda X: X.mean())
        found = mean.run(X.astype(dtype), batch_size=8)
        expected = [
            tg.tensor(X[k : k + 8].astype(dtype), device="cpu").mean().item()
            for k in range(0, 83, 8)
        ]
        assert_same_bits(np.array(expected), found)


def test_hyperparameters_and_modes_between_runs() -> None:
    eager, captured = twins(small)
    for k in range(4):
        for t in (eager, captured):
            t.optimizers[0].param_groups[0]["lr"] = 0.01 / (k + 1)
            t.model.train(k != 2)
        order = np.random.default_rng(k).permutation(83)
        assert_same_bits(loop(eager, order, 8), captured.call.run(X, y, order, batch_size=8))
        assert_same_bits(eager.numbers, captured.numbers)


REFUSED: dict[str, tuple[Any, ...]] = {
    "no batch size": ((X, y), {}, "batch_size"),
    "different lengths": ((X, y[:10]), {"batch_size": 8}, "lengths"),
    "no data": ((), {"batch_size": 8}, "lengths"),
    "rows that are not there": ((X, y), {"order": [0, 83], "batch_size": 1}, "0 to 82"),
    "negative rows": ((X, y), {"order": [-1], "batch_size": 1}, "0 to 82"),
    "a mask": ((X, y), {"order": X[:, 0] > 0, "batch_size": 8}, "row numbers"),
    "fractions": ((X, y), {"order": [0.5], "batch_size": 8}, "row numbers"),
    "two axes": ((X, y), {"order": [[0, 1]], "batch_size": 8}, "one line"),
    "batch size 0": ((X, y), {"batch_size": 0}, "at least 1"),
    "batch size 2.5": ((X, y), {"batch_size": 2.5}, "whole number"),
    "batch size True": ((X, y), {"batch_size": True}, "whole number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_epoch_is_refused_at_once(name: str) -> None:
    data, options, words = REFUSED[name]
    t = small()
    before = t.numbers
    with pytest.raises(ValueError, match=words):
        tg.capture(t.step).run(*data, **options)
    assert_same_bits(before, t.numbers)
