"""Where kernels run. Both machines are given the same text, grid and arguments."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..sim import BuildError, SimulatedKernel
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


class Mark(Protocol):
    """The first number of a scratch memory, by which kernels say that they refuse, on the host."""

    def send(self) -> None:
        """After a run was launched: the host will find the number as it is at the end of it."""

    def value(self) -> int:
        """The number after the last run, which this waits for."""


class Machine(Protocol):
    """What launches need of a place where kernels run.

    Attributes:
        is_late: Whether a launch may return before the kernel has run.
    """

    is_late: bool

    def kernel(self, text: str, kernels: tuple[str, ...], name: str) -> Kernel:
        """A kernel of a text; compiled at the latest when it is launched."""

    def address(self, array: Any) -> int:
        """Where an array's first entry lies, as kernels see it."""

    @property
    def processors(self) -> int:
        """How many blocks run at once, at least."""

    def recorded(self, launch_all: Callable[[], None]) -> Callable[[], None]:
        """What makes the same launches again, on the same arguments and memory, in one call.

        The function is called at once, or each time; it must not allocate memory or wait.
        """

    def mark(self, scratch: Any) -> Mark:
        """The number that a scratch memory begins with, for the host."""


class _Here:
    """A mark in the process's own memory."""

    def __init__(self, scratch: Any) -> None:
        self.scratch = scratch

    def send(self) -> None: ...

    def value(self) -> int:
        return int(self.scratch[0])


class SimulatedMachine:
    """Kernels run on the CPU, on NumPy arrays; `sim.simulation` says how."""

    is_late = False

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

    @property
    def processors(self) -> int:
        """Of a small GPU: the blocks' fibers take turns."""
        return 4

    def recorded(self, launch_all: Callable[[], None]) -> Callable[[], None]:
        """The same function: the launches are made one after the other, as a graph makes them."""
        return launch_all

    def mark(self, scratch: Any) -> Mark:
        """Read where it is."""
        return _Here(scratch)


class _Sent:
    """A mark that the GPU copies to the host after a run, without anybody waiting.

    The copy is no part of the graph: CuPy takes no copy to the host into one.
    """

    def __init__(self, scratch: Any) -> None:
        import cupy

        self.scratch = scratch
        # Pinned: the GPU writes there by itself, and no copy has to wait for the host.
        self.memory = cupy.cuda.alloc_pinned_memory(scratch.itemsize)
        self.word = np.frombuffer(self.memory, np.int64, 1)
        self.word[0] = 0
        self.event = cupy.cuda.Event(disable_timing=True)

    def send(self) -> None:
        self.scratch.data.copy_to_host_async(self.memory.ptr, self.scratch.itemsize)
        self.event.record()

    def value(self) -> int:
        self.event.synchronize()
        return int(self.word[0])


class CupyMachine:
    """Kernels run on a GPU, on CuPy arrays, in the stream that CuPy holds for current."""

    is_late = True

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
        try:
            function = module.get_function(name)
        except cupy.cuda.compiler.CompileException as error:
            raise BuildError(_first_errors(name, str(error))) from error
        most = function.max_dynamic_shared_size_bytes  # asking loads it: a recorded run must not

        def launch(grid: Grid, words: Words, arrays: Sequence[Any]) -> None:
            nonlocal most
            if grid.shared > most:
                function.max_dynamic_shared_size_bytes = most = grid.shared
            # A NumPy array of one entry is passed by value: the struct, copied at the launch.
            struct = words.view(f"V{words.nbytes}")
            function((grid.blocks,), (grid.threads,), (struct,), shared_mem=grid.shared)

        return launch

    def address(self, array: Any) -> int:
        """The address in the GPU's memory."""
        return int(array.data.ptr)

    @property
    def processors(self) -> int:
        """The GPU's multiprocessors."""
        import cupy

        return int(cupy.cuda.Device().attributes["MultiProcessorCount"])

    def recorded(self, launch_all: Callable[[], None]) -> Callable[[], None]:
        """One CUDA graph, recorded on a stream of its own and launched in the current one."""
        import cupy

        stream = cupy.cuda.Stream(non_blocking=True)
        with stream:
            stream.begin_capture()
            try:
                launch_all()
            finally:
                graph = stream.end_capture()
        launch: Callable[[], None] = graph.launch
        return launch

    def mark(self, scratch: Any) -> Mark:
        """Sent to the host after each run."""
        return _Sent(scratch)


def _first_errors(name: str, text: str) -> str:
    """What NVIDIA's compiler objects to, without its remarks."""
    lines = [line for line in text.splitlines() if "error" in line] or text.splitlines()
    return f"NVRTC does not accept the kernel {name}: " + "\n".join(lines[:5])
