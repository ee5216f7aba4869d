"""The machine itself as a peer: its vector multiply-adds, in the same rounds as the products."""

import os
from dataclasses import dataclass

from tinygrad_ed.kernels.cpu.peak import fma_peak
from worker import Job
from workloads import Product


@dataclass
class Ceiling(Job):
    """Its rate is in flop/s, whatever the shape of the product."""

    dtype: str = "float32"

    def rate(self, seconds: float) -> float:
        """The best of about so many seconds."""
        return fma_peak(self.dtype, int(os.environ["OMP_NUM_THREADS"]), seconds)


def matmul(key: str, mode: str) -> Job:
    """The peak for the product's number type."""
    return Ceiling(step=lambda i: None, dtype=Product.parse(key).dtype)
