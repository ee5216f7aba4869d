"""How many threads the kernels of device "cpu" use: `TINYGRAD_ED_THREADS`, `tg.set_threads`."""

import operator

from ..kernels.cpu import team, workers


def set_threads(number: int) -> None:
    """From here on, large kernels are divided among up to so many threads, this one included.

    The numbers that are computed are the same to the last bit for any number of threads. A process
    begins with `TINYGRAD_ED_THREADS`, else with as many threads as there are cores that it may use.

    Args:
        number: 1 to 256; 1 means that everything runs in the thread that asks for it.

    Raises:
        ValueError: Another number.
        TypeError: No whole number.
    """
    if isinstance(number, bool):
        raise TypeError(f"set_threads: a number of threads, not {number}")
    try:
        wanted = operator.index(number)
    except TypeError:
        raise TypeError(f"set_threads: a whole number of threads, not {number!r}") from None
    if not 1 <= wanted <= team.LIMIT:
        raise ValueError(f"set_threads: 1 to {team.LIMIT} threads, not {wanted}")
    workers.use(wanted)


def get_threads() -> int:
    """How many threads large kernels are divided among."""
    return workers.threads()
