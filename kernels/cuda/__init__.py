"""CUDA kernels, one idea per `.cu` file, and the code that launches them.

The product C = f(A B + b) as a ladder:

- ``naive``           one thread for each entry, numbered down the columns
- ``coalesced``       numbered along the rows: neighbouring threads, neighbouring addresses
- ``shared_tile``     a block loads tiles together
- ``thread_tile_1d``  a thread computes several entries of a column
- ``thread_tile_2d``  and of several columns, from registers
- ``vectorised``      numbers move four at a time
- ``warp_tile``       a tile for each warp, laid out for shared memory: what the engine uses

``layer.cu`` has what a layer's backward pass needs beside products. ``product.cuh`` says where an
entry lies (any strides, 64-bit offsets) and what happens to a finished one; ``vectors.cuh`` moves
16 bytes at once.

- ``sources``   the text of a kernel with what it includes
- ``machines``  where kernels run: on a GPU through CuPy, or simulated on the CPU (`kernels/sim`)
- ``ladder``    the rungs, and a product's launch; ``layer``: the launches of layer.cu

Launches know no device: grid, block and arguments are worked out in one place for all machines.
"""

from .ladder import RUNGS, TOP, Products, Rung
from .layer import RowSums, Slopes
from .machines import CupyMachine, Machine, SimulatedMachine

__all__ = [
    "RUNGS",
    "TOP",
    "CupyMachine",
    "Machine",
    "Products",
    "RowSums",
    "Rung",
    "SimulatedMachine",
    "Slopes",
]
