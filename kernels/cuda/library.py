"""CUDA kernels by name, ready to run on a machine: the counterpart of `kernels/cpu/loaded.py`."""

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import any_grid, collecting, launches  # noqa: F401 (enter their kernels into the table)
from .declared import KERNELS, Declared
from .generated import declared
from .ladder import RUNGS  # noqa: F401 (likewise)
from .launching import CudaKernel, Launch
from .machines import Kernel, Machine

SCRATCH = 2 + 4096
"""Numbers in the scratch memory, 64 bits each; see `operands.cuh`."""


class Library:
    """Kernels on a machine, made when they are first asked for.

    Args:
        machine: Where kernels run.
        arrays: The array module of their operands: NumPy or CuPy.

    Attributes:
        unseen: Recorded programs that ran and may have refused their numbers -> what raises it; for
            whoever waits for the device anyway.
    """

    def __init__(self, machine: Machine, arrays: Any) -> None:
        self.machine, self.arrays = machine, arrays
        self.get: Callable[[str, str], CudaKernel] = functools.cache(self._get)
        self._generated: dict[tuple[Any, ...], CudaKernel] = {}
        self._mine = threading.local()
        self.unseen: dict[int, Callable[[], None]] = {}

    def _get(self, name: str, dtype: str) -> CudaKernel:
        return CudaKernel(KERNELS[name], dtype, self)

    def generated(
        self,
        name: str,
        dtype: str,
        text: str,
        annotations: Mapping[str, str],
        split: Sequence[str],
        work: Sequence[str],
    ) -> CudaKernel:
        """A kernel from its text, compiled when it is first launched.

        Args:
            name: What it is called.
            dtype: Its number type.
            text: CUDA C++ with one kernel, which takes one struct; it may include our headers.
            annotations: The struct's members: argument -> name of a kind in `operands`.
            split: The arguments that are equally long.
            work: The arguments whose sizes say how much there is to do; the first one decides.
        """
        key = (name, dtype, text, tuple(annotations.items()), tuple(split), tuple(work))
        found = self._generated.get(key)
        if found is None:
            made = CudaKernel(declared(name, dtype, text, annotations, split, work), dtype, self)
            found = self._generated.setdefault(key, made)  # another thread may have been faster
        return found

    def compiled(self, declared: Declared, kernel: str) -> Kernel:
        """What C++ calls `kernel`; all that stands in its file is compiled together."""
        together = dict.fromkeys(d for d in KERNELS.values() if d.file == declared.file)
        names = [k for d in together or [declared] for t in d.dtypes for k in d.kernels(t)]
        return self.machine.kernel(declared.source, tuple(names), kernel)

    def scratch(self) -> Any:
        """Scratch memory of this thread of Python, zero where no kernel has written."""
        found = getattr(self._mine, "scratch", None)
        if found is None:
            found = self._mine.scratch = self.new_scratch()
        return found

    def new_scratch(self) -> Any:
        """Scratch memory for a program of its own."""
        return self.arrays.zeros(SCRATCH, np.int64)

    def refused(self, launch: Launch) -> bool:
        """Whether a launch objected to the numbers it was given; forgets it."""
        if launch.scratch is None:
            return False
        refused = bool(int(launch.scratch[0]))  # this waits for the device
        if refused:
            launch.scratch[:1] = 0
        self.look()
        return refused

    def look(self) -> None:
        """Raises what a kernel of a recorded program objected to, if it did and nobody knows yet.

        Whoever waits for the device calls it afterwards; so does a recorded program before a run.
        """
        for look in list(self.unseen.values()):
            look()
