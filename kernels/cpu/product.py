"""The product as a kernel: C = f(A B + bias), or C = (A B) f'(gate).

Threads share its columns or its rows.

The rungs in `products/` compute; this is how they are called. `product` is the top rung; the others
are `product_naive`, `product_loop_order`, `product_blocked` and `product_packed`.
"""

from typing import Any

from numba import njit

from ..operands import Int, Matrix, MatrixOut, Part, Parts, Vector, Work
from .compiling import kernel
from .products import product_of, use_packed
from .products.views import CONTRACTED, block, stretch

SHAPES = ("A.columns = B", "C = A", "C.columns = B.columns", "bias = B.columns")
COLUMNS = 32
"""Columns are shared out in multiples of this: whole tiles on every vector width."""
ROWS = 12
"""And rows in multiples of this."""
LEAST = 1 << 20
"""Multiply-adds from which on it pays."""

choose = njit(**CONTRACTED)(use_packed)


def on_rung(rung: str) -> Any:
    """The kernel on a rung."""
    rung_product = njit(**CONTRACTED)(product_of(rung))

    def product(
        A: Matrix,
        B: Matrix,
        C: MatrixOut,
        bias: Vector,
        activation: Int,
        gate: Matrix,
        gate_kind: Int,
        part: Part,
        parts: Parts,
        work: Work,
    ) -> None:
        """C = f(A @ B + bias) * g'(gate); `activation` f and `gate_kind` g by their codes.

        Shapes: A (M, K), B (K, N), C and gate (M, N), bias (N,); bias and gate may be None.
        """
        M, K = A.shape
        N = B.shape[1]
        copies = choose(M, N, K, C.itemsize)
        rows, columns = M, N
        row = column = M - M  # not a literal, for which Numba would compile once more
        width = ((N + COLUMNS - 1) // COLUMNS + parts - 1) // parts * COLUMNS
        height = ((M + ROWS - 1) // ROWS + parts - 1) // parts * ROWS
        # The largest share decides; about equal, the columns: a B that is turned is so only once.
        if parts > 1 and 8 * M * width <= 9 * N * height:
            column = min(N, part * width)
            columns = min(N, column + width) - column
        elif parts > 1:
            row = min(M, part * height)
            rows = min(M, row + height) - row
        rung_product(
            block(A, row, rows, row - row, K),
            block(B, row - row, K, column, columns),
            block(C, row, rows, column, columns),
            stretch(bias, column, columns if bias.size else 0),
            activation,
            block(gate, row, rows if gate_kind else 0, column, columns if gate_kind else 0),
            gate_kind,
            copies,
            work,
        )

    product.__name__ = "product" if rung == "tiled" else f"product_{rung}"
    work = ("A", "A.columns", "B.columns")
    return kernel(product, split="self", work=work, equal=SHAPES, least=LEAST)


product = on_rung("tiled")
product_packed = on_rung("packed")
product_blocked = on_rung("blocked")
product_loop_order = on_rung("loop_order")
product_naive = on_rung("naive")
