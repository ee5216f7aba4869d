"""Numba kernels for device "cpu".

matmul   C = A B by packed rank-4 updates
linear   a whole layer, forward and backward
"""
