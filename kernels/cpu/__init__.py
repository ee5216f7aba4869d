"""Numba kernels for device "cpu".

compiling  once per machine, where the cache can be written
matmul     C = A B by packed rank-4 updates
linear     a whole layer, forward and backward
"""
