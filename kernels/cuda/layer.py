"""The launches of layer.cu: a layer's slopes, and the sum over its rows."""

import functools
from typing import Any

import numpy as np

from .ladder import ACTIVATIONS
from .machines import Kernel, Machine, blocks_for, steps
from .sources import TYPES, text_of

FILE = "layer.cu"
SLOPE, SUM_ROWS, LANES = "slope<T>", "sum_rows<T, 8>", 8
THREADS = 256


class _Launches:
    kernel = ""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.of_type = functools.cache(self._of_type)

    def _of_type(self, dtype: str) -> Kernel:
        every = [k.replace("<T", f"<{T}") for k in (SLOPE, SUM_ROWS) for T in TYPES.values()]
        name = self.kernel.replace("<T", f"<{TYPES[dtype]}")
        return self.machine.kernel(text_of(FILE), tuple(every), name)


class Slopes(_Launches):
    """dZ = dY f'(Z), where Y = f(Z)."""

    kernel = SLOPE

    def __call__(self, dZ: Any, dY: Any, Y: Any, activation: str | None) -> None:
        """Writes dZ; all three are matrices of one shape, of any strides.

        Raises:
            ValueError: They are not.
        """
        if not dZ.shape == dY.shape == Y.shape or len({x.dtype.name for x in (dZ, dY, Y)}) > 1:
            raise ValueError(f"slope: {dZ.shape}, {dY.shape} and {Y.shape} do not fit")
        M, N = dZ.shape
        if not M * N:
            return
        words = [M, N]
        for x in (dZ, dY, Y):
            words += [self.machine.address(x), *steps(x)]
        words.append(ACTIVATIONS[activation])
        kernel = self.of_type(dZ.dtype.name)
        kernel(blocks_for(M * N, THREADS), THREADS, np.array(words, np.int64), (dZ, dY, Y))


class RowSums(_Launches):
    """db[j] = sum over n of dZ[n, j]."""

    kernel = SUM_ROWS

    def __call__(self, dZ: Any, db: Any) -> None:
        """Writes db (N,), the sum over the rows of dZ (M, N).

        Raises:
            ValueError: They do not fit.
        """
        M, N = dZ.shape
        if db.shape != (N,) or dZ.dtype != db.dtype:
            raise ValueError(f"sum_rows: {dZ.shape} and {db.shape} do not fit")
        if not N:
            return
        address = self.machine.address
        words = [M, N, address(dZ), *steps(dZ), address(db), *steps(db)]
        kernel = self.of_type(dZ.dtype.name)
        kernel(blocks_for(N, 32), 32 * LANES, np.array(words, np.int64), (dZ, db))
