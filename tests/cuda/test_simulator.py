"""CUDA on the CPU: what kernels may do gives the right numbers, what they must not is reported."""

import threading

import numpy as np
import pytest
from cuda.on_sim import kernel, needs_compiler, run
from cuda.small_kernels import kernels
from tinygrad_ed.kernels import sim
from tinygrad_ed.kernels.sim import building

pytestmark = needs_compiler
each_order = pytest.mark.parametrize("order", sim.ORDERS)


@each_order
def test_every_thread_of_a_grid_runs_once(order: str) -> None:
    simulated = kernel(
        "int t = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);\n"
        "int all = blockDim.x * blockDim.y * blockDim.z;\n"
        "atomicAdd(&seen[blockIdx.x * all + t], 1 + int(gridDim.x));",
        "int* seen",
    )
    seen = np.zeros(5 * 24, np.int32)
    with sim.simulation(order, seed=3, watched=True):
        run(simulated, 5, (2, 3, 4), seen)
    assert np.all(seen == 6)


@each_order
def test_lanes_exchange_values(order: str) -> None:
    simulated = kernel(
        "int t = threadIdx.x;\n"
        "x[t] = __shfl_down_sync(~0u, v[t], 3);\n"
        "x[64 + t] = __shfl_up_sync(~0u, v[t], 2, 8);\n"
        "x[128 + t] = __shfl_xor_sync(~0u, v[t], 5);\n"
        "x[192 + t] = __shfl_sync(~0u, v[t], 7, 16);\n"
        "x[256 + t] = __ballot_sync(~0u, t % 3 == 0);\n"
        "x[320 + t] = 2 * __any_sync(~0u, t == 40) + __all_sync(~0u, t < 32);",
        "const double* v, double* x",
    )
    v, x = np.arange(64.0), np.empty((6, 2, 32))
    with sim.simulation(order, seed=1):
        run(simulated, 1, 64, v, x)
    lane = np.arange(32)
    values = v.reshape(2, 32)
    assert np.array_equal(x[0], values[:, np.where(lane + 3 < 32, lane + 3, lane)])
    assert np.array_equal(x[1], values[:, np.where(lane % 8 >= 2, lane - 2, lane)])
    assert np.array_equal(x[2], values[:, lane ^ 5])
    assert np.array_equal(x[3], values[:, lane // 16 * 16 + 7])
    votes = [sum(1 << t % 32 for t in range(w * 32, w * 32 + 32) if t % 3 == 0) for w in (0, 1)]
    assert np.array_equal(x[4], np.repeat(votes, 32).reshape(2, 32))
    assert np.array_equal(x[5], np.repeat([1, 2], 32).reshape(2, 32))


@each_order
def test_parts_of_a_warp_and_lanes_that_have_ended(order: str) -> None:
    simulated = kernel(
        "int t = threadIdx.x;\n"
        "if (t >= 24) return;\n"
        "unsigned mask = t < 8 ? 0xffu : 0xffffff00u;\n"
        "float s = float(t);\n"
        "for (int d = 4; d > 0; d /= 2) s += __shfl_xor_sync(mask, s, d);\n"
        "if (t % 8 == 0) x[t / 8] = s;",
        "float* x",
    )
    x = np.empty(3, np.float32)
    with sim.simulation(order, seed=5):
        run(simulated, 1, 32, x)
    assert x.tolist() == [28, 92, 156]


@pytest.mark.parametrize("watched", [False, True])
@each_order
def test_a_block_adds_up_its_numbers_in_shared_memory(order: str, watched: bool) -> None:
    simulated = kernel(
        "DYNAMIC_SHARED(float, part);\n"
        "int t = threadIdx.x;\n"
        "part[t] = v[blockIdx.x * blockDim.x + t];\n"
        "__syncthreads();\n"
        "for (int n = blockDim.x / 2; n > 0; n /= 2) {\n"
        "  if (t < n) part[t] += part[t + n];\n"
        "  __syncthreads();\n"
        "}\n"
        "if (t == 0) atomicAdd(total, part[0]);",
        "const float* v, float* total",
    )
    v, total = np.arange(512, dtype=np.float32), np.zeros(1, np.float32)
    with sim.simulation(order, watched=watched):
        run(simulated, 4, 128, v, total, shared=4 * 128)
    assert total[0] == v.sum()


def test_shared_memory_begins_as_nan_in_every_block() -> None:
    simulated = kernel(
        "__shared__ float s[2];\nx[blockIdx.x] = s[0];\n__syncthreads();\ns[0] = 1;", "float* x"
    )
    x = np.zeros(3, np.float32)
    run(simulated, 3, 1, x)
    assert np.isnan(x).all()


@each_order
def test_vectors_and_arithmetic(order: str) -> None:
    simulated = kernel(
        "float4 v = reinterpret_cast<const float4*>(a)[threadIdx.x];\n"
        "float4 w = make_float4(min(v.x, v.y), max(v.z, v.w), fma(v.x, v.y, v.z), rsqrtf(v.w));\n"
        "reinterpret_cast<float4*>(b)[threadIdx.x] = w;",
        "const float* a, float* b",
    )
    a = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
    b = np.empty_like(a)
    with sim.simulation(order, watched=True):
        run(simulated, 1, 4, a, b)
    x, y, z, w = a.T
    assert np.allclose(b, np.stack([x, w, x * y + z, w**-0.5], 1))


LOST = [
    (
        "if (threadIdx.x < 16) return;\n__syncthreads();",
        r"block \(0,0,0\): divergent barrier: thread \(16,0,0\) and 15 more wait at test.cu:2, "
        r"but thread \(0,0,0\) and 15 more have ended",
    ),
    (
        "if (threadIdx.x < 16)\n__syncthreads();\nelse\n__syncthreads();",
        r"divergent barrier: thread \(0,0,0\) waits at test.cu:2 and thread \(16,0,0\) at "
        r"test.cu:4",
    ),
    (
        "if (threadIdx.x == 3)\n__syncwarp();\nelse\n__syncthreads();",
        r"deadlock: thread \(3,0,0\) and 0 more wait in a warp operation at test.cu:2 for "
        r"lanes of the mask ffffffff",
    ),
    (
        "__shfl_sync(0xfffffffeu, 1, 0);",
        r"thread \(0,0,0\) is lane 0, and the mask fffffffe of its own warp operation at "
        r"test.cu:1",
    ),
    (
        "if (threadIdx.x % 2)\n__syncwarp();\nelse\n__ballot_sync(~0u, 1);",
        r"lanes 0 and 1 of warp 0 meet in different warp operations: test.cu:4 and test.cu:2",
    ),
]
LOST_KERNELS = kernels([body for body, _ in LOST], "float* x")


@pytest.mark.parametrize("which", range(len(LOST)))
def test_threads_that_do_not_meet_are_reported(which: int) -> None:
    for order in sim.ORDERS:
        with sim.simulation(order), pytest.raises(sim.SimulationError) as caught:
            run(LOST_KERNELS[which], 1, 32, np.zeros(1, np.float32))
        assert str(caught.value).startswith(f"test{which}, block (0,0,0): ")
        if order == "forward":
            assert caught.match(LOST[which][1])


WILD = [
    ("x[threadIdx.x] = 1;", r"out of bounds: thread \(8,0,0\) writes 4 bytes at byte 32 of "),
    ("x[threadIdx.x % 8] = v[-1];", r"thread \(0,0,0\) reads 4 bytes at byte -4 of array 0"),
    (
        "const_cast<float*>(v)[threadIdx.x % 8] = 1;",
        "array 0 of the launch, which is read-only",
    ),
    (
        "reinterpret_cast<float4*>(x + 1)[0] = make_float4(0, 0, 0, 0);",
        "writes 16 bytes at an address that is no multiple of 16",
    ),
    (
        "__shared__ float s[32];\ns[threadIdx.x] = 1;\nx[0] = s[threadIdx.x ^ 1];",
        r"race: thread \([01],0,0\) (reads|writes) a word of shared memory that thread "
        r"\([01],0,0\) (wrote|read), with no barrier between them",
    ),
    (
        "__shared__ float s[1];\nfloat y = s[0];\nif (threadIdx.x == 7) s[0] = y;",
        r"race: thread \(7,0,0\) writes a word of shared memory that thread \(\d+,0,0\) read",
    ),
]
WILD_KERNELS = kernels([body for body, _ in WILD], "const float* v, float* x")


@pytest.mark.parametrize("which", range(len(WILD)))
def test_accesses_that_a_gpu_forbids_are_reported(which: int) -> None:
    body, words = WILD[which]
    v = np.zeros(8, np.float32)
    v.flags.writeable = False
    memory = np.zeros(16, np.float32)
    x = memory[-memory.ctypes.data // 4 % 4 :][:8]  # begins at a multiple of 16 bytes
    with pytest.raises(sim.SimulationError, match=words), sim.simulation(watched=True):
        run(WILD_KERNELS[which], 1, 32, v, x)
    assert not x.any() or "race" in words or "threadIdx.x] = 1" in body


def test_a_warp_that_synchronises_itself_does_not_race() -> None:
    simulated = kernel(
        "__shared__ float s[32];\ns[threadIdx.x] = threadIdx.x;\n__syncwarp();\n"
        "x[threadIdx.x] = s[threadIdx.x ^ 1];",
        "float* x",
    )
    x = np.empty(32, np.float32)
    with sim.simulation(watched=True):
        run(simulated, 1, 32, x)
    assert np.array_equal(x, np.arange(32) ^ 1)


def test_neighbouring_bytes_of_shared_memory_do_not_race() -> None:
    body = (
        "__shared__ bool s[33];\nint t = threadIdx.x; s[t] = true;\n{} = true;\n"
        "__syncthreads();\nx[t] = s[t ^ 1];"
    )
    x = np.zeros(32, np.float32)
    with sim.simulation(watched=True):
        run(kernel(body.format("s[t]"), "float* x"), 1, 32, x)
        with pytest.raises(sim.SimulationError, match=r"race.*at test.cu:[23] and test.cu:[23]"):
            run(kernel(body.format("s[t + 1]"), "float* x"), 1, 32, x)


def test_a_product_and_a_sum_are_rounded_once_only_by_fma() -> None:
    simulated = kernel("x[0] = fma(a, a, c);\nx[1] = a * a + c;", "float* x, float a, float c")
    x = np.zeros(2, np.float32)
    run(simulated, 1, 1, x, np.float32(1 + 2.0**-12), np.float32(-1 - 2.0**-11))
    assert x.tolist() == [2.0**-24, 0]


def test_sizes_of_blocks_and_grids_are_checked() -> None:
    simulated = kernel("", "float* x")
    x = np.zeros(1, np.float32)
    for grid, block, words in ((1, 1025, "1 to 1024 threads"), (0, 1, "1 to 2147483647")):
        with pytest.raises(sim.SimulationError, match=words):
            run(simulated, grid, block, x)
    run(simulated, 1, 1024, x)


def test_after_an_error_the_next_launch_is_right() -> None:
    simulated = kernel(
        "__shared__ int s;\nif (threadIdx.x == 0) s = n;\nif (n < 0 && threadIdx.x) return;\n"
        "__syncthreads();\nx[threadIdx.x] = s;",
        "int* x, int n",
    )
    x = np.zeros(40, np.int32)
    for n in (5, -1, 6):
        if n < 0:
            with pytest.raises(sim.SimulationError, match="divergent"):
                run(simulated, 1, 40, x, np.int32(n))
        else:
            run(simulated, 1, 40, x, np.int32(n))
            assert np.all(x == n)


def test_threads_of_python_simulate_side_by_side() -> None:
    simulated = kernel(
        "__shared__ int s[64];\ns[threadIdx.x] = n + threadIdx.x;\n__syncthreads();\n"
        "x[blockIdx.x * 64 + threadIdx.x] = s[63 - threadIdx.x];",
        "int* x, int n",
    )
    wrong: list[int] = []

    def many(n: int) -> None:
        for again in range(20):
            x = np.zeros((16, 64), np.int32)
            with sim.simulation(sim.ORDERS[again % 3], seed=again):
                run(simulated, 16, 64, x, np.int32(1000 * n))
            if not np.array_equal(x, np.tile(1000 * n + 63 - np.arange(64), (16, 1))):
                wrong.append(n)

    threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_fibers_on_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch that needs no assembly."""
    monkeypatch.setattr(building, "FLAGS", (*building.FLAGS, "-DSIM_PORTABLE"))
    test_a_block_adds_up_its_numbers_in_shared_memory("shuffled", False)


def test_an_order_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="'backwards'; one of forward, reverse, shuffled"):
        sim.simulation("backwards").__enter__()
