"""Ctrl-C waits for the running step: a step cut in two would leave half-updated weights."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def whole_steps() -> Iterator[Callable[[], None]]:
    """Inside, Ctrl-C is noted, and the function that is handed out raises it.

    Call that function where it is safe to stop. A second Ctrl-C does not wait. Another thread than
    the main one, or a program with a handler of its own, keeps what it has.

    Raises:
        KeyboardInterrupt: From the function, if Ctrl-C was pressed; from anywhere at the second.
    """
    pressed = raised = False

    def note(signum: int, frame: Any) -> None:
        nonlocal pressed, raised
        if pressed:
            raised = True
            raise KeyboardInterrupt
        pressed = True

    def safe_to_stop() -> None:
        nonlocal raised
        if pressed:
            raised = True
            raise KeyboardInterrupt

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield safe_to_stop
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if not raised:
        safe_to_stop()  # pressed after the last safe place: not forgotten
