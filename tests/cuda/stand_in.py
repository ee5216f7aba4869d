"""A stand-in for CuPy: its arrays are NumPy's with CuPy's names, its kernels run simulated.

It takes what `CupyMachine` uses and nothing more, so the path of device "cuda" from a tensor to the
kernel's argument is executed without a GPU. What it cannot show is CuPy itself.
"""

import types
from collections.abc import Sequence
from typing import Any

import numpy as np
from tinygrad_ed.kernels.sim import SimulatedKernel


class StandInArray(np.ndarray[Any, Any]):
    """An array whose address is called as CuPy calls it."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return types.SimpleNamespace(ptr=self.ctypes.data)


class RawModule:
    """Compiles nothing until a kernel is launched; keeps what it was given."""

    def __init__(
        self, *, code: str, options: Sequence[str], name_expressions: Sequence[str]
    ) -> None:
        assert tuple(options) == ("--std=c++17",)
        self.code, self.names = code, name_expressions

    def get_function(self, name: str) -> Any:
        simulated = SimulatedKernel(self.code, self.names, name)

        def launch(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
            (words,) = args
            assert type(words) is np.ndarray and words.dtype == np.int64
            LAUNCHED.append(name)
            simulated(grid, block, (words,))

        return launch


LAUNCHED: list[str] = []
"""The kernels that were launched, in order."""


def _array(data: Any, dtype: Any = None, order: Any = None) -> Any:
    return np.array(data, dtype=dtype, order=order or "K").view(StandInArray)


def cupy() -> Any:
    """The module."""
    module: Any = types.ModuleType("cupy")
    runtime = types.SimpleNamespace(CUDARuntimeError=RuntimeError, getDeviceCount=lambda: 1)
    module.cuda = types.SimpleNamespace(runtime=runtime)
    module.ndarray, module.RawModule = StandInArray, RawModule
    module.array = module.asarray = _array
    module.empty = lambda shape, dtype: np.empty(shape, dtype).view(StandInArray)
    module.asnumpy = lambda array: np.asarray(array).view(np.ndarray)
    return module
