"""How the kernels of a table are run: at once, or noted down as well (`tg.capture`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...ops.registry import Array

SERVED = {np.dtype("float32"): "float32", np.dtype("float64"): "float64"}
"""Number types that the kernels are compiled for; others run the formula."""


@dataclass(frozen=True, eq=False)
class Library:
    """Where a device's kernels come from; all devices have the same, by name and by operands.

    Attributes:
        get: (name, number type) -> kernel.
        generated: A kernel from its text; see `kernels/cpu/loaded.py`.
        rungs: The ladders: what can be switched -> rung -> kernel; the top rung comes first.
        language: What generated kernels are written in: "numba" or "cuda".
        arrays: The array module of the device.
        loops: The loop that a generated kernel was made of.
    """

    get: Callable[[str, str], Any]
    generated: Callable[..., Any]
    rungs: Mapping[str, Mapping[str, str]]
    language: str = "numba"
    arrays: Any = np
    loops: dict[Any, Any] = field(default_factory=dict)


class Environment:
    """Kernels of a library are launched at once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.empty: Callable[..., Array] = library.arrays.empty
        self.ndarray: type[Any] = library.arrays.ndarray

    def launcher(self, kernel: Any) -> Callable[..., bool]:
        """What runs a kernel on arrays and numbers; False if they are not what it is made for."""
        launch: Callable[..., bool] = kernel.launch
        return launch

    def ordered(self, array: Array) -> Array:
        """The array in C order, as most kernels want it; itself if it is."""
        if array.flags.c_contiguous:
            return array
        copy: Array = self.library.arrays.ascontiguousarray(array)
        return copy


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
            kernel = self.environment.library.get(self.name, SERVED[dtype])
            launch = self.environment.launcher(kernel)
        self[dtype] = launch
        return launch
