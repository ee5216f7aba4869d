"""The parts of GPU benchmarks that a GPU runs, against stand-ins: cuBLAS, events, nvidia-smi."""

import argparse
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import benchmark_stand_in
import numpy as np
import pytest
from benchmark_runs import module
from cuda.on_sim import needs_compiler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_cublas_is_asked_for_this_product(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    peer, workloads = module("cublas", monkeypatch), module("workloads", monkeypatch)
    M, N, K = (data.draw(st.integers(1, 9)) for _ in range(3))
    mode = data.draw(st.sampled_from(list(peer.MODES)))
    dtype = "float64" if mode == "float64" else "float32"
    assert mode in peer.modes_of(dtype)
    p = workloads.Product(M, N, K, dtype, data.draw(st.sampled_from(["NN", "NT", "TN", "TT"])))
    gpu = benchmark_stand_in.cupy()
    arrays = [gpu.asarray(x) for x in (*p.operands(), np.full((M, N), np.nan, dtype))]
    peer.product(gpu, p, *arrays, mode)()
    assert gpu.cuda.cublas.modes == [mode]
    A, B = p.factors(*arrays[:2])
    np.testing.assert_allclose(arrays[2], A @ B, rtol=1e-5, atol=1e-5)


def test_the_gpu_is_held_until_all_calls_are_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    timing, gpu = module("gpu_timing", monkeypatch), benchmark_stand_in.cupy()
    seconds = timing.EventClock(gpu).seconds(lambda: time.sleep(1e-3), 5)
    assert gpu.holds[0] == 200_000 and gpu.holds[-1] > 5_000_000
    assert 5e-3 <= seconds < 1


@needs_compiler
def test_products_on_a_gpu_stand_beside_cublas_and_the_peaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = benchmark_stand_in.cupy()
    monkeypatch.setitem(sys.modules, "cupy", gpu)
    products, peak = module("matmul_cuda", monkeypatch), module("gpu_peak", monkeypatch)
    monkeypatch.setattr(peak, "THREADS", 32)
    monkeypatch.setattr(peak, "BLOCKS_PER_PROCESSOR", 1)
    monkeypatch.setattr(peak, "memory", functools.partial(peak.memory, size=1 << 12))
    arguments = argparse.Namespace(
        device="cuda", smoke=True, tf32=False, peers=None, rounds=2, seconds=1e-4, threads=1,
        json=tmp_path / "numbers.json", plot=tmp_path / "roof.png", record=False,
    )  # fmt: skip
    products.run(arguments, None)
    found = json.loads(arguments.json.read_text(encoding="utf-8"))
    assert found["skipped"] == []
    assert found["peak"].keys() == {"float32", "float64", "tf32", "bf16"}
    rows = {(r["case"], r["peer"], r["rung"]): r for r in found["rows"]}
    for mode in ("float32", "tf32", "bf16"):
        assert rows["33x20x17:float32:TN", "cublas", mode]["of_peer"] == 1
    for (_, _, rung), row in rows.items():
        assert row["beside"] == {"tf32": "tf32", "bf16": "bf16"}.get(rung, row["dtype"])
        assert row["peak_share"] > 0
    # the stand-in computes all modes in float32, and our rungs sum in another order
    assert all(r["error_ratio"] == 1 for r in rows.values() if r["dtype"] == "float32"
               and r["peer"] == "cublas")  # fmt: skip
    assert set(gpu.cuda.cublas.modes) == {"float32", "tf32", "bf16", "float64"}
    assert arguments.plot.read_bytes().startswith(b"\x89PNG")


def test_kernels_of_the_benchmarks_compile_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="NVRTC's bindings are not installed")
    timing, peak = module("gpu_timing", monkeypatch), module("gpu_peak", monkeypatch)
    for text, names in ((timing.HOLD, ()), (peak.TEXT, tuple(peak.NAMES.values()))):
        _, program = nvrtc.nvrtcCreateProgram(text.encode(), b"text.cu", 0, [], [])
        for name in names:
            nvrtc.nvrtcAddNameExpression(program, name.encode())
        options = [b"--std=c++17", b"--fmad=false", b"--gpu-architecture=compute_90"]
        (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, text
        ptx = b" " * nvrtc.nvrtcGetPTXSize(program)[1]
        nvrtc.nvrtcGetPTX(program, ptx)
        wanted = [b"fma.rn.f32", b"fma.rn.f64"] if names else [b"%globaltimer"]
        assert all(instruction in ptx for instruction in wanted) and b"st.local" not in ptx


def test_contenders_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    timing = module("gpu_timing", monkeypatch)
    order: list[str] = []

    class Clock:
        def seconds(self, call: Any, calls: int) -> float:
            call()
            return {"a": 0.4, "b": 0.1}[order[-1]] * calls

    contenders = {name: lambda name=name: order.append(name) for name in "ab"}
    found = timing.in_turn(contenders, Clock(), rounds=3, seconds=0.25)
    assert found == {"a": [0.4] * 3, "b": pytest.approx([0.1] * 3)}
    assert order[-6:] == ["a", "b"] * 3


@needs_compiler
def test_the_peak_is_measured_by_a_kernel_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinygrad_ed.kernels.cuda import SimulatedMachine

    peak, timing = module("gpu_peak", monkeypatch), module("gpu_timing", monkeypatch)
    monkeypatch.setattr(peak, "THREADS", 32)
    clock = timing.WallClock()
    found = peak.multiply_adds(SimulatedMachine(), np, clock, processors=1, steps=4)
    assert found.keys() == {"float32", "float64"} and min(found.values()) > 0
    assert peak.memory(np, clock, 1 << 12) > 0
    h100 = peak.tensor_cores(peak.Chip("90", 132, 1.83e9))
    assert h100["tf32"] == pytest.approx(495e12, rel=0.01)  # its data sheet
    assert peak.tensor_cores(peak.Chip("75", 40, 1.6e9)) == {}


def test_clocks_are_read_while_the_gpu_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = module("gpu_facts", monkeypatch)
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "*utilization*) printf '0, 345, 3201, 70.1, 30\\n98, 1980, 3201, 500.5, 50\\n"
        "97, 1900, 3201, [N/A], 52\\n'; exec sleep 20 ;;\n"
        "*) echo 'NVIDIA H200, 580.1, 1980' ;;\nesac\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with facts.Clocks() as clocks:
        time.sleep(0.3)
    found = {**facts.gpu(), **clocks.found()}
    assert found["SM clock in MHz"] == "1940 (1900-1980)"
    assert found["power in W"] == "500.5 (500.5-500.5)"
    assert facts.in_words(found).startswith("NVIDIA H200, driver 580.1, greatest SM clock in MHz")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with facts.Clocks() as clocks:
        pass
    assert facts.gpu() == clocks.found() == {} and facts.in_words({}) == ""


def test_a_graph_of_pytorch_begins_with_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    peer = module("peers_torch", monkeypatch)
    recording: list[bool] = []

    class Quiet:
        def __init__(self, *of: Any) -> None:
            pass

        def __enter__(self) -> None:
            recording.append(True)

        def __exit__(self, *error: object) -> None:
            recording.pop()

        def wait_stream(self, other: Any) -> None:
            pass

        def replay(self) -> None:
            replays.append(seen[-1].clone())

    replays: list[Any] = []
    seen: list[Any] = []
    for name in ("Stream", "stream", "CUDAGraph", "graph"):
        monkeypatch.setattr(torch.cuda, name, Quiet)
    monkeypatch.setattr(torch.cuda, "current_stream", Quiet)
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters(), capturable=False)
    first = [p.detach().clone() for p in model.parameters()]

    def train(X: Any, y: Any) -> Any:
        seen.append(X)
        loss = ((model(X) - y) ** 2).mean()
        if len(seen) <= 3:  # the fourth call is recorded, not executed
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach()

    X, y = torch.ones(2, 3), torch.zeros(2, 1)
    one = peer.graphed(train, model, optimizer, X, y)
    assert len(seen) == 4 and all(p.grad is None for p in model.parameters())
    for p, value in zip(model.parameters(), first, strict=True):
        assert torch.equal(p, value)
    for state in optimizer.state.values():
        assert all(not value.any() for value in state.values())
    one(3 * X, y)
    assert torch.equal(replays[0], 3 * X) and torch.equal(X, torch.ones(2, 3))


def test_each_process_is_told_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    place = module("place", monkeypatch)
    exact, rounded = place.environment("cuda"), place.environment("cuda", tf32=True)
    assert exact["NVIDIA_TF32_OVERRIDE"] == "0" and "NVIDIA_TF32_OVERRIDE" not in rounded
    assert exact["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert set(place.environment("cpu")) == {f"TINYGRAD_ED_BENCH_{k}" for k in
                                             ("DEVICE", "TF32", "SMOKE")}  # fmt: skip
