"""Steps that threads share, formulas that fail or change their mind, memory that overlaps."""

import os
import threading
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits, batches, classifier

import tinygrad_ed as tg
from tinygrad_ed import nn


def test_threads_that_share_a_step_take_it_in_turn() -> None:
    """Each gets the result of its own batch, though the program has one memory."""
    rng = np.random.default_rng(0)
    W = tg.tensor(rng.standard_normal((64, 64)).astype("f4"), device="cpu")
    step = tg.capture(lambda X: tg.tanh(X @ W) @ W)
    wrong: list[Any] = []

    def work(value: float) -> None:
        try:
            X = np.full((256, 64), value, "f4")
            expected = step(X).numpy()
            for _ in range(60):
                if not np.array_equal(step(np.array(X)).numpy(), expected):
                    wrong.append(value)
        except BaseException as error:  # seen by the test, not by the thread alone
            wrong.append(error)

    for X in (np.ones((256, 64), "f4"),) * 3:
        step(X)
    threads = [threading.Thread(target=work, args=(k / 4,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_can_use_the_step_that_another_thread_was_in() -> None:
    W = tg.tensor(np.ones((64, 64), "f4"), device="cpu")
    inside, over = threading.Event(), threading.Event()

    def slow(X: Any) -> Any:
        inside.set()
        over.wait(60)
        return X @ W

    step = tg.capture(slow)
    thread = threading.Thread(target=step, args=(np.ones((4, 64), "f4"),))
    thread.start()
    assert inside.wait(60)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            over.set()
            code = 0 if step(np.ones((4, 64), "f4")).numpy()[0, 0] == 64 else 1
        finally:
            os._exit(code)
    over.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_error_in_a_formula_counts_as_a_write_if_an_update_came_before_it() -> None:
    fails = []

    @tg.op()
    def failing(x):  # type: ignore[no-untyped-def]
        """Twice x, but for one call."""
        if fails:
            raise RuntimeError("in a formula")
        return x * 2

    failing.vjp(lambda dx, y, x: 2 * dx)
    t = classifier(sizes=(6, 5, 1))
    step = tg.capture(lambda X, y: (t.step(X, y), failing(X)))
    steps = batches(8, 4, 6)
    for batch in steps[:4]:
        step(*batch)
    t.model.zero_grad()
    loss = tg.bce_with_logits(t.model(steps[0][0]), steps[0][1])
    fails.append(True)
    with pytest.raises(RuntimeError, match="in a formula"):
        step(*steps[4])
    fails.clear()
    with pytest.raises(tg.TapeError, match=r"was changed in place by Adam\.step"):
        loss.backward()
    step(*steps[5])


def test_a_formula_that_gives_another_shape_later_is_refused() -> None:
    @tg.op()
    def positive(x):  # type: ignore[no-untyped-def]
        """The entries above 0."""
        return x[x > 0]

    step = tg.capture(lambda X: positive(X))
    for _ in range(4):
        assert_same_bits(step(np.array([1, -2, 3], "f4")).numpy(), np.array([1, 3], "f4"))
    with pytest.raises(tg.CaptureError, match=r"gave an array of shape \(1,\), and \(2,\) when"):
        step(np.array([1, -2, -3], "f4"))


@pytest.mark.parametrize("whole", [True, False])
def test_a_batch_that_is_the_memory_of_a_parameter_is_read_as_it_was(whole: bool) -> None:
    """Eagerly an array is copied; a program reads it in place, and may have updated it by then."""
    found = []
    for captured in (False, True):
        W = nn.Parameter(np.eye(4), device="cpu")
        optimizer = tg.optim.SGD([W], lr=0.1)

        def step(X: Any, W: Any = W, optimizer: Any = optimizer) -> Any:
            loss = ((X @ W) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss, X * 2 if whole else tg.max(X, axis=0)

        call: Any = (
            tg.capture(step) if captured else lambda X, s=step: s(tg.tensor(X, device="cpu"))
        )
        found.append([call(W.data) for _ in range(6)])
    assert_same_bits(*found)


def test_a_wrong_label_after_an_update_in_an_epoch_is_the_ops_own_error() -> None:
    """The step reads its batch once more after an update: alone it works on a copy of it."""
    t = classifier(sizes=(6, 5, 10))

    def twice(X: Any, y: Any) -> Any:
        t.step(X, y)
        return t.step(X, y)

    step = tg.capture(twice)
    X = np.random.default_rng(0).standard_normal((24, 6)).astype("f4")
    y = np.arange(24) % 10
    step.run(X, y, batch_size=4)
    y[21] = 10
    with pytest.raises(ValueError, match=r"10") as in_an_epoch:
        step.run(X, y, batch_size=4)
    with pytest.raises(ValueError, match=r"10") as alone:
        step(X[20:], y[20:])
    with pytest.raises(ValueError, match=r"10") as eagerly:
        twice(tg.tensor(X[20:], device="cpu"), tg.tensor(y[20:], device="cpu"))
    assert str(in_an_epoch.value) == str(alone.value) == str(eagerly.value)
