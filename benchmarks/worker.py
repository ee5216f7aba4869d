"""One peer of a benchmark in a process of its own: started by `harness`, pinned, persistent.

It reads a JSON line, does what it says and answers with a JSON line:

    {"prepare": CASE}   build the case, warm it up     -> {"loss": L}, {"skip": WHY}, {"error": …}
    {"burst": SECONDS}  repeat it for about that long  -> {"rate": R, "share": of a core's time}
    {"score": true}     what the case's `score` says   -> {"score": S}

`peers_<peer>.py` has a function named as the benchmark, which makes a `Job` of (case, mode).
"""

import contextlib
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO


class SkipCase(Exception):  # noqa: N818
    """This peer does not do this case; the message says why."""


@dataclass
class Job:
    """Something to repeat.

    Attributes:
        step: Does it for the i-th time; may return the loss, or an epoch's losses.
        per_call: How many repetitions one call counts for.
        finish: Waits for what `step` only started.
        warm: Calls before the clock starts.
        loss_at: Which of these calls the loss is read from, for comparing peers.
        score: What to say when asked for a score.
    """

    step: Callable[[int], Any]
    per_call: float = 1
    finish: Callable[[], object] = lambda: None
    warm: int = 6
    loss_at: int = 5
    score: Callable[[], float] | None = None
    done: int = 0

    def once(self) -> Any:
        """The next call."""
        found = self.step(self.done)
        self.done += 1
        return found

    def warm_up(self) -> float | None:
        """The loss of the step number `loss_at`, counted from 0."""
        import numpy as np

        loss = None
        for k in range(self.warm):
            found = self.once()
            if found is None:
                continue
            if getattr(found, "ndim", 0):  # an epoch's losses
                loss = float(np.asarray(found).reshape(-1)[self.loss_at]) if k == 0 else loss
            elif k == self.loss_at:
                loss = float(found)
        self.finish()
        return loss

    def rate(self, seconds: float) -> float:
        """Repetitions per second over about so many seconds, at least one call.

        The clock is read rarely: after 1, 2, 4, … calls, as long as the remaining time allows.
        """
        calls, at_once = 0, 1
        start = time.perf_counter()
        while True:
            for _ in range(at_once):
                self.once()
            self.finish()
            calls += at_once
            passed = time.perf_counter() - start
            if passed >= seconds:
                return calls * self.per_call / passed
            left = int(calls / passed * (seconds - passed))
            at_once = max(1, min(2 * at_once, left))


def answer(message: dict[str, Any], spec: dict[str, Any], jobs: dict[str, Job]) -> dict[str, Any]:
    """Does what one message asks for."""
    if "prepare" in message:
        jobs.clear()  # the last case's data
        peer = importlib.import_module(f"peers_{spec['peer']}")
        make = getattr(peer, spec["benchmark"], None)
        if make is None:
            raise SkipCase(f"{spec['peer']} has no part in {spec['benchmark']}")
        jobs["now"] = job = make(message["prepare"], spec["mode"])
        return {"loss": job.warm_up()}
    if "burst" in message:
        wall, used = time.perf_counter(), time.process_time()
        rate = jobs["now"].rate(message["burst"])
        share = (time.process_time() - used) / (time.perf_counter() - wall)
        return {"rate": rate, "share": share}
    score = jobs["now"].score
    return {"score": None if score is None else score()}


def serve(spec: dict[str, Any], replies: TextIO) -> None:
    """Answers until there is nobody to answer."""
    jobs: dict[str, Job] = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), spec, jobs)
        except SkipCase as why:
            reply = {"skip": str(why)}
        except Exception as error:
            traceback.print_exc()
            first = str(error).strip().splitlines() or [""]
            reply = {"error": f"{type(error).__name__}: {first[0][:200]}"}
        print(json.dumps(reply), file=replies, flush=True)


def main() -> None:
    """Pins the process, and keeps standard output for the answers alone."""
    spec = json.loads(sys.argv[1])
    if spec["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, spec["cores"])  # before any library starts its threads
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)  # what a library prints goes to the log
        with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
            serve(spec, replies)


if __name__ == "__main__":
    # The peers import this file as `worker`; run as a script it would be there twice, and a
    # SkipCase of the one would be no SkipCase of the other.
    sys.modules["worker"] = sys.modules["__main__"]
    main()
