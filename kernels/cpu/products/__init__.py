"""The product C = A @ B as a ladder: one rung per file, each one idea, all with the same signature.

naive        the definition                                     loops i, j, k
loop_order   neighbours in memory                               loops i, k, j
blocked      what is used again stays in the cache
packed       four rows by four products, from contiguous memory
tiled        tiles of C in registers: what the engine uses
  tiles      the loops over tiles
  tile_code  the tile, in LLVM's language       vectors  its vocabulary
  packing    blocks in the order a tile reads them
finish       bias, activation and slopes after the product
views        arrays over scratch memory
ladder       rungs by name, the product with its finish, and a call for NumPy arrays

A rung is a function in Numba's dialect, `rung(A, B, C, packed, work)`:

    A (M, K), B (K, N): any strides. C (M, N): unit column stride, overlapping neither.
    packed: whether to copy blocks first (only the top rung looks at it; see `use_packed`).
    work: the address of WORK_BYTES of scratch memory, a multiple of 64.

Every rung adds the same products in the same order, k = 0, 1, ..., beginning at 0, each
multiply-add rounded once (or twice, where the processor has no fused one). So all rungs give the
same bits, on every vector width, and however the rows and columns of C are shared out to threads.
"""

from .ladder import RUNGS, WORK_BYTES, multiply, product_of, use_packed

__all__ = ["RUNGS", "WORK_BYTES", "multiply", "product_of", "use_packed"]
