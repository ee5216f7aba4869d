"""A stand-in for CuPy: device "cuda" without a GPU, from a tensor to the kernel's argument.

Its arrays are as strict as CuPy's (`stand_in_arrays.py`), its streams as late and its graphs as
particular (`stand_in_cuda.py`), and kernels run simulated. It has what we use of CuPy and refuses
the rest. What it cannot show is CuPy itself: with `TINYGRAD_ED_TEST_DEVICE=cuda`, where there is a
GPU, the same tests run on the real one.
"""

import os
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cuda import stand_in_arrays, stand_in_cuda
from cuda.stand_in_arrays import StandInArray, array

from tinygrad_ed.backends import select

IS_REAL = os.environ.get("TINYGRAD_ED_TEST_DEVICE") == "cuda"
LAUNCHED, GRAPHS = stand_in_cuda.LAUNCHED, stand_in_cuda.GRAPHS


def cupy(**changes: Any) -> Any:
    """The module; changes are to `cupy.cuda.runtime`."""

    def filled(value: Any) -> Any:
        def make(shape: Any, dtype: Any = float, order: str = "C") -> Any:
            made = StandInArray(shape, dtype, order=order)
            made.fill(value)
            return made

        return make

    def asnumpy(a: Any) -> Any:
        return a.get() if isinstance(a, StandInArray) else np.asarray(a)

    def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
        if isinstance(a, StandInArray) and dtype in (None, a.dtype) and a.flags.c_contiguous:
            return a
        return array(a, dtype, order="C")

    module: Any = types.ModuleType("cupy")
    module.__version__ = "14.2.0"
    module.cuda = stand_in_cuda.cuda(**changes)
    module.ndarray, module.RawModule = StandInArray, stand_in_cuda.RawModule
    module.array, module.asnumpy, module.ascontiguousarray = array, asnumpy, ascontiguousarray
    module.asarray = lambda a, dtype=None: ascontiguousarray(a, dtype)
    module.empty, module.zeros, module.ones = StandInArray, filled(0), filled(1)
    module.get_default_memory_pool = lambda: stand_in_arrays.POOL
    return module


@pytest.fixture(scope="module")
def cuda_device() -> Iterator[str]:
    """Device "cuda": on the stand-in, or real where that is asked for."""
    if IS_REAL:
        yield "cuda"
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", cupy())
        others = {k: made for k, made in select._made.items() if k not in ("cuda", "auto")}
        patch.setattr(select, "_made", others)
        yield "cuda"
        stand_in_arrays.WORK.queue.clear()
