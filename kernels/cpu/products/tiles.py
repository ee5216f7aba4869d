"""Loops over the tiles of a product: rectangles, one row, one column.

    tiles    A and B in panels or in one piece, C cut into main tiles and edge tiles
    row      M = 1: four vectors of sums, so that each has time to finish before its next turn
    column   N = 1: eight sums of single numbers, each k in its turn

Addresses and strides are in bytes. A panel of A is as high as a main tile, a panel of B as wide.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from .tile_code import tile
from .views import INNER, size_of


@dataclass(frozen=True)
class Shape:
    """The tiles for one vector width: as many sums as registers hold beside the operands."""

    main: int  # rows of the main tile, two vectors wide
    edge: int  # rows of the tiles at the edges


SHAPES = {64: Shape(12, 8), 32: Shape(6, 4), 16: Shape(6, 4)}


@functools.cache
def row_for(width: int) -> Any:
    """`row(like, a, a_k, b, b_k, c, N, K, bias, relu, y)`: C (1, N); width at least 32."""
    row_tile = tile(1, 4, width, True)

    @njit(**INNER)
    def row(like, a, a_k, b, b_k, c, N, K, bias, relu, y):  # type: ignore[no-untyped-def]
        size = size_of(like)
        step = 4 * width // size
        for j in range(0, N, step):
            o = j * size
            row_tile(
                like, K, a, 0, a_k, b + o, b_k, c + o, 0, 1, min(step, N - j), 0,
                bias + o if bias else 0, relu, y + o if y else 0, 0,
            )  # fmt: skip

    return row


@functools.cache
def column_for() -> Any:
    """`column(like, a, a_row, a_k, b, b_k, c, c_row, M, K, add, bias, relu, y, y_row)`.

    C (M, 1).
    """
    column_tile = tile(8, 1, 0, True)

    @njit(**INNER)
    def column(like, a, a_row, a_k, b, b_k, c, c_row, M, K, add, bias, relu, y, y_row):  # type: ignore[no-untyped-def]
        for i in range(0, M, 8):
            column_tile(
                like, K, a + i * a_row, a_row, a_k, b, b_k, c + i * c_row, c_row, min(8, M - i), 1,
                add, bias, relu, y + i * y_row if y else 0, y_row,
            )  # fmt: skip

    return column


@functools.cache
def tiles_for(width: int) -> Any:
    """The loops over the tiles of C (M, N), K at least 1.

    `a_panel` and `b_panel` are the strides from panel to panel; `add` says that C holds a part of
    the sum; bias, y (addresses or 0) and relu finish the tiles, see `tile_code`.
    """
    R, E = SHAPES[width].main, SHAPES[width].edge
    masked = width >= 32
    main = tile(R, 2, width, False)
    two, one = tile(E, 2, width, True), tile(E, 1, width, True)
    column: Any = None if masked else column_for()

    @njit(**INNER)
    def tiles(  # type: ignore[no-untyped-def]
        like, a, a_row, a_k, a_panel, b, b_k, b_panel, c, c_row, M, N, K, add, bias, relu, y, y_row
    ):
        size = size_of(like)
        lanes = width // size
        in_panels = a_panel != R * a_row
        # Main tiles as long as the rest fills edge tiles, if that is possible at all.
        mains = M // R
        if not in_panels:
            while mains > 0 and (M - mains * R) % E:
                mains -= 1
            if M % E and (M - mains * R) % E:
                mains = M // R
        for j in range(0, N, 2 * lanes):
            columns = min(2 * lanes, N - j)
            o = j * size
            b_j, c_j = b + j // (2 * lanes) * b_panel, c + o
            bias_j, y_j = bias + o if bias else 0, y + o if y else 0
            i = 0
            if columns == 2 * lanes:
                a_i = a
                while i < mains * R:
                    main(
                        like, K, a_i, a_row, a_k, b_j, b_k, c_j + i * c_row, c_row, R, columns, add,
                        bias_j, relu, y_j + i * y_row if y else 0, y_row,
                    )  # fmt: skip
                    i += R
                    a_i += a_panel
            while i < M:
                rows = min(E, M - i)
                if in_panels:  # an edge tile stays inside one panel
                    rows = min(rows, R - i % R)
                a_i = a + i // R * a_panel + i % R * a_row
                c_i, y_i = c_j + i * c_row, y_j + i * y_row if y else 0
                if columns == 2 * lanes or (masked and columns > lanes):
                    two(
                        like, K, a_i, a_row, a_k, b_j, b_k, c_i, c_row, rows, columns, add, bias_j,
                        relu, y_i, y_row,
                    )  # fmt: skip
                elif masked or columns >= lanes:
                    one(
                        like, K, a_i, a_row, a_k, b_j, b_k, c_i, c_row, rows, columns, add, bias_j,
                        relu, y_i, y_row,
                    )  # fmt: skip
                if not masked and columns != 2 * lanes:  # what no whole vector covers
                    for q in range(columns // lanes * lanes, columns):
                        s = q * size
                        column(
                            like, a_i, a_row, a_k, b_j + s, b_k, c_i + s, c_row, rows, K, add,
                            bias_j + s if bias else np.intp(0), relu, y_i + s if y else np.intp(0),
                            y_row,
                        )  # fmt: skip
                i += rows

    return tiles
