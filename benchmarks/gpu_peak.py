"""What a GPU can do at most: multiply-adds per second and bytes per second, measured."""

from typing import Any, NamedTuple

import numpy as np
from gpu_timing import Clock, in_turn
from tinygrad_ed.kernels.cuda.declared import Grid
from tinygrad_ed.kernels.cuda.machines import Machine

CHAINS, THREADS, BLOCKS_PER_PROCESSOR = 8, 256, 8
TEXT = (
    f"constexpr int CHAINS = {CHAINS};"
    + r"""
template <class T> struct Chains { T* out; long long steps; };

// Each thread keeps several sums going, so that a multiply-add need not wait for the one before.
template <class T> __global__ void multiply_adds(Chains<T> p) {
  T sums[CHAINS], a = T(threadIdx.x) * T(1e-6), b = T(1e-3);
  for (int c = 0; c < CHAINS; c++) sums[c] = T(c);
#pragma unroll 8
  for (long long step = 0; step < p.steps; step++)
#pragma unroll
    for (int c = 0; c < CHAINS; c++) sums[c] = fma(sums[c], a, b);
  T total = 0;
  for (int c = 0; c < CHAINS; c++) total += sums[c];
  if (total == T(-1)) p.out[0] = total;  // never; but the compiler cannot know
}
"""
)
TYPES = {"float32": "float", "float64": "double"}
NAMES = {dtype: f"multiply_adds<{spelt}>" for dtype, spelt in TYPES.items()}

TENSOR_CORES = {"80": {"tf32": 1024, "bf16": 2048}, "90": {"tf32": 2048, "bf16": 4096}}
"""Compute capability -> flops per clock of one multiprocessor's tensor cores, on dense operands:
NVIDIA's white papers on the A100 and the H100."""


class Chip(NamedTuple):
    """What the peaks depend on; `clock` is the greatest there is, in Hz."""

    capability: str
    processors: int
    clock: float


def chip(cupy: Any) -> Chip:
    """The GPU that CuPy uses."""
    device = cupy.cuda.Device()
    found = device.attributes
    return Chip(device.compute_capability, found["MultiProcessorCount"], 1e3 * found["ClockRate"])


def multiply_adds(
    machine: Machine, arrays: Any, clock: Clock, processors: int, steps: int = 1 << 14
) -> dict[str, float]:
    """Flops per second by number type, the best of some rounds."""
    blocks = processors * BLOCKS_PER_PROCESSOR

    def call(dtype: str) -> Any:
        out = arrays.zeros(1, dtype)
        words = np.array([machine.address(out), steps], np.int64)
        kernel, grid = (
            machine.kernel(TEXT, tuple(NAMES.values()), NAMES[dtype]),
            Grid(NAMES[dtype], blocks, THREADS),
        )
        return lambda: kernel(grid, words, [out])

    flops = 2.0 * CHAINS * steps * blocks * THREADS
    found = in_turn({dtype: call(dtype) for dtype in TYPES}, clock, rounds=5, seconds=0.02)
    return {dtype: flops / min(seconds) for dtype, seconds in found.items()}


def tensor_cores(found: Chip) -> dict[str, float]:
    """Flops per second of the modes that use them, by the white papers; {} for another chip."""
    rates = TENSOR_CORES.get(found.capability, {})
    return {mode: rate * found.processors * found.clock for mode, rate in rates.items()}


def memory(arrays: Any, clock: Clock, size: int = 1 << 30) -> float:
    """Bytes per second of a copy, those read and those written."""
    piece = np.random.default_rng(0).integers(0, 256, size // 16, dtype=np.uint8)
    source = arrays.tile(arrays.asarray(piece), 16)  # not zeros: they may take less power
    target = arrays.empty_like(source)
    found = in_turn({"copy": lambda: arrays.copyto(target, source)}, clock, rounds=5, seconds=0.02)
    moved: int = 2 * source.nbytes
    return moved / min(found["copy"])
