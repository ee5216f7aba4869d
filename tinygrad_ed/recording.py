"""Whether the tape records, in this thread; what a captured step hooks into."""

import contextlib
import threading
from typing import Any, Self


class _State(threading.local):
    recording = True
    trace: Any = None  # what notes down the computation of a step that is being captured


state = _State()


class Changes:
    """Counts what may make captured programs wrong: storage that moved, a mode, a setting.

    Attributes:
        count: All changes.
        grounds: Those that are more than another value of a hyper-parameter.
    """

    count = grounds = 0

    def note(self) -> None:
        """Something changed: programs look again before their next run."""
        self.count += 1
        self.grounds += 1

    def note_setting(self) -> None:
        """A hyper-parameter was set, as a schedule may do before each step."""
        self.count += 1


changes = Changes()


def is_recording() -> bool:
    """Whether ops on tensors that require a gradient are recorded in this thread."""
    return state.recording


class no_grad(contextlib.ContextDecorator):  # noqa: N801 (used like a function)
    """Nothing is recorded inside (in this thread): for evaluation and for hand-written updates.

    Also usable as a decorator.
    """

    def __init__(self) -> None:
        self.before: list[bool] = []

    def _recreate_cm(self) -> Self:
        return type(self)()  # a decorated function may run in several threads at once

    def __enter__(self) -> None:
        self.before.append(state.recording)
        state.recording = False

    def __exit__(self, *error: object) -> None:
        state.recording = self.before.pop()
