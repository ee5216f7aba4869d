"""Where a peer works and how exactly: the harness says it in the environment of its process.

Read before a library is loaded, since some decide at their import what they run on.
"""

import os

DEVICE = os.environ.get("TINYGRAD_ED_BENCH_DEVICE", "cpu")
"""cpu, cuda or cuda-sim."""

TF32 = os.environ.get("TINYGRAD_ED_BENCH_TF32") == "1"
"""Whether products may round their float32 operands to 10 bits (TF32)."""

SMOKE = os.environ.get("TINYGRAD_ED_BENCH_SMOKE") == "1"
"""Whether everything is tiny: a run that shows that it runs."""


def environment(device: str, *, tf32: bool = False, smoke: bool = False) -> dict[str, str]:
    """What tells a process all that, and its libraries what they must know first."""
    said = {
        "TINYGRAD_ED_BENCH_DEVICE": device,
        "TINYGRAD_ED_BENCH_TF32": str(int(tf32)),
        "TINYGRAD_ED_BENCH_SMOKE": str(int(smoke)),
    }
    if device == "cuda":
        # JAX would take most of the GPU's memory for itself, beside other peers' processes; and no
        # library of NVIDIA's may use TF32 where all are compared at float32's accuracy.
        said |= {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        said |= {} if tf32 else {"NVIDIA_TF32_OVERRIDE": "0"}
    return said
