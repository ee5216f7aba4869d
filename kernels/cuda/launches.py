"""The heads of all kernels but the products, and how many blocks they take.

A head is the kernel as Python sees it: its operands, its formula, its shapes. What is computed
stands in the file it names; operands are those of the CPU's kernel of that name, and None stands
for what is not wanted. `mean` is 1 for a mean and 0 for a sum; the mean of nothing is NaN.
"""

import operator
from collections.abc import Callable

from ..operands import Flat, FlatOut, Int, Labels, LabelsInOut, Matrix, Real, Work
from .declared import MOST_BLOCKS, THREADS, Given, blocks_for, entries, kernel, one

# --- how many blocks, by the numbers of reduce.cuh and rows.cuh -----------------------------------

WARP, SEATS, SHORT, ROOM = 32, 1024, 1024, 4096
PART = 4096
"""Entries of a part of a sum, at least."""
LOOKING = 128
"""Blocks that look through all targets before they begin: no more than run at once."""


def parts(count: int, least: int, most: int = SEATS) -> int:
    """How many parts a sum of `count` things is cut into."""
    return blocks_for(count, max(least, -(-count // most)))


def lanes(length: int) -> int:
    """How many lanes of a warp have a short row."""
    return min(WARP, 1 << max(0, length - 1).bit_length())


def row_blocks(rows: int, length: int) -> int:
    """Blocks for rows of a length: a block for each, or some lanes."""
    each = 1 if length > SHORT else THREADS // lanes(length)
    return min(MOST_BLOCKS, blocks_for(rows, each))


def along_rows(name: str) -> Callable[[Given], int]:
    """Blocks for the rows of an operand with K numbers each."""

    def blocks(given: Given) -> int:
        length = operator.index(given["K"])
        return row_blocks(given[name].size // max(1, length), length)

    return blocks


def down_rows(given: Given) -> int:
    """32 columns for each block, and where these are few, a part of the rows."""
    width = given["y"].size
    rows = given["x"].size // max(1, width)
    return blocks_for(width, WARP) * parts(rows, PART // WARP, max(1, ROOM // max(1, width)))


def loss_blocks(first: str) -> Callable[[Given], int]:
    """A block for each part of the loss; without a loss, a thread for each entry."""
    alone = entries(first)

    def blocks(given: Given) -> int:
        if given["loss"] is None:
            return alone(given)
        return min(LOOKING, parts(given[first].size, PART))

    return blocks


def label_blocks(given: Given) -> int:
    """The same for rows: the longer these are, the less it costs to look through labels."""
    rows, length = given["labels"].size, operator.index(given["K"])
    if given["loss"] is None:
        return row_blocks(rows, length)
    width = SEATS if length > SHORT else lanes(length)
    return min(max(2 * LOOKING, length), parts(rows, 2 * SEATS // width))


# --- one entry after the other --------------------------------------------------------------------


@kernel("slopes.cu", blocks=entries("dz"), equal=("dz = dy", "dz = y"))
def slope(dz: FlatOut, dy: Flat, y: Flat, kind: Int) -> None:
    """dz = dy f'(z), by the code of f."""


@kernel("slopes.cu", blocks=entries("dz"), equal=("dz = dy", "dz = y"))
def slope_of_dropped(dz: FlatOut, dy: Flat, y: Flat, p: Real) -> None:
    """dz = dy / (1 - p) where y > 0, else 0, with y = dropout(ReLU(z))."""


@kernel("counting.cu", blocks=one)
def advance(counter: LabelsInOut, by: Int) -> None:
    """counter += by."""


@kernel("dropout.cu", blocks=entries("x", each=4 * THREADS), equal=("x = y",))
def dropout(x: Flat, y: FlatOut, p: Real, seed: Int, call: Int) -> None:
    """y = x / (1 - p) where the entry is kept, with probability 1 - p, and 0 elsewhere."""


@kernel("gather.cu", blocks=entries("batch", each=16 * THREADS), dtypes=("uint8",))
def gather(batch: FlatOut, data: Flat, order: Labels, start: Int, rows: Int) -> None:
    """batch[r, :] = data[order[start + r], :] for r < rows.

    Shapes, in bytes: batch (rows * D,), data (N * D,); order (any,).
    """


@kernel("gather.cu", blocks=entries("y", each=4 * THREADS))
def ordered(y: FlatOut, x: Matrix) -> None:
    """y[i C + j] = x[i, j]: a matrix of any strides in C order."""


# --- sums -----------------------------------------------------------------------------------------


@kernel("sums.cu", blocks=lambda given: parts(given["x"].size, PART), threads=512)
def sum_all(x: Flat, y: FlatOut, mean: Int, work: Work) -> None:
    """y[0] = Σ x.

    Shapes: x (n,), y (1,).
    """


@kernel("sums.cu", blocks=lambda given: row_blocks(given["y"].size, operator.index(given["K"])))
def sum_columns(x: Flat, y: FlatOut, K: Int, mean: Int) -> None:
    """y[n] = Σ_k x[n, k].

    Shapes: x (N K,), y (N,).
    """


@kernel("sums.cu", blocks=down_rows, threads=1024)
def sum_rows(x: Flat, y: FlatOut, mean: Int, work: Work) -> None:
    """y[h] = Σ_n x[n, h].

    Shapes: x (N H,), y (H,).
    """


@kernel("sums.cu", blocks=entries("y"))
def spread(y: FlatOut, x: Flat, after: Int, among: Int) -> None:
    """y[b, r, a] = x[b, a], divided by `among` if that is not 0.

    Shapes: x (B * after,), y (B R after,) for any R.
    """


# --- rows: K > 0 ----------------------------------------------------------------------------------


@kernel("softmax.cu", blocks=along_rows("z"), equal=("z = p",))
def softmax_rows(z: Flat, p: FlatOut, K: Int) -> None:
    """p[n, k] = e^z[n, k] / Σ_j e^z[n, j]."""


@kernel("softmax.cu", blocks=along_rows("p"), equal=("dz = p", "dz = dy"))
def softmax_rows_vjp(dz: FlatOut, dy: Flat, p: Flat, K: Int) -> None:
    """dz = p (dy - Σ_j dy_j p_j) in each row."""


@kernel("softmax.cu", blocks=along_rows("z"), equal=("z = y",))
def log_softmax_rows(z: Flat, y: FlatOut, K: Int) -> None:
    """y[n, k] = z[n, k] - max_j z[n, j] - log Σ_j e^(z[n, j] - max)."""


@kernel("softmax.cu", blocks=along_rows("y"), equal=("dz = y", "dz = dy"))
def log_softmax_rows_vjp(dz: FlatOut, dy: Flat, y: Flat, K: Int) -> None:
    """dz = dy - e^y Σ_j dy_j in each row."""


# --- losses ---------------------------------------------------------------------------------------


@kernel("losses.cu", blocks=loss_blocks("z"), threads=512, equal=("z = t", "z = dz"), refuses=True)
def bce_with_logits(
    z: Flat,
    t: Flat,
    loss: FlatOut,
    dz: FlatOut,
    dy: Flat,
    pos_weight: Real,
    mean: Int,
    work: Work,
) -> None:
    """loss = Σ w t softplus(-z) + (1 - t) softplus(z), dz = dy ((1 - t) σ(z) - w t (1 - σ(z))).

    Where the loss is wanted, a target outside [0, 1] is refused and nothing is written.

    Shapes: z, t, dz (n,), loss, dy (1,); pos_weight w a number.
    """


@kernel("losses.cu", blocks=loss_blocks("y"), threads=512, equal=("y = t", "y = dx"))
def mse(y: Flat, t: Flat, loss: FlatOut, dx: FlatOut, dy: Flat, mean: Int, work: Work) -> None:
    """loss = Σ (y - t)², dx = 2 (y - t) dy.

    Shapes: y, t, dx (n,), loss, dy (1,).
    """


@kernel("cross_entropy.cu", blocks=label_blocks, refuses=True)
def cross_entropy_labels(
    z: Flat,
    labels: Labels,
    loss: FlatOut,
    dz: FlatOut,
    dy: Flat,
    K: Int,
    mean: Int,
    work: Work,
) -> None:
    """loss = Σ_n (log Σ_k e^z[n, k] - z[n, label_n]), dz = (softmax(z) - one-hot(labels)) dy.

    Where the loss is wanted, a label outside 0 ... K - 1 is refused and nothing is written.

    Shapes: z, dz (N K,), labels (N,), loss, dy (1,).
    """
