"""The instructions of ptx.cuh, by their twins: copies that land late, tensor cores, conversions."""

import re
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import Array, gamma, needs_compiler, run, seeds
from cuda.small_kernels import kernels
from hypothesis import given, settings
from hypothesis import strategies as st
from tinygrad_ed.kernels import sim

pytestmark = needs_compiler
each_order = pytest.mark.parametrize("order", sim.ORDERS)


def kernel(body: str, parameters: str) -> sim.SimulatedKernel:
    """A kernel of a few lines behind ptx.cuh."""
    return kernels([body], parameters, ["ptx.cuh"])[0]


def aligned(count: int, dtype: Any = np.float32) -> Array:
    """Numbers from 1 on, from a multiple of 16 bytes."""
    size = np.dtype(dtype).itemsize
    memory = np.zeros(count * size + 16, np.uint8)
    array: Array = memory[-memory.ctypes.data % 16 :][: count * size].view(dtype)
    array[:] = 1 + np.arange(count)
    return array


# --- cp.async ----------------------------------------------------------------------------------

PIPELINE = """
const int t = threadIdx.x;
__shared__ __align__(16) float tile[2][32];
if (t < 8) cp_async_16(&tile[0][4 * t], v + 4 * t);
cp_async_commit();
for (int k = 0; k < n; k++) {
  if (t < 8 && k + 1 < n)
    cp_async_16(&tile[(k + 1) % 2][4 * t], v + 32 * (k + 1) + 4 * t, k + 1 != 2);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads(); // landed
  x[32 * k + t] = tile[k % 2][31 - t];
  __syncthreads(); // read
}
"""
PARAMETERS = "const float* v, float* x, int n"


@pytest.mark.parametrize("watched", [False, True])
@each_order
def test_copies_land_while_the_tile_before_is_read(order: str, watched: bool) -> None:
    v, x = aligned(4 * 32), np.full(4 * 32, np.nan, np.float32)
    with sim.simulation(order, seed=2, watched=watched):
        run(kernel(PIPELINE, PARAMETERS), 1, 32, v, x, np.int32(4))
    expected = v.reshape(4, 32)[:, ::-1].copy()
    expected[2] = 0  # a copy that is not ok brings zeros
    assert np.array_equal(x, expected.ravel())


SYNCHRONISING = ["cp_async_wait<1>();", "__syncthreads(); // landed", "__syncthreads(); // read"]
BROKEN = kernels([PIPELINE.replace(lost, "") for lost in SYNCHRONISING], PARAMETERS, ["ptx.cuh"])


@pytest.mark.parametrize("broken", BROKEN, ids=SYNCHRONISING)
def test_a_lost_wait_or_barrier_is_reported(broken: sim.SimulatedKernel) -> None:
    v, x = aligned(4 * 32), np.empty(4 * 32, np.float32)
    for order in sim.ORDERS:
        with (
            sim.simulation(order, watched=True),
            pytest.raises(sim.SimulationError, match="race: thread"),
        ):
            run(broken, 1, 32, v, x, np.int32(4))


def test_a_copy_that_nobody_waited_for_is_nan_without_watching_too() -> None:
    x = np.zeros(4 * 32, np.float32)
    run(BROKEN[0], 1, 32, aligned(4 * 32), x, np.int32(4))
    assert np.isnan(x).all()


IN_GROUPS = kernels(
    [
        "__shared__ __align__(16) double tile[8];\n"
        "for (int g = 0; g < 3; g++) { cp_async_8(tile + g, v + g); cp_async_commit(); }\n"
        "cp_async_4(tile + 3, v + 3);  // of no group yet\n"
        f"cp_async_wait<{groups}>();\n"
        "for (int g = 0; g < 4; g++) x[g] = tile[g];"
        for groups in range(4)
    ],
    "const double* v, double* x",
    ["ptx.cuh"],
)


@pytest.mark.parametrize("groups", range(4))
def test_a_wait_leaves_the_newest_groups_alone(groups: int) -> None:
    v, x = aligned(4, np.float64), np.zeros(4)
    run(IN_GROUPS[groups], 1, 1, v, x)
    landed = max(0, 3 - groups)
    assert np.array_equal(x[:landed], v[:landed])
    assert np.isnan(x[landed:]).all()


