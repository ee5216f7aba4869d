"""Threads for the kernels of device "cpu": nobody waits for ever, and nobody is busy when idle."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from backends.threaded import as_before, divided, network  # noqa: F401 (fixtures)
from tinygrad_ed.kernels.cpu import launching, loaded, loading, team, workers

import tinygrad_ed as tg


def until(reached: Callable[[], bool], act: Callable[[], Any]) -> None:
    """Acts until it is so: when other threads get to run is up to the machine."""
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end, "it did not happen within a minute"
        act()


@pytest.mark.usefixtures("divided")
def test_four_threads_train_at_once_with_two_workers() -> None:
    tg.set_threads(1)
    alone = [network((40, 90, 60, 1), 48, 0.2, seed)(60) for seed in range(4)]
    tg.set_threads(3)
    together: dict[int, Any] = {}
    threads = [
        threading.Thread(
            target=lambda s=s: together.__setitem__(s, network((40, 90, 60, 1), 48, 0.2, s)(60))
        )
        for s in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for s in range(4):
        for a, b in zip(together[s], alone[s], strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.usefixtures("divided")
def test_the_number_may_change_while_another_thread_trains() -> None:
    tg.set_threads(1)
    expected = network((40, 90, 60, 1), 48, 0.2)(400)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(network((40, 90, 60, 1), 48, 0.2)(400)))
    thread.start()
    count = 0
    while thread.is_alive():
        count += 1
        tg.set_threads(1 + count % 5)
        time.sleep(0.001)
    for a, b in zip(found, expected, strict=True):
        assert a.tobytes() == b.tobytes()


def product(size: int = 300) -> np.ndarray:
    A = np.full((size, size), 0.5, np.float32)
    C = np.empty_like(A)
    assert loaded.get("product", "float32").launch(A, A, C, None, 0, None, 0)
    return C


def help_comes(parts: int, act: Callable[[], Any] = product) -> None:
    """Acts until workers have done so many parts of it."""
    before = workers.taken()
    until(lambda: workers.taken() >= before + parts, act)


def test_a_worker_that_sleeps_is_woken() -> None:
    tg.set_threads(2)
    asleep = team.AWAKE + team.LINE
    for _ in range(3):
        until(lambda: not workers.words[asleep], lambda: time.sleep(0.01))
        help_comes(1)


@pytest.mark.usefixtures("divided")
def test_numbers_below_the_normal_range_are_0_in_workers_too() -> None:
    tg.set_threads(2)
    tiny = np.full(1 << 16, 1e-40, np.float32)
    half, result = np.full_like(tiny, 0.5), np.empty_like(tiny)

    def act() -> None:
        assert loaded.get("slope", "float32").launch(result, tiny, half, 3)  # of tanh
        assert not result.any()

    help_comes(4, act)


def own_kernel(function: Any) -> Callable[..., bool]:
    """The launcher of a kernel that a test defines."""
    from tinygrad_ed.kernels.cpu import compiling
    from tinygrad_ed.kernels.operands import signature_of

    signature = signature_of(function, "float32")
    code, symbol = compiling.machine_code(*compiling.intermediate(function, signature))
    entry = loading.load(code, symbol)
    spec = launching.spec_of(entry, signature)
    return launching.builtin(loaded._launch(), function.__name__, spec)


def test_each_part_is_done_once_and_an_objection_is_heard_from_each() -> None:
    from tinygrad_ed.kernels.cpu.compiling import kernel
    from tinygrad_ed.kernels.operands import FlatInOut, Int, Part, Parts

    @kernel(split="self", least=1)
    def count(times: FlatInOut, objects: Int, part: Part, parts: Parts) -> int:
        times[16 * part] += 1
        return 1 if part == objects else 0

    launch = own_kernel(count)
    for threads in (2, 3, 8):
        tg.set_threads(threads)
        times = np.zeros(16 * threads, np.float32)
        rounds = 3000
        for k in range(rounds):
            objects = k % (threads + 1)  # the last one is nobody
            assert launch(times, objects) is (objects == threads)
        np.testing.assert_array_equal(times[::16], rounds)


@pytest.mark.usefixtures("divided")
def test_who_finds_the_team_taken_does_it_alone() -> None:
    tg.set_threads(2)
    expected = product()
    before = workers.taken()
    workers.words[team.OWNER] = 1
    try:
        np.testing.assert_array_equal(product(), expected)
    finally:
        workers.words[team.OWNER] = 0
    assert workers.taken() == before


def test_an_exception_while_workers_are_woken_is_raised_and_does_no_harm() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    tg.set_threads(2)
    step = network((784, 256, 128, 10), 64, 0.0)
    step(4)
    C = np.zeros((300, 300), np.float32)
    until(lambda: not workers.words[team.AWAKE + team.LINE], lambda: time.sleep(0.01))
    workers.words[team.WAKE] = id(interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            loaded.get("product", "float32").launch(C, C, C.copy(), None, 0, None, 0)
        with pytest.raises(KeyboardInterrupt):
            step()
    finally:
        workers.words[team.WAKE] = id(workers.wake)
    assert step()[0].size == 1


@pytest.mark.parametrize("text", ["0", "junk", "-1", "1.5", " 2", "257", "9" * 5000, "²"])
def test_a_number_that_is_none_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TINYGRAD_ED_THREADS", text)
    with pytest.raises(ValueError) as raised:
        workers.asked_for()
    assert repr(text) in str(raised.value) and "1 to 256" in str(raised.value)


def test_the_variable_else_the_cores_say_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYGRAD_ED_THREADS", "7")
    assert workers.asked_for() == 7
    monkeypatch.delenv("TINYGRAD_ED_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert workers.asked_for() == 3


@pytest.mark.parametrize(
    ("number", "error"),
    [(0, ValueError), (-2, ValueError), (257, ValueError), (1.5, TypeError), (True, TypeError)],
)
def test_set_threads_refuses_what_is_no_number_of_threads(number: Any, error: Any) -> None:
    before = tg.get_threads()
    with pytest.raises(error, match=f"set_threads.*{number}"):
        tg.set_threads(number)
    assert tg.get_threads() == before


def test_set_threads_takes_any_whole_number() -> None:
    tg.set_threads(np.int64(3))  # type: ignore[arg-type]
    assert tg.get_threads() == 3


def in_a_process(code: str, **environment: str) -> str:
    start = """
        import os, threading, time
        import numpy as np
        import tinygrad_ed as tg
        from tinygrad_ed.kernels.cpu import loaded, team, workers

        def product(size=300):
            A = np.full((size, size), 0.5, np.float32)
            C = np.empty_like(A)
            assert loaded.get("product", "float32").launch(A, A, C, None, 0, None, 0)
            return C

        def helped():
            before, end = workers.taken(), time.monotonic() + 60
            while workers.taken() == before and time.monotonic() < end:
                product()
            return workers.taken() > before
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(code)],
        env={**os.environ, "TINYGRAD_ED_THREADS": "2", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_wrong_variable_is_noticed_where_the_device_is_first_used() -> None:
    code = "import tinygrad_ed as tg; tg.zeros(3, device='cpu')"
    environment = {**os.environ, "TINYGRAD_ED_THREADS": "many"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert b"ValueError: TINYGRAD_ED_THREADS='many'" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_computes_with_threads_of_its_own() -> None:
    code = """
        import warnings
        warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads
        expected = product()
        assert helped()
        busy = threading.Thread(target=lambda: [product(200) for _ in range(2000)], daemon=True)
        busy.start()  # somebody else is in a region when it happens
        for _ in range(5):
            child = os.fork()
            if child == 0:
                ok = not workers.taken() and (product() == expected).all() and helped()
                os._exit(0 if ok else 1)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end=" ")
        assert (product() == expected).all() and helped()
        busy.join()
    """
    assert in_a_process(code) == "0 0 0 0 0 "


def test_an_idle_team_uses_no_processor_time() -> None:
    code = """
        assert helped()
        time.sleep(0.2)
        before = time.process_time()
        time.sleep(1)
        print(time.process_time() - before)
    """
    assert float(in_a_process(code)) < 0.2


@pytest.mark.parametrize(
    "end", ["", "helped(); product()", "raise SystemExit(0)", "tg.set_threads(3); product()"]
)
def test_a_process_ends_well_while_the_team_is_there(end: str) -> None:
    in_a_process(f"assert helped()\n{end}\n")


def test_a_process_ends_well_while_another_thread_computes() -> None:
    code = """
        def work():
            while True:
                product()
        threading.Thread(target=work, daemon=True).start()
        assert helped()
    """
    in_a_process(code)


def test_no_thread_is_started_for_small_work_or_for_one() -> None:
    code = """
        product(20)
        tg.set_threads(1)
        product(500)
        print(threading.active_count())
    """
    assert in_a_process(code) == "1\n"
