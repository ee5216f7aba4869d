"""How the kernels of a table are run: at once, or noted down as well (`tg.capture`)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ops.registry import Array

SERVED = {np.dtype("float32"): "float32", np.dtype("float64"): "float64"}
"""Number types that the kernels are compiled for; others run the formula."""


class Environment:
    """Kernels are launched at once."""

    def launcher(self, kernel: Any) -> Callable[..., bool]:
        """What runs a kernel on arrays and numbers; False if they are not what it is made for."""
        launch: Callable[..., bool] = kernel.launch
        return launch

    def ordered(self, array: Array) -> Array:
        """The array in C order, as most kernels want it; itself if it is."""
        return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _refuses(*operands: Any) -> bool:
    return False


class Launchers(dict[Any, Callable[..., bool]]):
    """A kernel's launchers by number type: `launchers[x.dtype](x, y)`; each made on first use."""

    def __init__(self, environment: Environment, name: str) -> None:
        super().__init__()
        self.environment, self.name = environment, name

    def __missing__(self, dtype: Any) -> Callable[..., bool]:
        launch: Callable[..., bool] = _refuses
        if dtype in SERVED:
            from ...kernels.cpu import loaded

            launch = self.environment.launcher(loaded.get(self.name, SERVED[dtype]))
        self[dtype] = launch
        return launch