FORBIDDEN = [
    ("cp_async_16(tile + 1, v);", r"copies 16 bytes at test.cu:1 to an address .* of 16"),
    ("cp_async_16(tile, v + 1);", r"copies 16 bytes at test.cu:1 from an address .* of 16"),
    ("cp_async_8(tile + 1, v);", r"copies 8 bytes at test.cu:1 to an address .* of 8"),
    ("cp_async_4(x, v);", r"copies at test.cu:1 to an address that is not in shared memory"),
    ("cp_async_16(tile, v + 8);", r"out of bounds: thread \(0,0,0\) reads 16 bytes at byte 32"),
    (
        "cp_async_4(tile, v);\ntile[0] = 1;",
        r"race: thread \(0,0,0\) writes a word of shared memory where a copy of thread "
        r"\(0,0,0\) from test.cu:1 may not have landed",
    ),
    (
        "cp_async_4(tile, v);\ncp_async_4(tile, v + 1);",
        r"race: .* a copy of thread \(0,0,0\) from test.cu:1 may not have landed",
    ),
]
FORBIDDEN_KERNELS = kernels(
    [f"__shared__ __align__(16) float tile[8]; {body}" for body, _ in FORBIDDEN],
    "const float* v, float* x",
    ["ptx.cuh"],
)


@pytest.mark.parametrize("which", range(len(FORBIDDEN)))
def test_copies_that_a_gpu_forbids_are_reported(which: int) -> None:
    words = FORBIDDEN[which][1]
    with pytest.raises(sim.SimulationError, match=words), sim.simulation(watched=True):
        run(FORBIDDEN_KERNELS[which], 1, 1, aligned(8), aligned(8))


def test_a_copy_that_is_not_ok_reads_nothing() -> None:
    simulated = kernel(
        "__shared__ __align__(16) float tile[4];\ncp_async_16(tile, v + 400, false);\n"
        "cp_async_commit();\ncp_async_wait<0>();\nx[0] = tile[3];",
        "const float* v, float* x",
    )
    x = np.ones(1, np.float32)
    with sim.simulation(watched=True):
        run(simulated, 1, 1, aligned(4), x)
    assert x[0] == 0


# --- conversions -------------------------------------------------------------------------------

CONVERT = kernel(
    "for (int i = 0; i < n; i++) { tf32[i] = to_tf32(v[i]); bf16[i] = to_bf16x2(v[i], -v[i]); }",
    "const float* v, unsigned* tf32, unsigned* bf16, int n",
)


def rounded(x: Array, bits: int, ties: str) -> Array:
    """The nearest float32 with this many bits of fraction, by arithmetic."""
    exponent = np.frexp(x)[1]  # of x / 2 to x: numbers below the normal ones have fewer bits
    scale = np.ldexp(1.0, bits + 1 - np.maximum(exponent, -125))
    scaled = x.astype(np.float64) * scale
    near = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5) if ties == "away" else np.rint(scaled)
    with np.errstate(over="ignore"):
        return np.asarray((near / scale).astype(np.float32))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_conversions_give_the_nearest_number(numbers: list[float]) -> None:
    v = np.array([*numbers, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8], "f4")
    tf32, bf16 = np.empty((2, v.size), np.uint32)
    run(CONVERT, 1, 1, v, tf32, bf16, np.int32(v.size))
    assert np.array_equal(tf32.view(np.float32), rounded(v, 10, "away"))
    assert np.array_equal((bf16 << 16).view(np.float32), rounded(v, 7, "even"))
    assert np.array_equal((bf16 & 0xFFFF0000).view(np.float32), rounded(-v, 7, "even"))


def test_nan_and_infinity_survive_a_conversion() -> None:
    v = np.array([np.nan, np.inf, -np.inf], np.float32)
    tf32, bf16 = np.empty((2, 3), np.uint32)
    run(CONVERT, 1, 1, v, tf32, bf16, np.int32(3))
    for found in (tf32, bf16 << 16):
        assert np.array_equal(found.astype(np.uint32).view(np.float32), v, equal_nan=True)


# --- tensor cores ------------------------------------------------------------------------------

