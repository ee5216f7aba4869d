"""The product as a kernel: C = f(A B + bias), or C = (A B) f'(gate); threads share its columns or rows.

The rungs in `products/` compute; this is how they are called. `product` is the top rung; the others
are `product_naive`, `product_loop_order`, `product_blocked` and `product_packed`.
"""

from typing import Any

from numba import njit

from .compiling import kernel
from .operands import Int, Matrix, MatrixOut, Part, Parts, Vector, Work
from .products import product_of, use_packed

SHAPES = ("A.columns = B", "C = A", "C.columns = B.columns", "bias = B.columns")
COLUMNS = 64
"""Columns are shared out in multiples of this: whole tiles on every vector width."""
ROWS = 24
"""And rows in multiples of this."""

choose = njit(use_packed)


def on_rung(rung: str) -> Any:
    """The kernel on a rung."""
    rung_product = njit(error_model="numpy", fastmath={"contract"})(product_of(rung))

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
        M, N = C.shape
        copies = choose(M, N, A.shape[1], C.itemsize)
        if parts > 1 and N >= M:
            share = (N // COLUMNS + parts) // parts * COLUMNS
            low, high = min(N, part * share), min(N, (part + 1) * share)
            B, C, bias, gate = B[:, low:high], C[:, low:high], bias[low:high], gate[:, low:high]
        elif parts > 1:
            share = (M // ROWS + parts) // parts * ROWS
            low, high = min(M, part * share), min(M, (part + 1) * share)
            A, C, gate = A[low:high], C[low:high], gate[low:high]
        rung_product(A, B, C, bias, activation, gate, gate_kind, copies, work)

    product.__name__ = "product" if rung == "tiled" else f"product_{rung}"
    return kernel(product, split="self", work=("A", "A.columns", "B.columns"), equal=SHAPES)


product = on_rung("tiled")
product_packed = on_rung("packed")
product_blocked = on_rung("blocked")
product_loop_order = on_rung("loop_order")
product_naive = on_rung("naive")
