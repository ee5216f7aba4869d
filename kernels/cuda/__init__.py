"""CUDA kernels, one idea per `.cu` file, and the code that launches them.

The product C = f(A B + b) as a ladder:

- ``naive``           one thread for each entry, numbered down the columns
- ``coalesced``       numbered along the rows: neighbouring threads, neighbouring addresses
- ``shared_tile``     a block loads tiles together
- ``thread_tile_1d``  a thread computes several entries of a column
- ``thread_tile_2d``  and of several columns, from registers
- ``vectorised``      numbers move four at a time
- ``warp_tile``       a tile for each warp, laid out for shared memory: what the engine uses

Headers: ``operands.cuh`` has what a kernel is given, ``product.cuh`` what products share,
``activations.cuh`` activations and their slopes, ``vectors.cuh`` moves 16 bytes at once.

In Python:

- ``declared``   a kernel's operands and grid, written as a function's head
- ``launches``   the heads of all kernels but the products; ``ladder``: those, rung by rung
- ``launching``  from operands to a kernel's one argument
- ``library``    kernels by name, ready to run
- ``machines``   where they run: on a GPU through CuPy, or simulated on the CPU (`kernels/sim`)
- ``sources``    the text of a kernel with what it includes

Launches know no device: grid, block and arguments are worked out in one place for all machines.
"""

from .ladder import RUNGS, TOP
from .launching import Cell, CudaKernel, Launch
from .library import Library
from .machines import CupyMachine, Machine, SimulatedMachine

__all__ = [
    "RUNGS",
    "TOP",
    "Cell",
    "CudaKernel",
    "CupyMachine",
    "Launch",
    "Library",
    "Machine",
    "SimulatedMachine",
]
