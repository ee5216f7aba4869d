"""Copies: rows of a data set into a batch, and a view of any strides into C order."""

from ..operands import Flat, FlatOut, Int, Labels, Matrix
from .compiling import kernel

TOGETHER = 16
"""Columns that are read in turn: in a transposed matrix, entries that share a cache line."""


@kernel(work=("batch",))
def gather(batch: FlatOut, data: Flat, order: Labels, start: Int, rows: Int) -> None:
    """batch[r, :] = data[order[start + r], :] for r < rows; run on bytes, so for any number type.

    Shapes: batch (rows * D,), data (N * D,), order (any,).
    """
    width = batch.size // rows
    for r in range(rows):
        source = order[start + r] * width
        target = batch[r * width : (r + 1) * width]
        row = data[source : source + width]
        for d in range(width):
            target[d] = row[d]


@kernel(work=("y",))
def ordered(y: FlatOut, x: Matrix) -> None:
    """y[i C + j] = x[i, j]: the entries of a transposed, sliced or repeated matrix in C order.

    Shapes: x (R, C), y (R C,).
    """
    rows, columns = x.shape
    for first in range(0, columns, TOGETHER):
        for i in range(rows):
            for j in range(first, min(first + TOGETHER, columns)):
                y[i * columns + j] = x[i, j]
