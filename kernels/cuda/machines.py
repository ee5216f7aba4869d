"""Where kernels run. Both machines are given the same text, grid and arguments."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..sim import SimulatedKernel
from .declared import Grid

Words: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

Kernel: TypeAlias = Callable[[Grid, Words, Sequence[Any]], None]
"""kernel(grid, words, arrays): runs a grid.

`words` is the kernel's one argument, a struct whose fields are all 64 bits wide; `arrays` are those
whose addresses stand in it, which live until the kernel has been launched.
"""

OPTIONS = ("--std=c++17", "--fmad=false")
"""For NVIDIA's compiler. A product and a sum are one rounding only where a kernel says `fma`, so
that a fusion cannot change a bit."""


COOPERATIVE = "grid_barrier("
"""A source with this call has kernels whose blocks wait for each other."""


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

        def launch(grid: Grid, words: Words, arrays: Sequence[Any]) -> None:
            how = {"cooperative": True} if grid.cooperative else {}
            simulated((grid.blocks,), (grid.threads,), (words,), arrays, grid.shared, **how)

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

        module = cupy.RawModule(
            code=text,
            options=OPTIONS,
            name_expressions=kernels,
            enable_cooperative_groups=COOPERATIVE in text,
        )
        function = module.get_function(name)

        def launch(grid: Grid, words: Words, arrays: Sequence[Any]) -> None:
            # An array of NumPy is passed by value: the driver copies the struct at the launch.
            if grid.shared > function.max_dynamic_shared_size_bytes:
                function.max_dynamic_shared_size_bytes = grid.shared
            function((grid.blocks,), (grid.threads,), (words,), shared_mem=grid.shared)

        return launch

    def address(self, array: Any) -> int:
        """The address in the GPU's memory."""
        return int(array.data.ptr)
