"""Kernels: optional faster versions of ops. They know arrays and numbers, nothing of the engine.

cpu/   Numba
cuda/  CUDA: a ladder of products, and the launches that serve a GPU and the simulator alike
sim/   CUDA on the CPU: the same `.cu` files, one fiber a thread
"""
