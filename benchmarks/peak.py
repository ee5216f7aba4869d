"""What this machine can do at most: vector multiply-adds per second, and bytes per second.

    python benchmarks/peak.py --threads 2

`tinygrad-ed bench --calibrate` measures the same and keeps it.
"""

import argparse
import os

from tinygrad_ed.kernels.cpu.loading import processor
from tinygrad_ed.kernels.cpu.peak import LLVM_NAME, bandwidths, fma_peak, widest


def main() -> None:
    """Prints the ceilings of this machine."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads at once")
    threads = parser.parse_args().threads
    print(f"{processor()[0]}, {8 * widest()}-bit vectors, {threads} of {os.cpu_count()} cores")
    for dtype in LLVM_NAME:
        print(f"{dtype:8} {fma_peak(dtype, threads) / 1e9:8.1f} GFLOP/s")
    for level, rate in bandwidths(threads).items():
        print(f"{level:8} {rate / 1e9:8.1f} GB/s")


if __name__ == "__main__":
    main()
