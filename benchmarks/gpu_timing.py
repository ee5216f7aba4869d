"""How long work on a GPU takes, by the GPU's own clock; contenders take turns.

A launch costs the CPU some microseconds, and a small kernel runs for less than that: timed as it
comes, it would be the launches that are timed. So the GPU is first given a kernel that does nothing
for a while. Meanwhile the CPU queues all calls, and then they run back to back.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np

Call = Callable[[], object]
Name = TypeVar("Name", bound=Hashable)

MOST = 200
"""Calls in a row: a GPU's queue has room for about a thousand launches."""
FIRST_HOLD, LONGEST_HOLD = 200e-6, 1.0
"""Seconds for which the GPU is held while calls are queued."""

HOLD = r"""
extern "C" __global__ void hold(long long nanoseconds) {
  long long start, now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
  do asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  while (now - start < nanoseconds);
}
"""


class Clock(Protocol):
    """What measuring needs of a place where kernels run."""

    def seconds(self, call: Call, calls: int) -> float:
        """How long so many calls take, one after the other."""


class WallClock:
    """For work that is done when the call returns: on the CPU, and simulated."""

    def seconds(self, call: Call, calls: int) -> float:
        """By the CPU's clock."""
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return time.perf_counter() - start


class EventClock:
    """For work in the GPU's queue: from an event before it to an event after it."""

    def __init__(self, cupy: Any) -> None:
        self.cupy, self.kernel = cupy, cupy.RawKernel(HOLD, "hold")
        self.start, self.stop = cupy.cuda.Event(), cupy.cuda.Event()

    def seconds(self, call: Call, calls: int) -> float:
        """By the GPU's clock; longer held where the queue was not filled in time."""
        held = FIRST_HOLD
        while True:
            begin = time.perf_counter()
            self.kernel((1,), (1,), (np.int64(1e9 * held),))
            self.start.record()
            for _ in range(calls):
                call()
            self.stop.record()
            queued = time.perf_counter() - begin
            self.stop.synchronize()
            if queued < held or held >= LONGEST_HOLD:
                break
            held = min(2 * queued, LONGEST_HOLD)
        milliseconds: float = self.cupy.cuda.get_elapsed_time(self.start, self.stop)
        return milliseconds / 1e3


def in_turn(
    contenders: Mapping[Name, Call], clock: Clock, rounds: int, seconds: float
) -> dict[Name, list[float]]:
    """Seconds of one call of each contender, round by round.

    Args:
        contenders: What is called; each is warmed up first.
        clock: Which clock.
        rounds: How often each has its turn.
        seconds: How long a turn lasts, about; at least one call.
    """
    calls: dict[Name, int] = {}
    for name, call in contenders.items():
        call()  # compiles what has to be compiled
        one = clock.seconds(call, 1)
        if one < seconds:
            one = clock.seconds(call, 3) / 3
        calls[name] = max(1, min(MOST, int(seconds / max(one, 1e-9))))
    found: dict[Name, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            found[name].append(clock.seconds(call, calls[name]) / calls[name])
    return found
