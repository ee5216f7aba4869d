"""The head of a kernel that only a GPU needs: losses stay there until an epoch is over."""

from ..operands import Flat, FlatOut, Int
from .declared import kernel, one


@kernel("counting.cu", blocks=one)
def collect(losses: FlatOut, loss: Flat, start: Int, rows: Int) -> None:
    """losses[start / rows] = loss[0]: of the batch that begins at a row of the order.

    Shapes: losses (batches,), loss (1,).
    """
