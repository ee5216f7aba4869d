"""Several threads on one kernel: a team, and the regions it works on.

A region is one kernel whose result is divided into parts. Whoever runs it *opens* it, takes parts
by itself until none is left, and then waits for those that others took. A part is taken by counting
one word, OPEN, down: whoever gets it from k + 1 to k does part k. So a region needs nobody else.
When workers sleep, are busy, or are gone after a fork, the caller does every part, and the bits are
the same: they depend on no division.

Why a late worker does no harm: OPEN alone says whether there was a part to take. If there was, the
region cannot end before that part is done, so all that is read afterwards belongs to it.

One region at a time: whoever finds the team taken runs its kernel undivided instead of waiting.
Workers (`workers.py`) look for parts for a bounded time, then sleep in Python; `rouse` wakes them
before a run that may need them. While a run is under way they do not fall so fast asleep, since
nothing in it can wake them: they take naps between their looks.
"""

from typing import Any

LINE = 16
"""Words that no other thread's words share a cache line with (processors fetch two of 64 bytes)."""
NAP_LENGTH = 20
"""Microseconds; the system makes it some more."""
LIMIT = 256
"""Threads at most, the caller included."""

# The words of a team. The first four change all the time: a line for each.
OPEN, DONE, OWNER, RUNS = (LINE * k for k in range(4))
# What the open region is.
ENTRY, ROW, PARTS, STATUS = range(4 * LINE, 4 * LINE + 4)
# What rarely changes: how many threads, whether workers shall leave, how often they look before
# they sleep; addresses: the system's "let others go first" and "sleep for so many microseconds",
# Python's call and release of an object, and the object that wakes workers.
THREADS, STOP, LOOKS, YIELD, NAP, CALL, DECREF, WAKE = range(5 * LINE, 5 * LINE + 8)
AWAKE = 6 * LINE
"""Whether worker k = 1, 2, ... is looking for parts: the word AWAKE + k LINE."""
TAKEN = AWAKE + 1
"""How many parts it has done so far: TAKEN + k LINE."""
WORDS = AWAKE + LINE * LIMIT


def regions() -> tuple[Any, Any, Any]:
    """`rouse`, `run_under_way` and `divided`; inside, since only compiling needs Numba."""
    from numba import njit

    from .atomics import add, exchange, load, pause, store
    from .compiling import INNER
    from .memory import call_for_word, call_kernel, put_word, word

    @njit(**INNER)
    def rouse(team):  # type: ignore[no-untyped-def]
        """Wakes workers that sleep, under Python's lock; False: Python has an exception."""
        for k in range(1, word(team + 8 * THREADS)):
            if load(team + 8 * (AWAKE + LINE * k)) == 0:
                given = call_for_word(word(team + 8 * CALL), word(team + 8 * WAKE), 0, 0, 0)
                if given == 0:
                    return False
                call_for_word(word(team + 8 * DECREF), given, 0, 0, 0)
                break
        return True

    @njit(**INNER)
    def run_under_way(team, more):  # type: ignore[no-untyped-def]
        """A run that may open regions begins (1) or ends (-1)."""
        add(team + 8 * RUNS, more)

    @njit(**INNER)
    def divided(team, entry, row, work):  # type: ignore[no-untyped-def]
        """The kernel, by the team if it is free; 0, or what any part objects to."""
        parts = word(team + 8 * THREADS)
        if parts < 2 or exchange(team + 8 * OWNER, 1) != 0:
            return call_kernel(entry, row, 0, 1, work)
        put_word(team + 8 * ENTRY, entry)
        put_word(team + 8 * ROW, row)
        put_word(team + 8 * PARTS, parts)
        put_word(team + 8 * STATUS, 0)
        store(team + 8 * DONE, 0)
        store(team + 8 * OPEN, parts)
        status, mine = 0, 0
        part = add(team + 8 * OPEN, -1) - 1
        while part >= 0:
            status |= call_kernel(entry, row, part, parts, work)
            mine += 1
            part = add(team + 8 * OPEN, -1) - 1
        looks = 0
        while load(team + 8 * DONE) != parts - mine:
            pause()
            looks += 1
            if looks > word(team + 8 * LOOKS) and word(team + 8 * YIELD) != 0:
                call_for_word(word(team + 8 * YIELD), 0, 0, 0, 0)
        status |= word(team + 8 * STATUS)
        store(team + 8 * OWNER, 0)
        return status

    return rouse, run_under_way, divided


def worker() -> Any:
    """What a worker's thread runs, without Python's lock, until it should sleep."""
    from .atomics import add, load, pause, store, unite
    from .memory import call_for_word, call_kernel, flush_denormals, put_word, restore, word

    def work(team, awake, scratch):  # type: ignore[no-untyped-def]
        """Takes parts, until LOOKS looks were in vain; while a run is under way, naps instead."""
        store(awake, 1)
        before = flush_denormals()
        taken = awake + 8 * (TAKEN - AWAKE)
        idle, looks = 0, word(team + 8 * LOOKS)
        while load(team + 8 * STOP) == 0:
            if load(team + 8 * OPEN) > 0:
                part = add(team + 8 * OPEN, -1) - 1
                if part >= 0:
                    status = call_kernel(
                        word(team + 8 * ENTRY), word(team + 8 * ROW), part,
                        word(team + 8 * PARTS), scratch,
                    )  # fmt: skip
                    if status != 0:
                        unite(team + 8 * STATUS, status)
                    put_word(taken, word(taken) + 1)
                    add(team + 8 * DONE, 1)
                    idle = 0
                continue
            pause()
            idle += 1
            if idle > looks:
                if load(team + 8 * RUNS) == 0 or word(team + 8 * NAP) == 0:
                    break
                call_for_word(word(team + 8 * NAP), NAP_LENGTH, 0, 0, 0)
        restore(before)
        store(awake, 0)
        return 0

    return work