FRAGMENTS = """
int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
A += threadIdx.x / 32 * 16 * K, B += threadIdx.x / 32 * K * 8, D += threadIdx.x / 32 * 128;
float d[4];
for (int i = 0; i < 4; i++) d[i] = D[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
"""
STORE = "for (int i = 0; i < 4; i++) D[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];"
TF32 = """
unsigned a[4], b[2];
for (int i = 0; i < 4; i++) a[i] = to_tf32(A[(g + i % 2 * 8) * K + t + i / 2 * 4]);
for (int i = 0; i < 2; i++) b[i] = to_tf32(B[(t + i * 4) * 8 + g]);
mma_m16n8k8_tf32(d, a, b);
"""
BF16 = """
unsigned a[4], b[2];
for (int i = 0; i < 4; i++) {
  const float* at = A + (g + i % 2 * 8) * K + 2 * t + i / 2 * 8;
  a[i] = to_bf16x2(at[0], at[1]);
}
for (int i = 0; i < 2; i++) {
  const float* at = B + (2 * t + i * 8) * 8 + g;
  b[i] = to_bf16x2(at[0], at[8]);
}
mma_m16n8k16_bf16(d, a, b);
"""
LDMATRIX = """
__shared__ __align__(16) unsigned halves[2][16 * 8], columns[2][16 * 4];  // bf16: A, and B by rows
unsigned* As = halves[threadIdx.x / 32]; unsigned* Bs = columns[threadIdx.x / 32];
for (int e = lane; e < 128; e += 32) As[e] = to_bf16x2(A[2 * e], A[2 * e + 1]);
for (int e = lane; e < 64; e += 32) Bs[e] = to_bf16x2(B[2 * e], B[2 * e + 1]);
__syncwarp();
unsigned a[4], b[4];
load_matrices(a, As + lane % 16 * 8 + lane / 16 * 4);
load_matrices<true>(b, Bs + lane % 16 * 4);
unsigned first[2] = {b[0], b[1]};
mma_m16n8k16_bf16(d, a, first);
"""
DEPTHS = {"tf32": 8, "bf16": 16, "ldmatrix": 16}
PRODUCTS = dict(
    zip(
        DEPTHS,
        kernels(
            [FRAGMENTS + body + STORE for body in (TF32, BF16, LDMATRIX)],
            "const float* A, const float* B, float* D, int K",
            ["ptx.cuh"],
        ),
        strict=True,
    )
)


@pytest.mark.parametrize("name", PRODUCTS)
@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from(sim.ORDERS), st.booleans())
def test_a_warp_multiplies(name: str, seed: int, order: str, watched: bool) -> None:
    """Of numbers that are exact in the narrow type, so that only sums are rounded."""
    simulated, K = PRODUCTS[name], DEPTHS[name]
    random = np.random.default_rng(seed)
    A = rounded(random.standard_normal((2, 16, K)).astype("f4"), 7, "even")
    B = rounded(random.standard_normal((2, K, 8)).astype("f4"), 7, "even")
    D = random.standard_normal((2, 16, 8)).astype("f4")
    before = D.astype(np.float64)
    with sim.simulation(order, seed=seed, watched=watched):
        run(simulated, 1, 64, A, B, D, np.int32(K))
    exact = before + A.astype(np.float64) @ B
    size = np.abs(before) + np.abs(A).astype(np.float64) @ np.abs(B)
    assert np.all(np.abs(D - exact) <= gamma(K + 1, np.float32) * size)


def test_tensor_cores_see_only_the_bits_of_tf32() -> None:
    simulated = kernel(
        "unsigned a[4] = {w, w, w, w}, b[2] = {0x3f800fff, 0x3f800fff};\n"
        "float d[4] = {};\nmma_m16n8k8_tf32(d, a, b);\nx[threadIdx.x] = d[0];",
        "float* x, unsigned w",
    )
    x = np.empty(32, np.float32)
    run(simulated, 1, 32, x, np.uint32(0x3F801FFF))
    assert np.all(x == 8)


@pytest.mark.parametrize(
    ("operation", "name"),
    [("mma_m16n8k8_tf32(d, a, b)", "mma"), ("load_matrices(a, tile)", "ldmatrix")],
)
def test_all_lanes_must_take_part(operation: str, name: str) -> None:
    simulated = kernel(
        "__shared__ __align__(16) unsigned tile[4];\nif (threadIdx.x == 40) return;\n"
        f"unsigned a[4] = {{}}, b[2] = {{}}; float d[4] = {{}};\n{operation};\nx[0] = d[0] + b[1];",
        "float* x",
    )
    words = re.escape(f"{name} at test.cu:4 needs all 32 lanes of warp 1, and lane 8 has ended")
    with pytest.raises(sim.SimulationError, match=words):
        run(simulated, 1, 64, np.zeros(1, np.float32))


def test_a_row_of_a_matrix_begins_at_a_multiple_of_16() -> None:
    simulated = kernel(
        "__shared__ __align__(16) unsigned tile[8];\nunsigned a[4];\nload_matrices(a, tile + 1);",
        "float* x",
    )
    with pytest.raises(sim.SimulationError, match=r"test.cu:3 an address that is no multiple of"):
        run(simulated, 1, 32, np.zeros(1, np.float32))
