"""What NVIDIA's own compiler makes of the kernels; it needs neither a GPU nor a driver.

pip install 'tinygrad_ed[nvrtc]'
"""

import functools
import re

import pytest
from cuda.nvrtc import Compiled, compiled, disassembler
from tinygrad_ed.kernels.cuda import RUNGS
from tinygrad_ed.kernels.cuda.declared import KERNELS, Declared, Simple
from tinygrad_ed.kernels.cuda.ladder import Rung
from tinygrad_ed.kernels.cuda.sources import text_of

ARCHITECTURES = (75, 80, 90)
LEAST = re.compile(r"Needs sm_(\d+)\.")
"""What the header of a `.cu` file says if it is not for all of them."""


def least(file: str) -> int:
    found = LEAST.search(text_of(file))
    return int(found[1]) if found else ARCHITECTURES[0]


def threads(declared: Declared) -> dict[str, int]:
    """All kernels that a declaration stands for -> threads in a block."""
    if isinstance(declared, Rung):
        shapes = declared.shapes or {}
        return {declared.spelt(d, s): s.threads for d in declared.dtypes for s in shapes[d]}
    assert isinstance(declared, Simple)
    return {name: declared.threads for d in declared.dtypes for name in declared.kernels(d)}


FILES = {
    file: {name: n for d in KERNELS.values() if d.file == file for name, n in threads(d).items()}
    for file in sorted({declared.file for declared in KERNELS.values()})
}
"""File -> kernel -> threads in a block."""
EACH = [(file, a) for file in FILES for a in ARCHITECTURES if a >= least(file)]


@functools.cache
def kernels(file: str, architecture: int) -> dict[str, Compiled]:
    """All kernels of a file."""
    return compiled(text_of(file), tuple(FILES[file]), f"sm_{architecture}", disassembled=True)


@pytest.mark.parametrize(("file", "architecture"), EACH)
def test_without_spills_and_within_the_limits_of_a_block(file: str, architecture: int) -> None:
    for name, kernel in kernels(file, architecture).items():
        assert (kernel.stack, kernel.spilled) == (0, 0), name
        assert kernel.registers * FILES[file][name] <= 65536, name
        assert kernel.shared <= 48 << 10, name
        assert not {"LDL", "STL"} & {i.partition(".")[0] for i in kernel.code}, name


WIDE = re.compile(
    r"\b((?:ld|st)\.(?:global|shared))(?:\.nc)?\.v([24])|\b(cp\.async\.c[ag]|mma\.sync)"
)


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_moves_numbers_as_it_says_and_no_lower_one_does(rung: str) -> None:
    file, architecture = RUNGS[rung].file, 80
    for name, kernel in kernels(file, architecture).items():
        found = {m[1] or m[3] for m in WIDE.finditer(kernel.ptx)}
        assert found == set(moves(rung, "double" in name)), name


def moves(rung: str, double: bool) -> list[str]:
    """What has a word of its own in PTX: vectors, copies in the background, tensor cores."""
    if rung in ("vectorised", "warp_tile"):
        return ["ld.global", "st.shared", "ld.shared"]
    ring = ["ld.shared", "cp.async.ca", "cp.async.cg"]
    if rung in ("tf32", "tf32x3", "bf16") and not double:
        return [*ring, "mma.sync"]
    return ring if rung in ("pipelined", "tf32", "tf32x3", "bf16") else []


@pytest.mark.skipif(disassembler() is None, reason="nvdisasm is not installed")
@pytest.mark.parametrize(
    ("rung", "arithmetic"),
    [
        ("pipelined", "FFMA"),
        ("tf32", "HMMA.1688.F32.TF32"),
        ("tf32x3", "HMMA.1688.F32.TF32"),
        ("bf16", "HMMA.16816.F32.BF16"),
    ],
)
def test_machine_code_copies_in_the_background_and_multiplies(rung: str, arithmetic: str) -> None:
    file = f"{rung}.cu"
    large = next(iter(FILES[file]))  # the shape for large products
    for architecture in (80, 90):
        code = kernels(file, architecture)[large].code
        assert any(instruction.startswith("LDGSTS") for instruction in code)
        assert code["LDS.128"] and code["STG.E.128"]
        if rung == "pipelined":  # a step is 8 x 128 of them; most of what stands in it
            assert code[arithmetic] >= 1024 > 8 * code["LDS.128"]
        else:  # a step is two products of 4 x 4 fragments
            assert code[arithmetic] == 32 * (3 if rung == "tf32x3" else 1)


def test_all_kernels_are_looked_at() -> None:
    names = {name for d in KERNELS.values() for t in d.dtypes for name in d.kernels(t)}
    assert names == {name for file in FILES.values() for name in file}
    assert (
        {least(f"{rung}.cu") for rung in ("tf32", "tf32x3", "bf16")} == {80} != {least("naive.cu")}
    )
