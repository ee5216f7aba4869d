"""What NVIDIA's own compiler makes of the kernels; it needs neither a GPU nor a driver.

pip install cuda-bindings nvidia-cuda-nvrtc-cu12
"""

import re
from collections import Counter
from typing import Any

import pytest
from tinygrad_ed.kernels.cuda import RUNGS, layer
from tinygrad_ed.kernels.cuda.sources import TYPES, text_of

nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC's bindings are not installed")
try:
    nvrtc.nvrtcVersion()
except Exception as error:  # of a type of its own where the library is missing
    pytest.skip(f"NVRTC does not load: {error}", allow_module_level=True)

ARCHITECTURES = ["sm_75", "sm_80", "sm_90"]
KERNELS = {
    **{
        rung.file: {rung.kernel(d): rung.shape(d).threads for d in TYPES} for rung in RUNGS.values()
    },
    layer.FILE: {
        kernel.replace("<T", f"<{T}"): layer.THREADS
        for kernel in (layer.SLOPE, layer.SUM_ROWS)
        for T in TYPES.values()
    },
}
"""File -> kernel -> threads in a block."""

REPORT = re.compile(
    r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores"
    r".*?Used (\d+) registers(?:.*?(\d+) bytes smem)?",
    re.DOTALL,
)


def result(answer: Any) -> Any:
    """What a call gives beside its status."""
    status, *values = answer
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, status
    return values[0] if values else None


def text(size: Any, read: Any, program: Any) -> str:
    buffer = b" " * result(size(program))
    result(read(program, buffer))
    return buffer.rstrip(b"\0").decode()


def compiled(file: str, architecture: str) -> tuple[Any, str]:
    """A program with all kernels of a file, and the assembler's report on them."""
    program = result(nvrtc.nvrtcCreateProgram(text_of(file).encode(), file.encode(), 0, [], []))
    for name in KERNELS[file]:
        result(nvrtc.nvrtcAddNameExpression(program, name.encode()))
    options = [b"--std=c++17", b"--gpu-architecture=" + architecture.encode()]
    if architecture.startswith("sm"):
        options.append(b"--ptxas-options=-v")
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    log = text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log
    return program, log


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("file", KERNELS)
def test_compiles_without_spills_within_the_limits_of_a_block(file: str, architecture: str) -> None:
    program, log = compiled(file, architecture)
    reports = {report[0]: report[1:] for report in REPORT.findall(log)}
    for name, threads in KERNELS[file].items():
        lowered = result(nvrtc.nvrtcGetLoweredName(program, name.encode())).decode()
        stack, spilled, registers, shared = (int(n or 0) for n in reports[lowered])
        assert (stack, spilled) == (0, 0), name
        assert registers * threads <= 65536, name
        assert shared <= 48 << 10, name


@pytest.mark.parametrize("rung", RUNGS)
def test_the_rungs_that_move_vectors_do_and_no_other_does(rung: str) -> None:
    program, _ = compiled(f"{rung}.cu", "compute_80")
    ptx = text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)
    found = Counter(re.findall(r"\b(?:ld|st)\.(?:global|shared|local)(?:\.nc)?\.v[24]", ptx))
    wanted = {f"{move}.{wide}" for wide in ("v2", "v4") for move in ("ld.global", "ld.shared")}
    moves = {name.replace(".nc", "") for name in found}
    assert (wanted <= moves) if rung in ("vectorised", "warp_tile") else not moves
