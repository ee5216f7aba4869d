"""A GPU that works on NumPy arrays: the tests of kernels run there as they stand.

Every launch carries the memory of its arrays to the GPU and back. `TINYGRAD_ED_TEST_DEVICE=cuda`
puts it in the place of the simulator.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from devices import ON_A_GPU
from tinygrad_ed.kernels.cuda import CupyMachine, Machine, SimulatedMachine
from tinygrad_ed.kernels.cuda.declared import Grid
from tinygrad_ed.kernels.cuda.machines import Kernel

Array = np.ndarray[Any, Any]


IS_GPU = "cuda" in ON_A_GPU
simulator_only = pytest.mark.skipif(IS_GPU, reason="about the simulator's reports")


class GpuMachine(CupyMachine):
    """Addresses are those of NumPy's arrays; a launch puts the GPU's in their places."""

    is_late = False

    def _kernel(self, text: str, kernels: tuple[str, ...], name: str) -> Kernel:
        import cupy

        on_gpu = super()._kernel(text, kernels, name)

        def launch(grid: Grid, words: Array, arrays: Sequence[Array]) -> None:
            pieces = [_Piece(cupy, low, high) for low, high in _merged(arrays)]
            for piece in pieces:
                piece.send(pieces)
            on_gpu(grid, _moved(words, pieces), [piece.there for piece in pieces])
            for piece in pieces:
                if any(a.flags.writeable and piece.holds(a.ctypes.data) for a in arrays if a.size):
                    piece.fetch()

        return launch

    def address(self, array: Array) -> int:
        return int(array.ctypes.data)

    recorded = SimulatedMachine.recorded
    mark = SimulatedMachine.mark


class _Piece:
    """A stretch of the host's memory, and as much of the GPU's."""

    def __init__(self, cupy: Any, low: int, high: int) -> None:
        self.cupy, self.low, self.high = cupy, low, high
        self.there = cupy.empty(high - low, np.uint8)
        self.has_addresses = False

    def holds(self, address: int) -> bool:
        return self.low <= address < self.high

    def send(self, pieces: Sequence["_Piece"]) -> None:
        """A table of operands lies in memory, too: addresses in it are put right."""
        held = np.frombuffer(ctypes.string_at(self.low, self.high - self.low), np.uint8)
        if len(held) % 8 == 0:
            words = held.view(np.int64)
            moved = _moved(words, pieces)
            self.has_addresses = not np.array_equal(words, moved)
            held = moved.view(np.uint8)
        self.there[...] = self.cupy.array(held)

    def fetch(self) -> None:
        if not self.has_addresses:
            ctypes.memmove(self.low, self.cupy.asnumpy(self.there).tobytes(), self.high - self.low)


def _moved(words: Array, pieces: Sequence[_Piece]) -> Array:
    found = words.copy()
    for piece in pieces:
        inside = (words >= piece.low) & (words < piece.high)
        found[inside] += int(piece.there.data.ptr) - piece.low
    return found


def _merged(arrays: Sequence[Array]) -> list[tuple[int, int]]:
    """The memory of arrays; what overlaps is one stretch."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(np.lib.array_utils.byte_bounds(a) for a in arrays if a.size):
        if found and low < found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((int(low), int(high)))
    return found


def machine() -> Machine:
    """Where the tests of kernels run: simulated, or on the GPU that was asked for."""
    return GpuMachine() if IS_GPU else SimulatedMachine()
