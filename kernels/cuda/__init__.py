"""CUDA kernels, one idea per `.cu` file, and the code that launches them.

The product C = f(A B + b) as a ladder:

- ``naive``           one thread for each entry, numbered down the columns
- ``coalesced``       numbered along the rows: neighbouring threads, neighbouring addresses
- ``shared_tile``     a block loads tiles together
- ``thread_tile_1d``  a thread computes several entries of a column
- ``thread_tile_2d``  and of several columns, from registers
- ``vectorised``      numbers move four at a time
- ``warp_tile``       a tile for each warp, laid out for shared memory
- ``pipelined``       the next tiles are copied while these are multiplied: what the engine uses
- ``tf32``, ``tf32x3``, ``bf16``   tensor cores, which round their operands: only for who asks

Their headers: ``product.cuh`` (operands, tiles), ``vectors.cuh`` (16 bytes at once),
``pipeline.cuh``, ``simt.cuh``, ``tensor.cuh``, ``activations.cuh``; ``ptx.cuh`` has the
instructions that C++ has not.

The other kernels: ``slopes``, ``sums``, ``softmax``, ``losses``, ``cross_entropy``, ``dropout``,
``gather`` (copies), ``counting``; ``reduce.cuh`` and ``rows.cuh`` say in which order sums are added
up. ``any_grid`` and ``program.cuh`` make a whole program one kernel; ``grid.cuh`` is its barrier.
``operands.cuh`` is what all of them are given, ``elementary.cuh`` what generated ones are made of.

In Python:

- ``declared``    a kernel's operands and grid, written as a function's head
- ``launches``    the heads of all kernels but the products; ``ladder``: those, rung by rung
- ``launching``   from operands to a kernel's one argument
- ``library``     kernels by name, ready to run; ``generated``: those made from formulas
- ``persistent``  a whole program as one kernel
- ``machines``    where they run: on a GPU through CuPy, or simulated on the CPU (`kernels/sim`)
- ``sources``     the text of a kernel with what it includes
- ``xray``        what a kernel's accesses cost, counted on the simulator

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
