"""A tile of the product that never leaves the registers, in LLVM's own language.

    tile (R x V vectors) = start + sum over k of A[:, k] B[k, :]

For each k: V vectors of B are loaded, and for each of the R rows one number of A goes into all
lanes and meets them in V multiply-adds. Neither A nor B is read twice in a tile, and C is touched
only at the end. Each entry of C is one chain of multiply-adds in the order of k, beginning at 0 (or
at the entry itself, when an earlier block of k left a part of the sum there). So the bits depend
neither on the tile's shape, nor on the vector's width, nor on how the product was cut into blocks.

At the end, still in registers: + bias, then ReLU; then times the slope of a ReLU, read from its
value.
"""

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .vectors import I64, Vectors, k64, vectors_for

NOTHING = -0.0
"""What changes no number when it is added: x + (-0) = x for every x, -0 and NaN included."""


@functools.cache
def tile(rows: int, vectors: int, width: int, edge: bool) -> Any:
    """The intrinsic for a tile of `rows` x `vectors` vectors of `width` bytes (0: single numbers).

    Args:
        rows: Rows of C in the tile.
        vectors: Vectors of a row in the tile.
        width: Bytes in a vector.
        edge: The tile may be cut: fewer rows, and fewer columns if the width is at least 32 bytes.
            Rows that are not there repeat the first one and are not written; columns that are not
            there are masked.

    Its arguments: a number of the type; K (at least 1); then addresses and strides in bytes
    of A (address, from row to row, from k to k), B (address, from k to k), C (address, from row to
    row); rows and columns that are there; whether to begin with what stands in C; the address of
    the bias, or 0; whether to apply ReLU; the address of the value whose slope multiplies, or 0,
    and its stride from row to row.
    """
    masked = edge and width >= 32

    @intrinsic
    def compute(  # type: ignore[no-untyped-def]
        typing, like, K, a, a_row, a_k, b, b_k, c, c_row, there, columns, add, bias, relu, y, y_row
    ):
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            v = vectors_for(builder, like, width)
            _Tile(v, rows, vectors, edge, masked, args[1:]).emit()
            return context.get_dummy_value()

        return types.void(like, *[types.intp] * 15), code

    return compute


