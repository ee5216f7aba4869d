"""The rungs of the product: what each is made for, and how it is launched."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

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
        shared: Bytes of dynamic shared memory.
    """

    numbers: tuple[int, ...]
    threads: int
    tile: tuple[int, int] | None = None
    shared: int = 0

    def blocks(self, M: int, N: int) -> int:
        """How many blocks a product of this size takes."""
        if self.tile is None:
            return blocks_for(M * N, self.threads)
        return blocks_for(M, self.tile[0]) * blocks_for(N, self.tile[1])


ENOUGH = 128
"""Blocks that keep a large GPU busy: one for nearly each of its processors (an H200 has 132)."""


def fitting(shapes: Sequence[Shape], M: int, N: int) -> Shape:
    """The shape for a product of this size, of several from large to small.

    A large tile uses what it has loaded more often, so it is the faster one as long as there are
    enough of them for the whole GPU. A small product is cut into small tiles: with few large ones
    most processors would idle. The bits are the same.
    """
    return next((s for s in shapes if s.blocks(M, N) >= ENOUGH), shapes[-1])


@dataclass(frozen=True, eq=False)
class Rung(Declared):
    """One file of the ladder, and the shapes of its kernel for each number type.

    Attributes:
        shapes: By number type, from large to small.
        rounds: Whether it rounds operands to fewer digits than their type has.
    """

    shapes: dict[str, tuple[Shape, ...]] | None = None
    rounds: bool = False

    @property
    def rung(self) -> str:
        """What `use_kernel` calls it."""
        return self.name.removeprefix("product_")

    def spelt(self, dtype: str, shape: Shape) -> str:
        """What C++ calls the kernel of a shape."""
        numbers = "".join(f", {n}" for n in shape.numbers)
        return f"matmul_{self.rung}<{TYPES[dtype]}{numbers}>"

    def kernels(self, dtype: str) -> tuple[str, ...]:
        """One for each shape."""
        assert self.shapes is not None
        return tuple(self.spelt(dtype, shape) for shape in self.shapes[dtype])

    def grid(self, dtype: str, given: Given) -> Grid:
        """The shape for this size, and its blocks."""
        return self.for_size(dtype, *given["C"].shape)

    @functools.lru_cache(1024)  # noqa: B019 (a rung lives as long as the process)
    def for_size(self, dtype: str, M: int, N: int) -> Grid:
        """The same by the size of C."""
        assert self.shapes is not None
        shape = fitting(self.shapes[dtype], M, N)
        return Grid(self.spelt(dtype, shape), shape.blocks(M, N), shape.threads, shape.shared)


def _rung(
    name: str, float32: Sequence[Shape], float64: Sequence[Shape], *, rounds: bool = False
) -> Rung:
    shapes = {"float32": tuple(float32), "float64": tuple(float64)}
    head = headed(product, SHAPES, "self")
    return Rung(f"product_{name}", f"{name}.cu", head, shapes=shapes, rounds=rounds)


def _tiles(BM: int, BN: int, BK: int, *thread: int) -> list[Shape]:
    """Blocks of BM x BN, BK deep; `thread`: what a thread computes, rows or rows and columns."""
    return [Shape((BM, BN, BK, *thread), BM * BN // math.prod(thread), (BM, BN))]


def _rings(itemsize: int, pad: int, *numbers: tuple[int, ...]) -> list[Shape]:
    """Tiles BM x BN, BK deep, STAGES of them in a ring in shared memory (`pipeline.cuh`).

    Args:
        itemsize: Bytes of a number in shared memory.
        pad: Numbers that each row is longer than the tile.
        numbers: BM, BN, BK, STAGES, warps down and across a tile, and more.
    """
    return [
        Shape(
            n,
            32 * n[4] * n[5],
            (n[0], n[1]),
            itemsize * n[2] * n[3] * (n[0] + n[1] + 2 * pad),
        )
        for n in numbers
    ]


_ALONE = [Shape((), 256)]
_PIPELINED = (
    _rings(4, 4, (128, 128, 8, 4, 2, 2, 4), (64, 64, 16, 3, 2, 2, 4), (32, 32, 32, 3, 2, 4, 2)),
    _rings(8, 2, (64, 64, 8, 4, 2, 2, 2), (32, 32, 16, 3, 2, 4, 2)),
)
_TENSOR = _rings(4, 8, (128, 128, 16, 3, 2, 4), (64, 64, 16, 3, 1, 2)), _PIPELINED[1]

_BF16 = _rings(4, 8, (128, 128, 32, 2, 2, 4), (64, 128, 32, 2, 1, 4))

RUNGS = {
    rung.rung: rung
    for rung in (
        _rung("naive", _ALONE, _ALONE),
        _rung("coalesced", _ALONE, _ALONE),
        _rung("shared_tile", *[[Shape((16,), 256, (16, 16))]] * 2),
        _rung("thread_tile_1d", *[_tiles(64, 32, 8, 8)] * 2),
        # 64 sums of float64 and their operands are more than the 255 registers of a thread
        _rung("thread_tile_2d", _tiles(64, 64, 8, 8, 8), _tiles(64, 64, 8, 4, 4)),
        _rung("vectorised", _tiles(64, 64, 8, 8, 8), _tiles(64, 64, 8, 4, 4)),
        _rung(
            "warp_tile",
            [Shape((128, 64, 8, 2, 2, 4), 128, (128, 64))],
            [Shape((64, 32, 8, 2, 2, 2), 128, (64, 32))],
        ),
        _rung("pipelined", *_PIPELINED),
        _rung("tf32", *_TENSOR, rounds=True),
        _rung("tf32x3", *_TENSOR, rounds=True),
        _rung("bf16", _BF16, _PIPELINED[1], rounds=True),
    )
}
"""The ladder, from the bottom."""

TOP = "pipelined"
"""What the engine uses: the kernel "product". Rungs above it round their operands."""

KERNELS.update({rung.name: rung for rung in RUNGS.values()})
KERNELS["product"] = RUNGS[TOP]
