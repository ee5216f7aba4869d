"""A program allocates nothing when it runs, is freed with its step, and belongs to its thread."""

import gc
import sys
import threading
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits, batches, branches, classifier
from devices import each_device

import tinygrad_ed as tg


def ready(make: Any = classifier, kind: Any = (32, 30, "bce"), **options: Any) -> tuple[Any, Any]:
    t = make()
    step = tg.capture(t.step, **options)
    steps = batches(4, *kind)
    for batch in steps:
        step(*batch)
    return step, steps


@pytest.mark.parametrize(
    "make, kind", [(classifier, (32, 30, "bce")), (branches, (32, 32, "real"))]
)
def test_a_run_allocates_nothing(make: Any, kind: Any) -> None:
    step, steps = ready(make, kind)
    run, arrays = step.program.run, [t._array for t in steps[0]]
    gc.collect()
    for _ in range(10):
        run(*arrays)
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        blocks = sys.getallocatedblocks()
        for _ in range(1000):
            run(*arrays)
        more = sys.getallocatedblocks() - blocks
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    grown = sum(
        d.size_diff
        for d in after.compare_to(before, "filename")
        if "tracemalloc" not in d.traceback[0].filename
    )
    assert more < 20 and grown < 2000, (more, grown)


def test_many_steps_do_not_grow() -> None:
    step, steps = ready(lambda: classifier(sizes=(3, 2, 1)), (4, 3, "bce"))
    batch = steps[0]
    for _ in range(100):
        step(*batch)
    gc.collect()
    blocks = sys.getallocatedblocks()
    for _ in range(100_000):
        step(*batch)
    assert sys.getallocatedblocks() - blocks < 50


def test_ever_new_programs_of_one_shape_are_dropped() -> None:
    t = classifier(sizes=(3, 2, 1))
    step = tg.capture(t.step)
    alive = weakref.WeakSet()
    for k in range(30):
        weight = t.model.parameters()[0]
        weight._array = np.array(weight._array)  # as `Module.to` moves it
        tg.recording.changes.note()
        for batch in batches(4, 4, 3, seed=k):
            step(*batch)
        alive.add(step.program)
    assert len(alive) <= 8


@each_device
def test_a_dropped_step_is_freed_without_the_collector(device: str) -> None:
    t = classifier(device=device)
    step = tg.capture(t.step, device=device)
    for batch in batches(4, 32, 30):
        step(*(b.to(device) for b in batch))
    assert step.program is not None
    watched = [weakref.ref(step), weakref.ref(step.program), weakref.ref(step.program.memory)]
    gc.collect()
    gc.disable()
    try:
        t.call = None
        del step
        assert [w() for w in watched] == [None] * 3
    finally:
        gc.enable()


def test_four_threads_at_once_give_the_bits_of_one_after_the_other() -> None:
    makes = [
        classifier,
        branches,
        lambda: classifier(sizes=(784, 256, 128, 10), dropout=0.5),
        lambda: classifier("float64"),
    ]
    data = [
        batches(40, 32, 30),
        batches(40, 32, 32, "real"),
        batches(40, 64, 784, "labels"),
        batches(40, 32, 30, dtype="float64"),
    ]

    def train(k: int, found: dict[int, Any]) -> None:
        try:
            t = makes[k]()
            step = tg.capture(t.step)
            losses = [step(*batch).item() for batch in data[k]]
            found[k] = [losses, t.numbers, step.program is not None]
        except BaseException as error:  # seen by the test, not by the thread alone
            found[k] = error

    expected: dict[int, Any] = {}
    for k in range(4):
        train(k, expected)
    for _ in range(2):
        found: dict[int, Any] = {}
        threads = [threading.Thread(target=train, args=(k, found)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for k in range(4):
            assert not isinstance(found[k], BaseException), found[k]
            assert found[k][2]
            assert_same_bits(expected[k], found[k])


def test_a_trace_is_seen_by_its_own_thread_only() -> None:
    seen: list[Any] = []

    def step(x: Any) -> Any:
        thread = threading.Thread(target=lambda: seen.append(tg.tensor([3.0], device="cpu").item()))
        thread.start()
        thread.join()
        return x * 2

    tg.capture(step)(tg.ones(3, device="cpu"))
    assert seen == [3.0]
