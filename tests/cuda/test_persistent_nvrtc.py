"""A program's own kernel as NVIDIA's compiler makes it."""

import pytest
from cuda.nvrtc import compiled
from cuda.on_sim import DTYPES
from cuda.test_persistent import LIBRARY, Network
from tinygrad_ed.kernels.cuda.persistent import Persistent


@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_compiles_for_blocks_of_its_size(dtype: str, architecture: str) -> None:
    program = Persistent(LIBRARY, Network(dtype).prepared())
    made = compiled(program.text, ["program"], architecture)["program"]
    # All pieces are one function: in float64 a few numbers that live long are put aside
    assert made.spilled <= (0 if dtype == "float32" else 128)
    assert made.registers * program.grid.threads <= 65536
    assert made.shared <= 48 << 10
