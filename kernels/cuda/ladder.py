"""The rungs of the product: what each is made for, and how it is launched."""

import math
from dataclasses import dataclass
from typing import Any

from ..operands import Int, Matrix, MatrixOut, Vector
from .declared import KERNELS, Declared, Given, Grid, blocks_for, headed
from .sources import TYPES

SHAPES = ("A.columns = B", "C = A", "C.columns = B.columns", "bias = B.columns", "gate = A",
          "gate.columns = B.columns")  # fmt: skip


def product(
    A: Matrix,
    B: Matrix,
    C: MatrixOut,
    bias: Vector,
    activation: Int,
    gate: Matrix,
    gate_kind: Int,
) -> None:
    """C = f(A @ B + bias) * g'(gate); `activation` f and `gate_kind` g by their codes.

    C overlaps none of the others.

    Shapes: A (M, K), B (K, N), C and gate (M, N), bias (N,); bias and gate may be None.
    """


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


@dataclass(frozen=True, eq=False)
class Rung(Declared):
    """One file of the ladder, whose kernel has the file's name, and its shapes for each type.

    Attributes:
        shapes: By number type; where there are several, the size of a product decides.
    """

    shapes: dict[str, tuple[Shape, ...]] | None = None

    @property
    def rung(self) -> str:
        """What `use_kernel` calls it."""
        return self.file.removesuffix(".cu")

    def _spelt(self, dtype: str, shape: Shape) -> str:
        numbers = "".join(f", {n}" for n in shape.numbers)
        return f"matmul_{self.rung}<{TYPES[dtype]}{numbers}>"

    def kernels(self, dtype: str) -> tuple[str, ...]:
        """One for each shape."""
        assert self.shapes is not None
        return tuple(self._spelt(dtype, shape) for shape in self.shapes[dtype])

    def grid(self, dtype: str, given: Given) -> Grid:
        """The shape for this size, and its blocks."""
        assert self.shapes is not None
        M, N = given["C"].shape
        shape = self.shapes[dtype][0]
        return Grid(self._spelt(dtype, shape), shape.blocks(M, N), shape.threads)


def _rung(name: str, float32: Shape, float64: Shape) -> Rung:
    shapes = {"float32": (float32,), "float64": (float64,)}
    head = headed(product, SHAPES, "self")
    return Rung(f"product_{name}", f"{name}.cu", head, shapes=shapes)


def _each_alone() -> tuple[Shape, Shape]:
    return Shape((), 256), Shape((), 256)


def _tiles(BM: int, BN: int, BK: int, *thread: tuple[int, ...]) -> tuple[Shape, ...]:
    """Blocks of BM x BN, BK deep; what a thread computes, (rows,) or (rows, columns), by type."""
    return tuple(
        Shape((BM, BN, BK, *each), BM * BN // math.prod(each), (BM, BN)) for each in thread
    )


RUNGS = {
    rung.rung: rung
    for rung in (
        _rung("naive", *_each_alone()),
        _rung("coalesced", *_each_alone()),
        _rung("shared_tile", *[Shape((16,), 256, (16, 16))] * 2),
        _rung("thread_tile_1d", *_tiles(64, 32, 8, (8,), (8,))),
        # 64 sums of float64 and their operands are more than the 255 registers of a thread
        _rung("thread_tile_2d", *_tiles(64, 64, 8, (8, 8), (4, 4))),
        _rung("vectorised", *_tiles(64, 64, 8, (8, 8), (4, 4))),
        _rung(
            "warp_tile",
            Shape((128, 64, 8, 2, 2, 4), 128, (128, 64)),
            Shape((64, 32, 8, 2, 2, 2), 128, (64, 32)),
        ),
    )
}
"""The ladder, from the bottom."""

TOP = next(reversed(RUNGS))
"""What the engine uses: the kernel "product"."""

KERNELS.update({rung.name: rung for rung in RUNGS.values()})
KERNELS["product"] = RUNGS[TOP]
