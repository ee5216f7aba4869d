"""What NVIDIA's compiler makes of generated kernels: registers only, and float32 stays float32.

pip install cuda-bindings nvidia-cuda-nvrtc-cu12
"""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from tinygrad_ed.kernels.cuda.machines import OPTIONS
from tinygrad_ed.kernels.cuda.sources import with_headers

pytest.importorskip("numba")

from backends.scalar_runs import PARAMS
from backends.scalar_updates import runtime

from tinygrad_ed import registry
from tinygrad_ed.backends.scalar_chains import chained
from tinygrad_ed.backends.scalar_loops import ScalarLoop, emit, emit_op, emit_vjp
from tinygrad_ed.optim import rules

nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC's bindings are not installed")
try:
    nvrtc.nvrtcVersion()
except Exception as error:  # of a type of its own where the library is missing
    pytest.skip(f"NVRTC does not load: {error}", allow_module_level=True)

TURNS = re.compile(r"\b(sin|cos)\(")
"""CUDA brings large angles down with an array of the thread's own."""
ELEMENTWISE = [o for o in registry.values() if o.elementwise and o.name != "astype"]


def loops(dtype: str) -> list[ScalarLoop]:
    """Every op and VJP, an optimiser's rule, rows and columns, a chain."""
    made = []
    for op in ELEMENTWISE:
        full, params = ["full"] * len(op.operand_names), PARAMS.get(op.name, {})
        made.append(emit_op(op, full, params, dtype, "cuda"))
        made.append(emit_vjp(op, [True] * len(full), full, params, dtype, "cuda"))
    hypers = {"t": int, **runtime({"lr": 0.1, "weight_decay": 0.1, "amsgrad": True})}
    slots = ["p", "m", "v", "v_max"]
    full_slots = dict.fromkeys([*slots, "g"], "full")
    made.append(emit(rules.adam, full_slots, hypers, outputs=slots, dtype=dtype, language="cuda"))
    add = emit_op(registry["add"], ["full", "row"], None, dtype, "cuda")
    divide = emit_op(registry["divide"], ["full", "column"], None, dtype, "cuda")
    made += [chained(add, divide, {0: 2}, name="chain")]
    return [loop for loop in made if loop.text and not TURNS.search(loop.text)]


def answer(status: Any, *values: Any) -> Any:
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, status
    return values[0] if values else None


def compiled(
    texts: Sequence[str], names: Sequence[str], architecture: str
) -> tuple[str, dict[str, str]]:
    """The assembler's report, and the instructions of each kernel by its name."""
    text = with_headers("all.cu", "\n".join(texts)).encode()
    program = answer(*nvrtc.nvrtcCreateProgram(text, b"all.cu", 0, [], []))
    for name in names:
        answer(*nvrtc.nvrtcAddNameExpression(program, name.encode()))
    options = [o.encode() for o in (*OPTIONS, f"--gpu-architecture={architecture}")]
    options.append(b"--ptxas-options=-v")
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    log = b" " * answer(*nvrtc.nvrtcGetProgramLogSize(program))
    nvrtc.nvrtcGetProgramLog(program, log)
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log.decode()
    ptx = b" " * answer(*nvrtc.nvrtcGetPTXSize(program))
    nvrtc.nvrtcGetPTX(program, ptx)
    bodies = dict(re.findall(r"\.entry (\w+)\((.*?)^\}", ptx.decode(), re.DOTALL | re.MULTILINE))
    lowered = [answer(*nvrtc.nvrtcGetLoweredName(program, n.encode())).decode() for n in names]
    return log.decode(), {n: bodies[low] for n, low in zip(names, lowered, strict=True)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
def test_kernels_stay_in_registers(architecture: str, dtype: str) -> None:
    made = loops(dtype)
    names = [f"{loop.name}_kernel" for loop in made]
    log, bodies = compiled([loop.text for loop in made], names, architecture)
    stacks = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores", log)
    assert len(stacks) >= len(names) and set(stacks) == {("0", "0")}
    assert max(map(int, re.findall(r"Used (\d+) registers", log))) <= 128  # two blocks at once
    for loop, body in zip(made, bodies.values(), strict=True):
        numbers = any(o.kind == "real" for o in loop.operands)
        assert dtype == "float64" or numbers or ".f64" not in body, loop.name
        reads = sum(o.kind in ("in", "inout") and o.pattern != "scalar" for o in loop.operands)
        assert len(re.findall(r"ld\.global", body)) >= 4 * reads, loop.name
