"""Devices: where a tensor's array lives, and which kernels are faster versions of which ops.

    numpy   NumPy arrays, every op by its formula: the living definition
    cpu     NumPy arrays, Numba kernels where there are any
    cuda    CuPy arrays, CUDA kernels; cuda-sim runs those on the CPU, thread by thread

A back end is a small object: array module, allocation, and a table *op -> kernel*. It knows
nothing of the tape. An op with no kernel in the table runs its own function.

base     what every device has; device numpy as it stands
arrays   from what a user hands in to an array
select   from a device's name to its back end
table/   which kernel serves which op, on every device that has kernels
cpu      device cpu; threads: how many share a large kernel
cuda     device cuda; cuda_sim: device cuda-sim

From the source of an elementwise function to the text of a loop:

scalar_loops       the way in: an op, its VJP or an optimiser's rule
scalar_reader      goes through the source; scalar_names: what its names stand for
scalar_types       the three kinds of value that it meets, and NumPy's type rules
scalar_arithmetic  operators and scalar_functions: calls, as expressions of one entry
scalar_inputs      what the loop is given
scalar_lines       the lines before and inside the loop; scalar_body: a loop before it is text
scalar_layout      its text in Numba's dialect
scalar_cuda        its text in CUDA C++; scalar_cpp: expressions there
scalar_chains      two loops as one
"""

from .arrays import checked_array
from .base import Backend, Kernel
from .select import DEVICES, explain_auto, get_backend

__all__ = ["DEVICES", "Backend", "Kernel", "checked_array", "explain_auto", "get_backend"]
