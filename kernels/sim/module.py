"""Calling a simulated kernel: grid, block, arguments, the order of threads, what is watched."""

import contextlib
import ctypes
import functools
import struct
import threading
import weakref
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
    simulator: "_Simulator | None" = None


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


_ONES = (1, 1, 1)
_LAUNCH = struct.Struct("@6IN P iI P P ii P")
"""The members of a `sim::Launch`."""
_RANGE = struct.Struct("@2N i 0N")
"""Those of a `sim::Range`."""


@functools.lru_cache(maxsize=256)
def _library(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path), mode=getattr(ctypes, "RTLD_LOCAL", 0))


class _Simulator:
    """The fibers of a thread with their stacks; kernels of all libraries use them in turns.

    Args:
        library: Any, in whose memory nothing of it lies.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        new, discard = library["new_simulator"], library["discard_simulator"]
        new.restype, discard.restype, discard.argtypes = ctypes.c_void_p, None, [ctypes.c_void_p]
        self.address = new()
        if self.address is None:
            raise SimulationError("no memory for the stacks of 1024 threads")
        # When its thread ends; but not when the process does, where others may still run.
        weakref.finalize(self, discard, self.address).atexit = False


class SimulatedKernel:
    """A kernel of a source, compiled when it is first launched.

    Args:
        text: CUDA C++ with all it includes.
        kernels: All kernels of the text that are wanted: they share a library.
        name: This one.
    """

    def __init__(self, text: str, kernels: Sequence[str], name: str) -> None:
        self.text, self.kernels, self.name = text, tuple(kernels), name
        self._compiled: dict[bool, tuple[Any, Path]] = {}
        self._name = ctypes.create_string_buffer(name.encode())

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
        profile = settings.profile
        watched = settings.watched or profile is not None
        entry, path = self._compiled.get(watched) or self._load(watched)
        simulator = _current.simulator
        if simulator is None:
            simulator = _current.simulator = _Simulator(_library(path))
        counter = None if profile is None else Counter(arrays)
        looked_at = arrays if watched else ()
        ranges = ctypes.create_string_buffer(b"".join(map(_range_of, looked_at)))
        launch = _LAUNCH.pack(
            *grid,
            *_ONES[len(grid) :],
            *block,
            *_ONES[len(block) :],
            shared,
            simulator.address,
            ORDERS.index(settings.order),
            settings.seed % 2**32,
            ctypes.addressof(self._name),
            ctypes.addressof(ranges),
            len(looked_at),
            cooperative,
            0 if counter is None else ctypes.cast(counter.report, ctypes.c_void_p).value,
        )
        values = [np.asarray(value) for value in arguments]
        places = struct.pack(f"{len(values)}P", *[value.ctypes.data for value in values])
        error = entry(launch, places)
        if error is not None:
            raise SimulationError(named(error.decode(), path))
        if counter is not None and profile is not None:
            profile.rows[:] = merged(profile.rows + counter.rows(self.name, path))

    def _load(self, watched: bool) -> tuple[Any, Path]:
        path = build(self.text, self.kernels, watched=watched)
        entry = _library(path)[f"launch_{self.kernels.index(self.name)}"]
        entry.argtypes, entry.restype = [ctypes.c_char_p, ctypes.c_char_p], ctypes.c_char_p
        found = self._compiled[watched] = entry, path
        return found


def _range_of(array: Array) -> bytes:
    low, high = np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)
    return _RANGE.pack(low, high, array.flags.writeable)
