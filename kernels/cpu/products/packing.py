"""Copies a block of a matrix into scratch memory in the order in which a tile reads it.

    packed[k * width + r] = block[r, k]        r < R, k < K

`r` runs along the tile (rows of A, columns of B), so for each k a tile finds its numbers side by
side. Three cases: the source lies along r (rows are copied), along k (squares of lanes x lanes are
transposed in registers by log2(lanes) rounds of shuffles), or has no unit stride (one by one).

Whole vectors are stored, so up to a vector's lanes beyond R, and beyond K, are overwritten with
numbers that nobody reads; the blocks are packed in ascending order, so that what follows is written
later, and the scratch memory has room behind its end. Nothing outside the source is read.
"""

import functools
from collections.abc import Callable
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

from .vectors import Vectors, k64, vectors_for
from .views import INNER, size_of


@functools.cache
def transpose(width: int) -> Any:
    """The intrinsic that transposes a square of vectors of `width` bytes.

    Its arguments: a number of the type, the source's address and row stride, how many rows
    and columns are there (at least 1), the target's address and row stride; strides in bytes.
    Missing rows repeat row 0; missing columns are not read (with width 16 none may be missing).
    """

    @intrinsic
    def square(typing, like, source, row, rows, columns, target, target_row):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            v = vectors_for(builder, like, width)
            _, source, row, rows, columns, target, target_row = args
            mask = v.mask(columns) if width >= 32 else None
            read = []
            for i in range(v.lanes):
                there = builder.icmp_signed("<", k64(i), rows)
                offset = builder.select(there, builder.mul(row, k64(i)), k64(0))
                read.append(v.load(v.pointer(source, offset), mask))
            for i, vector in enumerate(_transposed(v, read)):
                v.store(vector, v.pointer(target, builder.mul(target_row, k64(i))))
            return context.get_dummy_value()

        return types.void(like, *[types.intp] * 6), code

    return square


def _transposed(v: Vectors, rows: list[Any]) -> list[Any]:
    """The square's columns: at distance s, rows i and i + s exchange their off-diagonal blocks."""
    s = v.lanes // 2
    while s:
        for i in range(v.lanes):
            if i & s:
                continue
            low = [k if not k & s else v.lanes + k - s for k in range(v.lanes)]
            high = [k + s if not k & s else v.lanes + k for k in range(v.lanes)]
            above, below = rows[i], rows[i + s]
            rows[i], rows[i + s] = v.shuffle(above, below, low), v.shuffle(above, below, high)
        s //= 2
    return rows


@functools.cache
def move(width: int) -> Any:
    """The intrinsic that copies the first `count` lanes of a vector (and zeros behind them)."""

    @intrinsic
    def copy(typing, like, source, count, target):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            v = vectors_for(builder, like, width)
            mask = v.mask(args[2]) if width >= 32 else None
            v.store(v.load(v.pointer(args[1]), mask), v.pointer(args[3]))
            return context.get_dummy_value()

        return types.void(like, *[types.intp] * 3), code

    return copy


@functools.cache
def pack_for(width: int) -> Callable[..., None]:
    """`pack(like, source, stride_r, stride_k, R, K, target, row)` for vectors of `width` bytes.

    Addresses and strides in bytes; `row` is the target's stride from k to k.
    """
    square, vector, one = transpose(width), move(width), move(0)
    masked = width >= 32

    @njit(**INNER)
    def pack(like, source, stride_r, stride_k, R, K, target, row):  # type: ignore[no-untyped-def]
        size = size_of(like)
        lanes = width // size
        if stride_r == size:
            whole = R if masked else R // lanes * lanes
            for k in range(K):
                at, to = source + k * stride_k, target + k * row
                for r in range(0, whole, lanes):
                    vector(like, at + r * size, min(lanes, R - r), to + r * size)
                for r in range(whole, R):
                    one(like, at + r * size, 1, to + r * size)
            return
        whole = 0
        if stride_k == size:
            whole = K if masked else K // lanes * lanes
            for k in range(0, whole, lanes):
                # From the last square to the first: what one writes beyond the row's end lies in
                # the first square of the next row.
                for r in range((R - 1) // lanes * lanes, -1, -lanes):
                    at = source + r * stride_r + k * size
                    to = target + k * row + r * size
                    square(like, at, stride_r, min(lanes, R - r), min(lanes, K - k), to, row)
        for k in range(whole, K):
            for r in range(R):
                at = source + r * stride_r + k * stride_k
                one(like, at, 1, target + k * row + r * size)

    made: Callable[..., None] = pack
    return made
