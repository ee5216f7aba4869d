"""The GPU benchmarks without a GPU, on the simulator."""

import math
from pathlib import Path
from typing import Any

import pytest
from benchmark_runs import module, numbers, run
from cuda.on_sim import needs_compiler
from tinygrad_ed.kernels.cuda import RUNGS, TOP

SMOKE = ("--device", "cuda-sim", "--smoke", "--seconds", "0.001")


@needs_compiler
def test_products_of_every_rung_beside_a_peer(tmp_path: Path) -> None:
    picture = tmp_path / "roof.png"
    found = numbers(tmp_path, "matmul", *SMOKE, "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert found["skipped"] == []
    rows = {(row["case"], row["rung"]): row for row in found["rows"]}
    for layout in ("NN", "NT", "TN"):
        case = f"33x20x17:float32:{layout}"
        assert {rung for key, rung in rows if key == case} == {*RUNGS, "matmul"}
        assert rows[case, "matmul"]["error_ratio"] == 1
        assert rows[case, "matmul"]["of_peer"] == 1
        assert 0.1 < rows[case, TOP]["error_ratio"] < 10
    rounding = {"tf32", "tf32x3", "bf16"}
    doubles = {rung for key, rung in rows if ":float64:" in key}
    assert doubles == {*RUNGS, "matmul"} - rounding


@needs_compiler
def test_training_steps_are_those_of_the_cpu(tmp_path: Path) -> None:
    sides = []
    for options in (SMOKE, ("--device", "cpu", "--smoke", "--seconds", "0.001")):
        peers = ("--peers", "tinygrad_ed:captured,tinygrad_ed:epoch,tinygrad_ed:eager")
        found = numbers(tmp_path, "train_step", *options, "--cases", "b,h", *peers)
        assert found["skipped"] == []
        sides.append({(r["case"], r["mode"]): r["loss_of_sixth_step"] for r in found["rows"]})
    assert sides[0].keys() == sides[1].keys() and len(sides[0]) == 6
    for key, loss in sides[0].items():
        assert math.isclose(loss, sides[1][key], rel_tol=1e-5)


@needs_compiler
def test_where_a_gpu_would_overtake(tmp_path: Path) -> None:
    picture = tmp_path / "crossover.png"
    options = (*SMOKE, "--cases", "matmul,cross-entropy,c", "--plot", str(picture))
    found = numbers(tmp_path, "crossover", *options)
    assert found["skipped"] == []
    assert [(r["case"], r["size"]) for r in found["rows"]] == [
        ("matmul", 8), ("matmul", 16), ("cross-entropy", 256), ("cross-entropy", 512),
        ("c", 4), ("c", 8),
    ]  # fmt: skip
    assert all(row["cpu_s"] > 0 and row["gpu_s"] > 0 for row in found["rows"])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_it_overtakes_where_it_stays_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    crossover = module("crossover", monkeypatch)

    def rows(*faster: float) -> list[dict[str, Any]]:
        return [{"case": "c", "size": 2**k, "faster": {"median": f}} for k, f in enumerate(faster)]

    assert crossover.overtakes(rows(0.5, 2.0, 0.9, 1.1, 3.0)) == 8
    assert crossover.overtakes(rows(2.0, 3.0)) == 1
    assert crossover.overtakes(rows(2.0, 0.3)) is None


@pytest.mark.parametrize("script", ["matmul", "train_step", "crossover"])
def test_without_a_gpu_one_line_says_why(script: str) -> None:
    done = run(script, "--device", "cuda", absent=("cupy",))
    assert done.returncode == 2
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert "CuPy is not installed" in done.stderr and "cuda12" in done.stderr
    done = run(script, *SMOKE, "--record")
    assert done.returncode == 2 and "--record" in done.stderr


@needs_compiler
def test_a_mode_may_name_a_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    harness, place = module("harness", monkeypatch), module("place", monkeypatch)
    where = place.environment("cuda-sim", smoke=True)
    for mode, asked in (("captured-on-naive", "loss"), ("captured-on-nothing", "error")):
        worker = harness.Worker("train_step", "tinygrad_ed", mode, 1, [], where)
        try:
            reply = worker.ask(prepare="b")
        finally:
            worker.close()
        assert asked in reply, reply
    assert "no rung 'nothing'" in reply["error"]
