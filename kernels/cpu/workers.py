"""The threads of the team: Python threads that are in machine code while they work.

A worker runs `team.worker` with Python's lock released, and when that finds nothing to do, waits
for its bell, a lock of Python's. They are started when a kernel is first divided, once per process:
the child of a fork starts its own.
"""

import atexit
import contextlib
import ctypes
import os
import sys
import threading
import time
from _thread import LockType, allocate_lock
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operands import WORK_BYTES
from . import team

SPIN = 50e-6
"""Seconds for which a worker looks for parts before it sleeps: waking it takes about as long."""

_memory = np.zeros(team.WORDS + team.LINE, np.int64)
_first = -(_memory.ctypes.data // 8) % team.LINE
words = _memory[_first : _first + team.WORDS]
"""The words of the team, on a cache line's border; see `team`."""
ADDRESS = words.ctypes.data

_workers: dict[int, "Worker"] = {}
_current_core: Any = None
"""The system's function that says which core this thread runs on; None where it cannot be asked."""
if sys.platform == "linux":
    _current_core = getattr(ctypes.CDLL(None), "sched_getcpu", None)


def asked_for() -> int:
    """How many threads a process begins with: `TINYGRAD_ED_THREADS`, else the cores it may use.

    Raises:
        ValueError: The variable holds something else than a number of threads.
    """
    text = os.environ.get("TINYGRAD_ED_THREADS", "")
    if not text:
        return min(_cores(), team.LIMIT)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    if not 1 <= number <= team.LIMIT:
        raise ValueError(
            f"TINYGRAD_ED_THREADS={text!r}: it must be a number of threads, 1 to {team.LIMIT}"
        )
    return number


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """How many threads a kernel may be divided among, the caller's included."""
    return int(words[team.THREADS])


def use(number: int) -> None:
    """That many from here on; a region that is open keeps its own number."""
    words[team.THREADS] = number


def taken() -> int:
    """How many parts of kernels the workers have done in this process."""
    return int(words[team.TAKEN :: team.LINE].sum())


def wake() -> None:
    """Wakes the workers that sleep, and starts those that are not there yet."""
    for k in range(1, threads()):
        if words[team.AWAKE + team.LINE * k]:
            continue
        worker = _workers.get(k) or _started(k)
        if worker is None:
            continue
        worker.leave_core()
        with contextlib.suppress(RuntimeError):  # another thread was faster
            if worker.bell.locked():
                worker.bell.release()


@dataclass(eq=False)
class Worker:
    """A thread that waits for its bell; `avoided` is the core that it does not run on."""

    thread: threading.Thread
    bell: LockType
    avoided: int = -1

    def leave_core(self) -> None:
        """Keeps the worker off the core that this thread runs on.

        Linux likes to run a thread where it was woken, on the core that is busy with this one, and
        takes milliseconds to see that another is idle.
        """
        core = _current_core() if _current_core is not None else -1
        if core == self.avoided or self.thread.native_id is None:
            return
        others = os.sched_getaffinity(0) - {core}
        if others:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self.thread.native_id, others)
        self.avoided = core


def _started(k: int) -> Worker | None:
    """Worker k; None where the system gives no more threads: the caller does its parts."""
    work = _native()
    if words[team.LOOKS] == 0:
        words[team.LOOKS] = _looks(work)
    bell = allocate_lock()
    bell.acquire()
    name = f"tinygrad_ed worker {k}"
    thread = threading.Thread(target=_serve, args=(work, k, bell), name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        words[team.AWAKE + team.LINE * k] = 1  # nobody is there: not to be asked for again
        return None
    _workers[k] = Worker(thread, bell)
    return _workers[k]


def _native() -> Any:
    """`team.worker` as a function that runs without Python's lock."""
    from . import loaded

    address = loaded.native("work", team.worker, 3)
    return ctypes.CFUNCTYPE(ctypes.c_ssize_t, *[ctypes.c_ssize_t] * 3)(address)


def _looks(work: Any) -> int:
    """How often a worker looks in `SPIN` seconds: tried on a team that has nothing to do."""
    alone = np.zeros(team.WORDS, np.int64)
    alone[team.LOOKS] = tried = 500
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work(alone.ctypes.data, alone[team.AWAKE :].ctypes.data, 0)
        seconds.append(time.perf_counter() - start)
    return max(1, int(tried * SPIN / max(min(seconds), 1e-9)))


def _serve(work: Any, k: int, bell: LockType) -> None:
    """A worker's life."""
    scratch = np.empty(WORK_BYTES + 4096, np.uint8)
    border = -(-scratch.ctypes.data // 4096) * 4096
    awake = ADDRESS + 8 * (team.AWAKE + team.LINE * k)
    while not words[team.STOP]:
        work(ADDRESS, awake, border)
        bell.acquire()


def _leave() -> None:
    """At exit: workers return before Python takes itself apart."""
    words[team.THREADS] = words[team.STOP] = 1
    workers = list(_workers.values())
    for worker in workers:
        with contextlib.suppress(RuntimeError):
            if worker.bell.locked():
                worker.bell.release()
    for worker in workers:
        worker.thread.join(1.0)


def _fresh() -> None:
    """In the child of a fork: it has the words, but none of the threads."""
    _workers.clear()
    for word in (team.OPEN, team.DONE, team.OWNER, team.RUNS):
        words[word] = 0
    words[team.AWAKE :] = 0


def _set_up() -> None:
    def python(name: str) -> int:
        return int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)

    words[team.THREADS] = asked_for()
    words[team.CALL], words[team.DECREF] = python("PyObject_CallNoArgs"), python("Py_DecRef")
    words[team.WAKE] = id(wake)
    for word, name in ((team.YIELD, "sched_yield"), (team.NAP, "usleep")):
        found: Any
        if os.name == "nt":  # it has no sleep as short
            found = getattr(ctypes, "windll").kernel32.SwitchToThread  # noqa: B009 (not elsewhere)
        else:
            found = getattr(ctypes.CDLL(None), name, None)
        words[word] = ctypes.cast(found, ctypes.c_void_p).value or 0 if found else 0
    atexit.register(_leave)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_fresh)


_set_up()
