"""Kernels for device "cpu", written in Numba's dialect.

How they get to run:

- ``operands``   what a kernel is given, and how it lies in a row of words
- ``compiling``  from a kernel to an object file; ``memory``: addresses and views in Numba code
- ``cache``      object files on disk, once per machine; ``loading``: made callable
- ``loaded``     kernels by name, ready to run; the list of what there is
- ``launching``  calling one from Python; ``program``: a table of rows run by one loop
- ``team``       several threads on one kernel; ``workers``: the threads; ``atomics``: shared words

What they compute:

- ``products/``  the product A B, one rung per file; ``product``: as a kernel
- ``elementary`` exp, log, tanh … of one number; ``polynomials``: what they are made of
- ``losses``, ``cross_entropy``, ``softmax``, ``sums``, ``philox`` (dropout), made of ``lanes`` and
  ``rows``
- ``sums`` also spreads a gradient back along axes, ``gather`` also copies a strided array in order
- ``slopes``: an activation's slope on a gradient, and the counters of a captured step

What they are measured with: ``assembly`` (the inner loop of a kernel), ``peak`` (the processor's)

Elementwise ops and optimisers have no file here: their kernels are made from their own source
(``tinygrad_ed/backends/scalar_loops.py``).
"""
