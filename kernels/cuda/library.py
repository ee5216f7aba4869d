"""CUDA kernels by name, ready to run on a machine: the counterpart of `kernels/cpu/loaded.py`."""

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import launches  # noqa: F401 (enters its kernels into the table)
from .declared import KERNELS, Declared
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
    """

    def __init__(self, machine: Machine, arrays: Any) -> None:
        self.machine, self.arrays = machine, arrays
        self.get: Callable[[str, str], CudaKernel] = functools.cache(self._get)
        self._mine = threading.local()

    def _get(self, name: str, dtype: str) -> CudaKernel:
        return CudaKernel(KERNELS[name], dtype, self)

    def compiled(self, declared: Declared, kernel: str) -> Kernel:
        """What C++ calls `kernel`; all that stands in its file is compiled together."""
        together = dict.fromkeys(d for d in KERNELS.values() if d.file == declared.file)
        names = [k for d in together or [declared] for t in d.dtypes for k in d.kernels(t)]
        return self.machine.kernel(declared.source, tuple(names), kernel)

    def scratch(self) -> Any:
        """Scratch memory of this thread of Python, zero where no kernel has written."""
        found = getattr(self._mine, "scratch", None)
        if found is None:
            found = self._mine.scratch = self.arrays.zeros(SCRATCH, np.int64)
        return found

    def refused(self, launch: Launch) -> bool:
        """Whether a launch objected to the numbers it was given; forgets it."""
        if launch.scratch is None or not int(launch.scratch[0]):
            return False
        launch.scratch[:1] = 0
        return True
