"""What NVIDIA's compiler makes of ptx.cuh and grid.cuh; it needs neither a GPU nor a driver.

pip install cuda-bindings nvidia-cuda-nvrtc-cu12
"""

import re
from typing import Any

import pytest
from tinygrad_ed.kernels.cuda.sources import text_of

nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC's bindings are not installed")
try:
    nvrtc.nvrtcVersion()
except Exception as error:  # of a type of its own where the library is missing
    pytest.skip(f"NVRTC does not load: {error}", allow_module_level=True)

COPIES = """
__global__ void copies(const float* v, float* x, unsigned* counter) {
  __shared__ __align__(16) float tile[8];
  cp_async_16(tile, v, x != v);
  cp_async_8(tile + 4, v);
  cp_async_4(tile + 6, v, false);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
  grid_barrier(counter);
}
"""
TENSOR = """
__global__ void tensor(const float* v, float* x) {
  __shared__ __align__(16) unsigned tile[128];
  unsigned a[4] = {to_tf32(v[0]), to_bf16x2(v[1], v[2]), 2, 3}, b[2] = {0, 1};
  float d[4] = {};
  mma_m16n8k8_tf32(d, a, b);
  tile[threadIdx.x] = a[1];
  __syncthreads();
  load_matrices(a, tile + 4 * threadIdx.x);
  mma_m16n8k16_bf16(d, a, b);
  load_matrices<true>(a, tile + 4 * threadIdx.x);
  x[threadIdx.x] = d[0] + a[3];
}
"""
INSTRUCTIONS = [
    "cp.async.cg.shared.global",
    "cp.async.ca.shared.global",
    "cp.async.commit_group",
    "cp.async.wait_group",
]
ON_TENSORS = [
    "cvt.rna.tf32.f32",
    "cvt.rn.bf16x2.f32",
    "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
    "ldmatrix.sync.aligned.m8n8.x4.shared.b16",
    "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16",
]


def ptx_of(text: str, architecture: str) -> str:
    """The assembly of a text; it fails with the compiler's log."""
    text = "\n".join([text_of("ptx.cuh"), text_of("grid.cuh"), text])
    _, program = nvrtc.nvrtcCreateProgram(text.encode(), b"test.cu", 0, [], [])
    options = [b"--std=c++17", b"--gpu-architecture=" + architecture.encode()]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    log = _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log
    return _text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)


def _text(size: Any, read: Any, program: Any) -> str:
    buffer: bytes = b" " * size(program)[1]
    read(program, buffer)
    return buffer.rstrip(b"\0").decode()


@pytest.mark.parametrize("architecture", ["compute_80", "compute_90"])
def test_each_function_is_its_instruction(architecture: str) -> None:
    found = ptx_of(COPIES + TENSOR, architecture)
    for instruction in INSTRUCTIONS + ON_TENSORS:
        assert re.search(rf"\b{re.escape(instruction)}\b", found), instruction


def test_copies_are_plain_where_the_processor_has_no_others() -> None:
    found = ptx_of(COPIES, "compute_75")
    assert "cp.async" not in found
    assert re.search(r"st\.shared\.v4", found)
