"""Rows of a data set into a batch, in the order of an epoch."""

from .compiling import kernel
from .operands import Flat, FlatOut, Int, Labels


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
