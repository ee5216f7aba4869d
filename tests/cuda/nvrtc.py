"""Kernels as NVIDIA's compiler makes them: the assembler's report, PTX, and machine code.

Without its bindings a test module that imports this is skipped; without the disassembler `code` is
empty.
"""

import functools
import importlib.util
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tinygrad_ed.kernels.cuda.machines import OPTIONS

bindings = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC's bindings are not installed")
try:
    bindings.nvrtcVersion()
except Exception as error:  # of a type of its own where the library is missing
    pytest.skip(f"NVRTC does not load: {error}", allow_module_level=True)

REPORT = re.compile(
    r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores"
    r".*?Used (\d+) registers(?:.*?(\d+) bytes smem)?",
    re.DOTALL,
)
ENTRY = re.compile(r"\.entry (\w+)\((.*?)^\}", re.DOTALL | re.MULTILINE)
SECTION = re.compile(
    r"^\s*\.section\s+\.text\.(\w+),(.*?)(?=^\s*\.section\s|\Z)", re.DOTALL | re.MULTILINE
)
INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)")


@dataclass(frozen=True)
class Compiled:
    """A kernel for an architecture.

    Attributes:
        stack, spilled, registers, shared: The assembler's report: bytes, and 32-bit registers.
        ptx: Its body in NVIDIA's portable assembly.
        code: Machine instructions and how many there are; empty without a disassembler.
    """

    stack: int
    spilled: int
    registers: int
    shared: int
    ptx: str
    code: Counter[str]


def compiled(
    text: str, names: Sequence[str], architecture: str, *, disassembled: bool = False
) -> dict[str, Compiled]:
    """All these kernels of a text, by their names in C++."""
    program = _answer(bindings.nvrtcCreateProgram(text.encode(), b"kernels.cu", 0, [], []))
    for name in names:
        _answer(bindings.nvrtcAddNameExpression(program, name.encode()))
    options = [*OPTIONS, f"--gpu-architecture={architecture}", "--ptxas-options=-v"]
    encoded = [option.encode() for option in options]
    (status,) = bindings.nvrtcCompileProgram(program, len(encoded), encoded)
    log = _bytes("ProgramLog", program).decode()
    assert status == bindings.nvrtcResult.NVRTC_SUCCESS, log
    reports = {low: [int(n or 0) for n in numbers] for low, *numbers in REPORT.findall(log)}
    bodies = dict(ENTRY.findall(_bytes("PTX", program).decode()))
    codes = _disassembled(_bytes("CUBIN", program)) if disassembled else {}
    made = {}
    for name in names:
        low = _answer(bindings.nvrtcGetLoweredName(program, name.encode())).decode()
        stack, spilled, registers, shared = reports[low]
        code = codes.get(low, Counter())
        made[name] = Compiled(stack, spilled, registers, shared, bodies[low], code)
    return made


def _answer(given: Any) -> Any:
    """What a call gives beside its status."""
    status, *values = given
    assert status == bindings.nvrtcResult.NVRTC_SUCCESS, status
    return values[0] if values else None


def _bytes(what: str, program: Any) -> bytes:
    buffer: bytes = b" " * _answer(getattr(bindings, f"nvrtcGet{what}Size")(program))
    _answer(getattr(bindings, f"nvrtcGet{what}")(program, buffer))
    return buffer.rstrip(b"\0") if what != "CUBIN" else buffer


@functools.cache
def disassembler() -> Path | None:
    """`nvdisasm` of the wheel nvidia-cuda-nvdisasm, if that is installed."""
    spec = importlib.util.find_spec("nvidia")
    for folder in spec.submodule_search_locations or () if spec else ():
        for found in sorted(Path(folder).glob("*/bin/nvdisasm")):
            return found
    return None


def _disassembled(binary: bytes) -> dict[str, Counter[str]]:
    program = disassembler()
    if program is None:
        return {}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "kernels.cubin"
        file.write_bytes(binary)
        command = [str(program), "-c", str(file)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: Counter(INSTRUCTION.findall(body)) for name, body in SECTION.findall(text)}
