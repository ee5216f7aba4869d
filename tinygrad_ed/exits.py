"""How our programs end: what a user can mend is one line on stderr, never a traceback."""

import io
import os
import sys
from collections.abc import Callable

from .errors import DeviceError, DTypeError, TapeError

EXPECTED = (OSError, ValueError, DTypeError, DeviceError, TapeError, ImportError)
"""What bad input, a missing file, an unusable device or a missing package raise."""


def exit_code(program: Callable[[], int], who: str) -> int:
    """Runs a program and returns its exit code.

    A stdout whose encoding lacks a character of ours (δ on an old terminal) shows "?" for it.

    Args:
        program: What to run; it returns 0, or another code of its own.
        who: The command, as its messages begin.

    Returns:
        The program's code; 2 for bad input, a missing file or an unusable device; 130 after Ctrl-C;
        141 if the reader of the output has gone.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = program()
        if sys.stdout is not None:  # None: started without one (`>&-`)
            sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        print(f"{who}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader (head, less) has seen enough; Python's exit must not write
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except EXPECTED as error:
        print(f"{who}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
