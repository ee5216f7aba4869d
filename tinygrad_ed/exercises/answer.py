"""The learner's process, seen from the grader: ask it for numbers, within a time limit."""

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .catalogue import Exercise, Part
from .wire import WireError, receive, send

MEMORY = 4 * 2**30  # bytes of address space; linear-algebra libraries reserve much of it
LONGEST = 86_400.0  # seconds that one answer is waited for, whatever the time limit
PRINTED = 2_000  # characters of what the program printed that are shown


class AnswerError(Exception):
    """The learner's function raised; the message says what, and in which line."""


class NoAnswer(Exception):  # noqa: N818 (an outcome, not a broken call)
    """The process gave no answer: out of time, gone, or something that is no answer."""


@dataclass
class Reply:
    """One answer.

    Attributes:
        value: What the function returned.
        warnings: The warnings on the way.
        changed: Numbers of the arguments that it wrote into.
    """

    value: Any
    warnings: list[str] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)


class Answer:
    """A work file in a process of its own; a context manager.

    Attributes:
        calls: How often each function was called, by part.
        over: Why no more answers come; "" while they do.
        printed: The end of what the program printed, once it is closed.
    """

    def __init__(
        self, file: Path, exercise: Exercise, parts: Sequence[Part], timeout: float
    ) -> None:
        self.calls = {part.name: 0 for part in parts}
        self.over = self.printed = ""
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._nonce = secrets.token_hex(16)
        self._count = 0
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (read after the process ends)
        self._closed = False
        self._frames: queue.Queue[Any] = queue.Queue()
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tinygrad_ed.exercises.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            cwd=file.parent,
            env={**os.environ, **threads, "PYTHONPATH": path},
            start_new_session=os.name == "posix",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._send(
            {
                "file": str(file),
                "exercise": exercise.name,
                "parts": {p.name: {"function": p.function, "target": p.target} for p in parts},
                "nonce": self._nonce,
                "memory": MEMORY,
            }
        )
        try:
            self._receive()
        except AnswerError as error:
            self.over = f"the file does not run: {error}"
        except NoAnswer:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def ask(
        self, part: str, args: Sequence[Any], kwargs: dict[str, Any], how: str = "direct"
    ) -> Reply:
        """What the learner's function returns.

        Args:
            part: Which function.
            args, kwargs: What it is called with.
            how: "direct", or "tape" and "twice" through the engine (args: seed, operands).

        Raises:
            AnswerError: It raised.
            NoAnswer: The process is gone, or the time is up; `over` says so from now on.
        """
        if self.over:
            raise NoAnswer(self.over)
        self._count += 1
        self._send(
            {"id": self._count, "part": part, "args": list(args), "kwargs": kwargs, "how": how}
        )
        before = dict(self.calls)
        reply = self._receive()
        if self.calls[part] <= before[part]:
            self._stop("a reply came without a call of the function: that is no answer")
        return reply

    def close(self) -> None:
        """Ends the process and whatever it has started, and reads what it printed."""
        if self._closed:
            return
        self._closed = True
        self.over = self.over or "the process was ended"
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # what it had not read yet
                self._process.stdin.close()
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - 4 * PRINTED))
        self.printed = self._output.read().decode(errors="replace")[-PRINTED:]
        self._output.close()

    def _read(self) -> None:
        """Collects frames, in a thread: a pipe cannot be waited for with a limit everywhere."""
        assert self._process.stdout is not None
        try:
            while (frame := receive(self._process.stdout)) is not None:  # type: ignore[arg-type]
                self._frames.put(frame)
            self._frames.put(None)
        except (WireError, OSError, ValueError) as error:
            self._frames.put(error)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # a process that is gone shows when its reply is read
            send(self._process.stdin, message)  # type: ignore[arg-type]

    def _stop(self, why: str) -> None:
        self.over = why
        self.close()
        raise NoAnswer(why)

    def _receive(self) -> Reply:
        try:
            frame = self._frames.get(
                timeout=min(max(0.0, self._deadline - time.monotonic()), LONGEST)
            )
        except queue.Empty:
            self._stop(
                f"no answer within {self._timeout:g} s: an endless loop? (--timeout S allows more)"
            )
        if frame is None:
            code = self._wait()
            self._stop(
                f"the program ended by itself (exit code {code}) before all questions were answered"
            )
        if isinstance(frame, Exception) or (frame.get("nonce"), frame.get("id")) != (
            self._nonce,
            self._count,
        ):
            self._stop("something was written to the grader's pipe that is no answer")
        if isinstance(frame.get("calls"), dict):
            self.calls.update({k: int(frame["calls"].get(k, 0)) for k in self.calls})
        if "error" in frame:
            raise AnswerError(str(frame["error"])[:500])
        return Reply(frame.get("value"), frame.get("warnings", []), frame.get("changed", []))

    def _wait(self) -> int | str:
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "unknown"
