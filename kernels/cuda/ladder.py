"""The rungs of the product, and its launch: the same for every rung and every machine."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .machines import Kernel, Machine, blocks_for, steps
from .sources import TYPES, text_of

ACTIVATIONS = {None: 0, "relu": 1, "sigmoid": 2, "tanh": 3}
"""What the kernels call the activations that a product can apply."""


@dataclass(frozen=True)
class Shape:
    """What a kernel is made for.

    Attributes:
        numbers: The template's numbers after the number type.
        threads: In a block.
        tile: Rows and columns of C that a block computes; None: an entry for each thread.
    """

    numbers: tuple[int, ...]
    threads: int
    tile: tuple[int, int] | None = None

    def blocks(self, M: int, N: int) -> int:
        """How many blocks a product of this size takes."""
        if self.tile is None:
            return blocks_for(M * N, self.threads)
        return blocks_for(M, self.tile[0]) * blocks_for(N, self.tile[1])


@dataclass(frozen=True)
class Rung:
    """One file of the ladder, whose kernel has the file's name, and its shape for each type."""

    name: str
    float32: Shape
    float64: Shape

    @property
    def file(self) -> str:
        """Where the kernel stands."""
        return f"{self.name}.cu"

    def shape(self, dtype: str) -> Shape:
        """Its shape for a number type."""
        return self.float32 if dtype == "float32" else self.float64

    def kernel(self, dtype: str) -> str:
        """What C++ calls the kernel for a number type."""
        numbers = "".join(f", {n}" for n in self.shape(dtype).numbers)
        return f"matmul_{self.name}<{TYPES[dtype]}{numbers}>"


def _each_alone() -> tuple[Shape, Shape]:
    return Shape((), 256), Shape((), 256)


def _tiles(BM: int, BN: int, BK: int, *thread: tuple[int, ...]) -> tuple[Shape, ...]:
    """Blocks of BM x BN, BK deep; what a thread computes, (rows,) or (rows, columns), by type."""
    return tuple(
        Shape((BM, BN, BK, *each), BM * BN // math.prod(each), (BM, BN)) for each in thread
    )


RUNGS = {
    rung.name: rung
    for rung in (
        Rung("naive", *_each_alone()),
        Rung("coalesced", *_each_alone()),
        Rung("shared_tile", *[Shape((16,), 256, (16, 16))] * 2),
        Rung("thread_tile_1d", *_tiles(64, 32, 8, (8,), (8,))),
        # 64 sums of float64 and their operands are more than the 255 registers of a thread
        Rung("thread_tile_2d", *_tiles(64, 64, 8, (8, 8), (4, 4))),
        Rung("vectorised", *_tiles(64, 64, 8, (8, 8), (4, 4))),
        Rung(
            "warp_tile",
            Shape((128, 64, 8, 2, 2, 4), 128, (128, 64)),
            Shape((64, 32, 8, 2, 2, 2), 128, (64, 32)),
        ),
    )
}
"""The ladder, from the bottom."""

TOP = next(reversed(RUNGS))
"""What the engine uses."""


class Products:
    """C = f(A B + b) on a machine, by a rung of the ladder.

    Args:
        machine: Where kernels run.
        rung: One of `RUNGS`.
        text: What to compile in place of the rung's file (a test may break a kernel).
    """

    def __init__(self, machine: Machine, rung: str = TOP, text: str | None = None) -> None:
        self.machine, self.rung = machine, RUNGS[rung]
        self.text = text_of(self.rung.file) if text is None else text
        self.of_type = functools.cache(self._of_type)

    def _of_type(self, dtype: str) -> Kernel:
        names = tuple(self.rung.kernel(each) for each in TYPES)
        return self.machine.kernel(self.text, names, self.rung.kernel(dtype))

    def __call__(
        self, A: Any, B: Any, C: Any, bias: Any = None, activation: str | None = None
    ) -> None:
        """Writes f(A B + b) into C, which overlaps none of the others.

        Shapes: A (M, K), B (K, N), C (M, N), bias (N,); any strides.

        Raises:
            ValueError: Shapes or number types that do not fit, an unknown activation.
        """
        M, K = A.shape
        N = B.shape[1]
        types = {x.dtype.name for x in (A, B, C, bias) if x is not None}
        if B.shape != (K, N) or C.shape != (M, N) or (bias is not None and bias.shape != (N,)):
            raise ValueError(f"product: shapes {A.shape} @ {B.shape} -> {C.shape} do not fit")
        if len(types) > 1 or not types <= TYPES.keys() or activation not in ACTIVATIONS:
            raise ValueError(f"product: no kernel for {sorted(types)}, activation {activation!r}")
        if not M * N:
            return  # nothing to compute, and a grid without blocks is an error
        address = self.machine.address
        words: list[int] = [M, N, K]
        for x in (A, B, C):
            words += [address(x), *steps(x)]
        words += [0, 0] if bias is None else [address(bias), *steps(bias)]
        words.append(ACTIVATIONS[activation])
        arrays = [x for x in (A, B, C, bias) if x is not None]
        kernel, shape = self.of_type(A.dtype.name), self.rung.shape(A.dtype.name)
        kernel(shape.blocks(M, N), shape.threads, np.array(words, np.int64), arrays)