class _Tile:
    """Emits one tile: starting values, the loop over k, the finish."""

    def __init__(
        self, v: Vectors, rows: int, vectors: int, edge: bool, masked: bool, args: Any
    ) -> None:
        self.v, self.rows, self.vectors, self.edge = v, rows, vectors, edge
        (self.K, self.a, self.a_row, self.a_k, self.b, self.b_k, self.c, self.c_row) = args[:8]
        (self.there, self.columns, self.add, self.bias, self.relu, self.y, self.y_row) = args[8:]
        self.cells = [(i, j) for i in range(rows) for j in range(vectors)]
        self.bytes = v.lanes * v.size
        self.masks: list[Any] = [None] * vectors
        if masked:
            b = v.builder
            self.masks = [v.mask(b.sub(self.columns, k64(j * v.lanes))) for j in range(vectors)]

    def emit(self) -> None:
        sums = self.loop(self.starts())
        b = self.v.builder
        sums = self.finished(sums)
        with b.if_else(b.icmp_signed("!=", self.y, k64(0))) as (sloped, plain):
            with sloped:
                self.write(sums, slopes=True)
            with plain:
                self.write(sums, slopes=False)

    def row(self, base: Any, stride: Any, i: int) -> Any:
        """A pointer to row i; on an edge to row 0 where row i is not there."""
        b = self.v.builder
        offset = b.mul(stride, k64(i))
        if self.edge and i:
            offset = b.select(b.icmp_signed("<", k64(i), self.there), offset, k64(0))
        return self.v.pointer(base, offset)

    def starts(self) -> list[Any]:
        """Zeros, or what stands in C."""
        b, v = self.v.builder, self.v
        before = b.block
        with b.if_then(b.icmp_signed("!=", self.add, k64(0))):
            loaded = []
            for i in range(self.rows):
                row = self.row(self.c, self.c_row, i)
                if not self.edge:  # the same entries of the tile below, which comes next
                    v.fetch(v.pointer(row, b.mul(self.c_row, k64(self.rows))))
                for j in range(self.vectors):
                    loaded.append(v.load(v.pointer(row, j * self.bytes), self.masks[j]))
            inside = b.block
        found = []
        for value in loaded:
            phi = b.phi(v.type)
            phi.add_incoming(v.constant(0.0), before)
            phi.add_incoming(value, inside)
            found.append(phi)
        return found

    def loop(self, starts: list[Any]) -> list[Any]:
        """The sums after all k."""
        b, v = self.v.builder, self.v
        # Rows of A as few moving pointers, so that the loop fits the general registers: three rows
        # hang on one pointer (itself, one stride further, two strides further). LLVM would rather
        # have a pointer for each row, and keep some of them on the stack: so the steps are hidden.
        # An edge has one moving pointer, and offsets that are 0 for rows that are not there.
        group = self.rows if self.edge else 3
        if self.edge:
            offsets = [k64(0)]
            for i in range(1, self.rows):
                there = b.icmp_signed("<", k64(i), self.there)
                offsets.append(b.select(there, b.mul(self.a_row, k64(i)), k64(0)))
            bases = [self.a]
        else:
            offsets = [k64(0), self.a_row, b.mul(self.a_row, k64(2))]
            bases = []
            for i in range(0, self.rows, group):
                bases.append(b.add(self.a, b.mul(self.a_row, k64(i))))
        start_b = v.pointer(self.b)
        before, head = b.block, b.append_basic_block("k")
        after = b.append_basic_block("sums")
        b.branch(head)
        b.position_at_end(head)
        left = b.phi(I64)
        left.add_incoming(self.K, before)
        moving = []
        for base in bases:
            phi = b.phi(base.type)
            phi.add_incoming(base, before)
            moving.append(phi)
        at_b = b.phi(start_b.type)
        at_b.add_incoming(start_b, before)
        sums = []
        for value in starts:
            phi = b.phi(v.type)
            phi.add_incoming(value, before)
            sums.append(phi)
        line = [v.load(v.pointer(at_b, j * self.bytes), self.masks[j]) for j in range(self.vectors)]
        grown: list[Any] = []
        for i in range(self.rows):
            factor = v.everywhere(v.pointer(moving[i // group], offsets[i % group]))
            for j in range(self.vectors):
                old = sums[i * self.vectors + j]
                grown.append(v.multiply_add(factor, line[j], old))
        for phi in moving:
            phi.add_incoming(v.hidden(b.add(phi, self.a_k)), head)
        at_b.add_incoming(v.pointer(at_b, self.b_k), head)
        fewer = b.sub(left, k64(1))
        left.add_incoming(fewer, head)
        for phi, value in zip(sums, grown, strict=True):
            phi.add_incoming(value, head)
        b.cbranch(b.icmp_signed(">", fewer, k64(0)), head, after)
        b.position_at_end(after)
        return grown

    def finished(self, sums: list[Any]) -> list[Any]:
        """Sums + bias, then ReLU, without branches: no bias adds -0, no ReLU has the floor -inf."""
        b, v = self.v.builder, self.v
        before = b.block
        with b.if_then(b.icmp_signed("!=", self.bias, k64(0))):
            at = v.pointer(self.bias)
            loaded = [
                v.load(v.pointer(at, j * self.bytes), self.masks[j]) for j in range(self.vectors)
            ]
            inside = b.block
        biases = []
        for value in loaded:
            phi = b.phi(v.type)
            phi.add_incoming(v.constant(NOTHING), before)
            phi.add_incoming(value, inside)
            biases.append(phi)
        relu = b.icmp_signed("!=", self.relu, k64(0))
        floor = b.select(relu, v.constant(0.0), v.constant(float("-inf")))
        found = []
        for (_, j), value in zip(self.cells, sums, strict=True):
            z = b.fadd(value, biases[j])
            above = b.fcmp_unordered(">", z, floor)  # NaN is not below anything: it stays
            found.append(b.select(above, z, floor))
        return found

    def write(self, sums: list[Any], slopes: bool) -> None:
        """Stores the rows that are there, or 0 where not y > 0 if `slopes`."""
        b, v = self.v.builder, self.v
        zero = v.constant(0.0)
        for i in range(self.rows):
            there = ir.Constant(ir.IntType(1), 1)
            if self.edge and i:
                there = b.icmp_signed("<", k64(i), self.there)
            with b.if_then(there):
                row = v.pointer(self.c, b.mul(self.c_row, k64(i)))
                y_row = v.pointer(self.y, b.mul(self.y_row, k64(i)))
                for j in range(self.vectors):
                    value = sums[i * self.vectors + j]
                    if slopes:
                        y = v.load(v.pointer(y_row, j * self.bytes), self.masks[j])
                        value = b.select(b.fcmp_ordered(">", y, zero), value, zero)
                    v.store(value, v.pointer(row, j * self.bytes), self.masks[j])
