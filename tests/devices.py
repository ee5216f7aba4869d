"""The devices that tests run on: every one that computes here without a GPU.

`TINYGRAD_ED_TEST_DEVICE=cuda` adds the GPU, where there is one (`benchmarks/gpu_validate.sh`).
"""

import ctypes
import os
from typing import Any

import numpy as np
import pytest
from tinygrad_ed.kernels import sim

CUDA_SIM: Any = pytest.param(
    "cuda-sim",
    marks=pytest.mark.skipif(sim.why_unusable() is not None, reason=sim.why_unusable() or "usable"),
)
"""The CUDA kernels, executed on the CPU; skipped, with the reason, where there is no compiler."""

ON_A_GPU: list[Any] = [name for name in [os.environ.get("TINYGRAD_ED_TEST_DEVICE")] if name]

WITH_KERNELS: list[Any] = ["cpu", CUDA_SIM, *ON_A_GPU]
DEVICES: list[Any] = ["numpy", *WITH_KERNELS]

NAMES = ["numpy", "cpu", *(["cuda-sim"] if sim.why_unusable() is None else []), *ON_A_GPU]
"""Those that are usable here."""

each_device = pytest.mark.parametrize("device", DEVICES)


def there(a: np.ndarray[Any, Any], backend: Any) -> Any:
    """An array on a device as it lies here: transposed, sliced, backwards or repeated."""
    if backend.name != "cuda":
        return a
    if not a.size:
        return backend.asarray(a)
    low, high = np.lib.array_utils.byte_bounds(a)
    piece = backend.asarray(np.frombuffer(ctypes.string_at(low, high - low), np.uint8))
    pointer = piece.data + (a.ctypes.data - low)
    return type(piece)(a.shape, a.dtype, memptr=pointer, strides=a.strides)
