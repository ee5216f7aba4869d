"""What the tests of CUDA kernels share: matrices of any layout, products, bounds, small kernels."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from cuda.gpu_machine import machine
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.cuda import RUNGS, CudaKernel, Library

Array = np.ndarray[Any, Any]

needs_compiler = pytest.mark.skipif(
    sim.why_unusable() is not None, reason=sim.why_unusable() or "usable"
)
DTYPES = ["float32", "float64"]
PRELUDE = '#line 1 "test.cu"\n'
LIBRARY = Library(machine(), np)
CODES = {None: 0, "relu": 1, "sigmoid": 2, "tanh": 3}

sizes = st.integers(0, 20) | st.sampled_from([1, 31, 33, 63, 64, 65, 70, 130])
layouts = st.sampled_from(["C", "F", "negative", "strided", "read-only", "broadcast", "offset"])
seeds = st.integers(0, 99)
orders = st.sampled_from(sim.ORDERS)
activations = st.sampled_from([None, "relu", "sigmoid", "tanh"])


def drawn(shape: tuple[int, ...], dtype: Any, seed: int, layout: str = "C") -> Array:
    """Normal numbers in a memory layout."""
    a = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "negative":
        return a[::-1, ::-1].copy()[::-1, ::-1]
    if layout == "strided":
        wide = np.full((2 * shape[0], 3 * shape[1]), np.nan, dtype)
        wide[::2, ::3] = a
        return wide[::2, ::3]
    if layout == "read-only":
        a.flags.writeable = False
    if layout == "broadcast" and a.size:
        return np.broadcast_to(a[:1], shape)
    if layout == "offset":  # no vector of 16 bytes begins at a row
        wide = np.full((shape[0], shape[1] + 3), np.nan, dtype)
        wide[:, 1 : shape[1] + 1] = a
        return wide[:, 1 : shape[1] + 1]
    return a


def gamma(k: int, dtype: Any) -> float:
    """γ_k = k u / (1 - k u): the relative error that k rounded operations can build up."""
    u = float(np.finfo(dtype).eps) / 2
    return k * u / (1 - k * u)


def product_and_bound(A: Array, B: Array, bias: Array | None = None) -> tuple[Array, Array]:
    """A B + b in the widest type, and γ_K+2 (|A| |B| + |b|)."""
    wide = [np.asarray(x, np.longdouble) for x in (A, B, 0 if bias is None else bias)]
    size = np.abs(wide[0]) @ np.abs(wide[1]) + np.abs(wide[2])
    return wide[0] @ wide[1] + wide[2], gamma(A.shape[1] + 2, A.dtype) * size


def activated(Z: Array, activation: str | None) -> Array:
    """f(Z); none of these functions has a slope above 1, so bounds on Z hold for f(Z)."""
    if activation == "relu":
        return np.maximum(Z, 0)
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-Z))
    return np.tanh(Z) if activation == "tanh" else Z


def slope(dY: Array, Y: Array | None, kind: str | None) -> Array:
    """DY f'(z), written in the value Y = f(z); without a Y, dY as it is."""
    if Y is None or kind is None:
        return dY
    slopes: dict[str, Array] = {"relu": Y > 0, "sigmoid": Y * (1 - Y), "tanh": 1 - Y * Y}
    made: Array = dY * slopes[kind]
    return made


# --- products -------------------------------------------------------------------------------------


def product_kernel(rung: str, dtype: str, which: int | None = None, text: str = "") -> CudaKernel:
    """A rung's kernel: in one of its shapes, whatever the size; of a text in place of its file."""
    declared = RUNGS[rung]
    if which is not None:
        assert declared.shapes is not None
        declared = dataclasses.replace(declared, shapes={dtype: (declared.shapes[dtype][which],)})
    if text:  # a file of its own: compiled alone
        declared = dataclasses.replace(declared, file="broken.cu", text=text, dtypes=(dtype,))
    return CudaKernel(declared, dtype, LIBRARY)


def multiply(
    kernel: CudaKernel,
    A: Array,
    B: Array,
    bias: Array | None = None,
    activation: str | None = None,
    gate: Array | None = None,
    gate_kind: str | None = None,
) -> Array:
    """f(A B + b) g'(gate), put into a part of a larger array whose other entries must stay."""
    M, N = A.shape[0], B.shape[1]
    whole = np.full((M + 2, N + 9), 7.0, A.dtype)
    C = whole[1:-1, 5 : 5 + N]
    assert kernel.launch(A, B, C, bias, CODES[activation], gate, CODES[gate_kind])
    result = C.copy()
    C[...] = 7.0
    assert np.all(whole == 7.0), "written outside"
    return result


# --- small kernels --------------------------------------------------------------------------------


def kernel(body: str, parameters: str, name: str = "test") -> sim.SimulatedKernel:
    """A kernel of a few lines; they are numbered from 1."""
    text = f"{PRELUDE}__global__ void {name}({parameters}) {{ {body}\n}}"
    return sim.SimulatedKernel(text, [name], name)


def run(simulated: sim.SimulatedKernel, grid: int, block: Any, *values: Any, **how: Any) -> None:
    """Launches it: arrays are passed by their addresses, other values as they are."""
    arrays = [v for v in values if isinstance(v, np.ndarray)]
    words = [np.uint64(v.ctypes.data) if isinstance(v, np.ndarray) else v for v in values]
    block = block if isinstance(block, tuple) else (block,)
    simulated((grid,), block, words, arrays, **how)
