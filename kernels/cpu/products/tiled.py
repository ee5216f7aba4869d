"""Register-tiled product: the top rung.

Idea. A tile of C (12 rows of two vectors with AVX-512) stays in registers while the whole of k
passes over it (see `tile_code`). Small matrices are read where they lie (*direct*); only a B that
is stored transposed is turned first. Large ones are copied block by block (*packed*): KC rows of B
in panels as wide as a tile, MC rows of A in panels as high as a tile, so that every load hits
consecutive memory in a near cache.

Prediction. A tile does 24 multiply-adds for 14 loads: the multiply-add units are the limit, above
nine tenths of their peak as long as the panels arrive in time; less where the shape leaves lanes
empty (a result 10 wide fills 10 of 16), or where k is so short that starting and storing a tile
counts.

Next bottleneck. For large shapes the copies (two reads and writes for every 2 K multiply-adds);
for small ones the edges, and the call itself.
"""

import functools
from collections.abc import Callable

import numpy as np

from .finish import finish
from .packing import pack_for
from .tiles import SHAPES, column_for, row_for, tiles_for
from .views import address_of, block, size_of, stretch

WORK_BYTES = 8 << 20
"""Scratch memory that a product needs, whatever its shape."""
A_BYTES = 1 << 20
"""The part of it for packed rows of A; the rest is for B."""
K_BYTES = 4096
"""Bytes of a packed row of A: KC numbers deep."""
MC = 120
"""Rows of A in a packed block, a multiple of every tile's height."""
NC = 1024
"""Columns of B in a packed block."""
DIRECT_BYTES = 5 << 19
"""A, B and C together up to which A and B are read where they lie."""


def use_packed(M: int, N: int, K: int, itemsize: int) -> bool:
    """Whether a product of this shape pays for copies (the bits are the same either way)."""
    return (M * K + K * N + M * N) * itemsize > DIRECT_BYTES and M > 32 and N > 32


@functools.cache
def make_product(width: int) -> Callable[..., None]:
    """The product with its finish for vectors of `width` bytes (64, 32 or 16), for Numba.

    See `ladder.product_of` for what it computes.
    """
    R = SHAPES[width].main
    masked = width >= 32
    tiles, column, pack = tiles_for(width), column_for(), pack_for(width)
    row = row_for(max(32, width))

    def product(A, B, C, bias, activation, gate, gate_kind, packed, work):  # type: ignore[no-untyped-def]
        M, K = A.shape
        N = B.shape[1]
        if M == 0 or N == 0:
            return
        like = C.dtype.type(0)
        size = size_of(like)
        none = np.intp(0)  # a literal 0 would make Numba compile its callee once more
        if K == 0:
            for i in range(M):
                for j in range(N):
                    C[i, j] = like
            finish(C, stretch(bias, none, bias.size), activation, gate, gate_kind)
            return
        a, b, c = address_of(A), address_of(B), address_of(C)
        a_row, a_k = A.strides
        b_k, b_column = B.strides
        c_row = C.strides[0]

        # What the tiles finish in registers, and what is left for a pass over the result.
        held = bias.size == 0 or bias.strides[0] == size or N == 1
        relu = 1 if activation == 1 and held else 0
        sloped = gate_kind == 1 and (activation == relu) and held
        sloped = sloped and (gate.strides[1] == size or N == 1)
        bias_at = address_of(bias) if bias.size and held else none
        y, y_row = (address_of(gate), gate.strides[0]) if sloped else (none, none)
        late_bias = stretch(bias, none, none if held else bias.size)
        late_activation = activation - relu
        late_kind = none if sloped else gate_kind
        late = late_bias.size + late_activation + late_kind != 0

        bare = bias.size == 0 and not sloped
        if masked and N == 1 and a_row == size and c_row == size and bare:
            row(like, b, b_k, a, a_k, c, M, K, none, relu, none)  # Cᵀ = Bᵀ Aᵀ
        elif N == 1:
            column(like, a, a_row, a_k, b, b_k, c, c_row, M, K, none, bias_at, relu, y, y_row)
        elif M == 1 and b_k == size and bare:
            column(like, b, b_column, b_k, a, a_k, c, size, N, K, none, none, relu, none, none)
        elif masked and M == 1 and b_column == size:
            row(like, a, a_k, b, b_k, c, N, K, bias_at, relu, y)
        else:
            lanes = width // size
            line = (N + lanes - 1) // lanes * lanes * size  # of a B turned in one piece
            turned = b_column != size
            depth, height, across = K, M, N
            if packed or (turned and (K + lanes) * line > WORK_BYTES):
                packed = 1
                # Equal blocks instead of full ones and a small rest.
                blocks = (K * size + K_BYTES - 1) // K_BYTES
                depth = ((K + blocks - 1) // blocks + lanes - 1) // lanes * lanes
                blocks = (M + MC - 1) // MC
                height = ((M + blocks - 1) // blocks + R - 1) // R * R
                across = NC
            packed_b = work + A_BYTES
            panel = 2 * width
            for j0 in range(0, N, across):
                n = min(across, N - j0)
                for k0 in range(0, K, max(1, depth)):
                    k = min(depth, K - k0)
                    last = k0 + k == K
                    b_at, b_step, b_panel = b + j0 * b_column + k0 * b_k, b_k, panel
                    if packed:
                        for j in range(0, n, 2 * lanes):
                            pack(
                                like, b_at + j * b_column, b_column, b_k, min(2 * lanes, n - j), k,
                                packed_b + j * k * size, panel,
                            )  # fmt: skip
                        b_at, b_step, b_panel = packed_b, panel, panel * k
                    elif turned:
                        pack(like, b, b_column, b_k, N, K, work, line)
                        b_at, b_step = work, line
                    for i0 in range(0, M, max(1, height)):
                        m = min(height, M - i0)
                        a_at, a_r, a_step, a_panel = a + i0 * a_row, a_row, a_k, R * a_row
                        if packed:
                            a_at += k0 * a_k
                            for i in range(0, m, R):
                                pack(
                                    like, a_at + i * a_row, a_row, a_k, min(R, m - i), k,
                                    work + i * k * size, R * size,
                                )  # fmt: skip
                            a_at, a_r, a_step, a_panel = work, size, R * size, R * size * k
                        o = j0 * size
                        tiles(
                            like, a_at, a_r, a_step, a_panel, b_at, b_step, b_panel,
                            c + i0 * c_row + o, c_row, m, n, k, k0,
                            bias_at + o if bias_at and last else none, relu if last else 0,
                            y + i0 * y_row + o if y and last else none, y_row,
                        )  # fmt: skip
                        if last and late:
                            finish(
                                block(C, i0, m, j0, n),
                                stretch(late_bias, j0, n if late_bias.size else none),
                                late_activation, block(gate, i0, m, j0, n), late_kind,
                            )  # fmt: skip
            return
        if late:
            finish(C, late_bias, late_activation, gate, late_kind)

    return product
