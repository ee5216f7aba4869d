"""The head of any_grid.cu: the product that a program's own kernel calls."""

from .declared import KERNELS, THREADS, Given, Simple, blocks_for, headed
from .ladder import SHAPES, product

TILE = 32, 64
"""Rows and columns of C that a block computes at a time."""


def _blocks(given: Given) -> int:
    M, N = given["C"].shape
    return blocks_for(M, TILE[0]) * blocks_for(N, TILE[1])


KERNELS["product_any_grid"] = Simple(
    "product_any_grid",
    "any_grid.cu",
    headed(product, SHAPES, "self"),
    blocks=_blocks,
    threads=THREADS,
)
