"""Calling a simulated kernel: grid, block, arguments, the order of threads, what is watched."""

import contextlib
import ctypes
import functools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .building import build
from .places import named
from .profile import Counter, Profile, merged

Array = np.ndarray[Any, Any]

ORDERS = ("forward", "reverse", "shuffled")
"""In which order the threads of a block run; a right kernel gives the same in each."""


class SimulationError(RuntimeError):
    """A kernel did what a GPU must not; the kernel, the block, the threads and the place."""


@dataclass(frozen=True)
class Settings:
    """How kernels run in a thread of Python."""

    order: str = "forward"
    seed: int = 0
    watched: bool = False
    profile: Profile | None = None


class _Current(threading.local):
    settings = Settings()


_current = _Current()


@contextlib.contextmanager
def simulation(order: str = "forward", *, seed: int = 0, watched: bool = False) -> Iterator[None]:
    """Inside, simulated kernels of this thread run in this way.

    Args:
        order: "forward", "reverse" or "shuffled"; blocks begin at the other end, or anywhere, too.
        seed: Of the shuffled order.
        watched: Report accesses outside the arrays of a launch, writes to read-only arrays,
            misaligned vectors, and races: between threads of a block, and between blocks in
            global memory. Many times slower. Unwatched, a wild access does what it does in any
            C++ program: it may end the process.

    Raises:
        ValueError: There is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"simulation: there is no order {order!r}; one of {', '.join(ORDERS)}")
    before = _current.settings
    _current.settings = replace(before, order=order, seed=seed, watched=watched)
    try:
        yield
    finally:
        _current.settings = before


@contextlib.contextmanager
def profiled() -> Iterator[Profile]:
    """Inside, what simulated kernels of this thread ask of memory is counted, line by line.

        with sim.profiled() as found:
            launch()
        print(found.rows)

    They are watched as well.
    """
    before = _current.settings
    found = Profile()
    _current.settings = replace(before, watched=True, profile=found)
    try:
        yield found
    finally:
        _current.settings = before


class _Range(ctypes.Structure):
    """`sim::Range`."""

    _fields_ = (("low", ctypes.c_size_t), ("high", ctypes.c_size_t), ("writable", ctypes.c_int))


class _Launch(ctypes.Structure):
    """`sim::Launch`."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared", ctypes.c_size_t),
        ("order", ctypes.c_int),
        ("seed", ctypes.c_uint),
        ("kernel", ctypes.c_char_p),
        ("buffers", ctypes.POINTER(_Range)),
        ("n_buffers", ctypes.c_int),
        ("cooperative", ctypes.c_int),
        ("report", ctypes.c_void_p),
    )


@functools.lru_cache(maxsize=256)
def _library(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path), mode=getattr(ctypes, "RTLD_LOCAL", 0))


class SimulatedKernel:
    """A kernel of a source, compiled when it is first launched.

    Args:
        text: CUDA C++ with all it includes.
        kernels: All kernels of the text that are wanted: they share a library.
        name: This one.
    """

    def __init__(self, text: str, kernels: Sequence[str], name: str) -> None:
        self.text, self.kernels, self.name = text, tuple(kernels), name
        self._entries: dict[bool, Any] = {}
        self._libraries: dict[bool, Path] = {}

    def __call__(
        self,
        grid: Sequence[int],
        block: Sequence[int],
        arguments: Sequence[Any],
        arrays: Sequence[Array] = (),
        shared: int = 0,
        cooperative: bool = False,
    ) -> None:
        """Runs a grid to its end on the calling thread, without Python's lock.

        Args:
            grid: Blocks along x, y and z; what is left out is 1.
            block: Threads of a block.
            arguments: What the kernel takes, by value: a scalar of NumPy in the type that the
                kernel declares (an address is an np.uint64), or an array as a struct.
            arrays: The arrays whose memory it may use; only a watched launch looks at them.
            shared: Bytes of dynamic shared memory.
            cooperative: Whether all blocks run at once, so that they may wait for each other.

        Raises:
            SimulationError: See there.
            BuildError: It does not compile.
        """
        settings = _current.settings
        watched, profile = settings.watched or settings.profile is not None, settings.profile
        entry = self._entries.get(watched) or self._load(watched)
        counter = None if profile is None else Counter(arrays)
        ranges = (_Range * max(1, len(arrays)))(*map(_range_of, arrays))
        launch = _Launch(
            (ctypes.c_uint * 3)(*grid, *[1] * (3 - len(grid))),
            (ctypes.c_uint * 3)(*block, *[1] * (3 - len(block))),
            shared,
            ORDERS.index(settings.order),
            settings.seed,
            self.name.encode(),
            ranges,
            len(arrays),
            cooperative,
            counter and ctypes.cast(counter.report, ctypes.c_void_p),
        )
        values = [np.asarray(value) for value in arguments]
        places = (ctypes.c_void_p * max(1, len(values)))(*[v.ctypes.data for v in values])
        error = entry(ctypes.byref(launch), places)
        if error is not None:
            raise SimulationError(named(error.decode(), self._libraries[watched]))
        if counter is not None and profile is not None:
            rows = counter.rows(self.name, self._libraries[watched])
            profile.rows[:] = merged(profile.rows + rows)

    def _load(self, watched: bool) -> Any:
        path = self._libraries[watched] = build(self.text, self.kernels, watched=watched)
        entry = _library(path)[f"launch_{self.kernels.index(self.name)}"]
        entry.argtypes = [ctypes.POINTER(_Launch), ctypes.POINTER(ctypes.c_void_p)]
        entry.restype = ctypes.c_char_p
        self._entries[watched] = entry
        return entry


def _range_of(array: Array) -> _Range:
    low, high = np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)
    return _Range(low, high, array.flags.writeable)
