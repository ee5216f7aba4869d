"""CUDA on the CPU: the project's own `.cu` files, compiled by g++ and executed thread by thread.

It is for being right and for learning, not for being fast. A block's threads are fibers that run in
a chosen order, shared memory is NaN until somebody writes to it, a barrier that not all threads
reach is an error with names and places, and a watched build reports accesses outside the arrays of
a launch and races.

- ``building``  from a source to a library: g++, and a folder that keeps the result
- ``module``    calling a kernel; the order of threads, and whether accesses are watched
- ``places``    from an address in a library to a line of a kernel
- ``profile``   what each line asks of memory: sectors, banks, barriers; by ``warps``
- ``*.h``       what g++ gets in front of a `.cu` file; ``cuda_on_cpu.h`` lists them
"""

from .building import BuildError, compiler, why_unusable
from .module import ORDERS, SimulatedKernel, SimulationError, profiled, simulation
from .profile import Profile, Row

__all__ = [
    "ORDERS",
    "BuildError",
    "Profile",
    "Row",
    "SimulatedKernel",
    "SimulationError",
    "compiler",
    "profiled",
    "simulation",
    "why_unusable",
]
