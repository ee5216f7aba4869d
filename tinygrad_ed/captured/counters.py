"""Counters of the host, as a program on another memory counts them.

What an optimizer or a dropout layer counts is a small array of the host, which anybody may read and
set. A recorded program counts by itself, in a copy beside its other memory; the host's counter is
moved on by as much. Only if somebody else has moved it meanwhile is it copied again.
"""

from collections.abc import Sequence
from typing import Any

from ..ops.registry import Array
from .arrays import address_of, memory_of, on_host, put, view_of
from .instructions import Launch


class _Mirror:
    """One counter's memory, and its copy for the program.

    Attributes:
        host: What is counted on the host: whole memory, int64.
        there: The same for the program.
        bits: What `there` holds after all runs so far.
    """

    def __init__(self, host: Array, arrays: Any) -> None:
        self.host, self.there = host, arrays.zeros(host.shape, host.dtype)
        put(self.there, host)
        self.bits = host.tobytes()


class Counters:
    """The counters of a program.

    Args:
        launches: What runs; "advance" counts.
        arrays: The array module of the program's memory.
    """

    def __init__(self, launches: Sequence[Launch], arrays: Any) -> None:
        self.arrays = arrays
        self.mirrors: dict[int, _Mirror] = {}
        self.steps = [line.args for line in launches if line.kernel.name == "advance"]

    def there(self, counter: Array) -> Array:
        """Where the program finds what this array of the host counts."""
        host = memory_of(counter)
        mirror = self.mirrors.get(id(host))
        if mirror is None:
            mirror = self.mirrors[id(host)] = _Mirror(host, self.arrays)
        return view_of(mirror.there, address_of(counter) - address_of(host), counter)

    def send(self) -> None:
        """Before a run: what somebody else has counted meanwhile."""
        for mirror in self.mirrors.values():
            if mirror.host.tobytes() != mirror.bits:
                put(mirror.there, mirror.host)
                mirror.bits = mirror.host.tobytes()

    def count(self) -> None:
        """After a run: the host counts what the program has counted."""
        for counter, by in self.steps:
            counter += by
        for mirror in self.mirrors.values():
            mirror.bits = mirror.host.tobytes()

    def fetch(self) -> None:
        """The host's counters become what the program has counted, after a run that was stopped."""
        for mirror in self.mirrors.values():
            mirror.host[...] = on_host(mirror.there)
            mirror.bits = mirror.host.tobytes()
