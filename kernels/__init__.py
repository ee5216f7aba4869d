"""Kernels: optional faster versions of ops. They know arrays and numbers, nothing of the engine.

cpu/   Numba
"""
