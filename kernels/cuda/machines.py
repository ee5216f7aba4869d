"""Where kernels run. Both machines are given the same text, grid, block and arguments."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..sim import SimulatedKernel

Words: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

Kernel: TypeAlias = Callable[[int, int, Words, Sequence[Any]], None]
"""kernel(blocks, threads, words, arrays): runs a grid of `blocks` blocks of `threads` threads.

`words` is the kernel's one argument, a struct whose fields are all 64 bits wide; `arrays` are those
whose addresses stand in it, which live until the kernel has been launched.
"""


class Machine(Protocol):
    """What launches need of a place where kernels run."""

    def kernel(self, text: str, kernels: tuple[str, ...], name: str) -> Kernel:
        """A kernel of a text; compiled at the latest when it is launched."""

    def address(self, array: Any) -> int:
        """Where an array's first entry lies, as kernels see it."""


class SimulatedMachine:
    """Kernels run on the CPU, on NumPy arrays; `sim.simulation` says how."""

    def __init__(self) -> None:
        self.kernel = functools.cache(self._kernel)

    def _kernel(self, text: str, kernels: tuple[str, ...], name: str) -> Kernel:
        simulated = SimulatedKernel(text, kernels, name)

        def launch(blocks: int, threads: int, words: Words, arrays: Sequence[Any]) -> None:
            simulated((blocks,), (threads,), (words,), arrays)

        return launch

    def address(self, array: Any) -> int:
        """The address in the process's memory."""
        return int(array.ctypes.data)


class CupyMachine:
    """Kernels run on a GPU, on CuPy arrays, in the stream that CuPy holds for current."""

    def __init__(self) -> None:
        self.kernel = functools.cache(self._kernel)

    def _kernel(self, text: str, kernels: tuple[str, ...], name: str) -> Kernel:
        import cupy

        module = cupy.RawModule(code=text, options=("--std=c++17",), name_expressions=kernels)
        function = module.get_function(name)

        def launch(blocks: int, threads: int, words: Words, arrays: Sequence[Any]) -> None:
            # An array of NumPy is passed by value: the driver copies the struct at the launch.
            function((blocks,), (threads,), (words,))

        return launch

    def address(self, array: Any) -> int:
        """The address in the GPU's memory."""
        return int(array.data.ptr)


def steps(array: Any) -> tuple[int, ...]:
    """An array's strides in numbers.

    Raises:
        ValueError: Its entries do not lie at multiples of their size (a field of a record).
    """
    size = array.itemsize
    if any(stride % size for stride in array.strides):
        raise ValueError(f"strides {array.strides} are no multiples of {size} bytes: copy it first")
    return tuple(stride // size for stride in array.strides)


def blocks_for(count: int, each: int) -> int:
    """How many blocks cover `count` things if a block covers `each`."""
    return -(-count // each)
