"""The benchmarks run, write what they promise, do the work the peers do, and name what they skip.

Tiny durations: what is tested is never a time.
"""

import gzip
import importlib.util
import math
import struct
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import module, numbers, run

import tinygrad_ed as tg


def test_training_steps_of_ours_and_a_peer_and_absent_peers_by_name(tmp_path: Path) -> None:
    options = ("--cases", "a,h", "--peers", "numpy,sklearn,keras", "--seconds", "0.01")
    found = numbers(tmp_path, "train_step", *options, absent=("sklearn", "keras"))
    rows = found["rows"]
    promised = {"case", "peer", "mode", "threads", "steps_per_s", "ours_over_this"}
    assert all(promised <= row.keys() for row in rows)
    assert all(row["steps_per_s"] > 0 and row["threads"] == 1 for row in rows)
    ways = {(row["peer"], row["mode"]) for row in rows if row["case"] == "h"}
    captured = {("tinygrad_ed", "captured"), ("tinygrad_ed", "epoch")}
    eager = {("tinygrad_ed", "eager"), ("tinygrad_ed", "eager-separate"), ("numpy", "by-hand")}
    skipped = {(one["peer"], one["why"]) for one in found["skipped"]}
    absent = {(name, f"{name} is not installed") for name in ("sklearn", "keras")}
    if hasattr(tg, "capture"):
        assert ways == captured | eager
        assert skipped == absent
        assert all(row["ours_over_this"] > 0 for row in rows)
    else:
        assert ways == eager
        assert skipped == absent | {("tinygrad_ed", "tg.capture is not there yet")}
    for case in ("a", "h"):  # the same network, weights, batches and rule
        losses = [row["loss_of_sixth_step"] for row in rows if row["case"] == case]
        assert np.ptp(losses) <= 1e-4 * max(losses)


@pytest.mark.parametrize("peer", ["torch:eager", "jax:jit", "jax:scan", "sklearn"])
def test_a_peer_does_the_same_work(tmp_path: Path, peer: str) -> None:
    if importlib.util.find_spec(peer.partition(":")[0]) is None:
        pytest.skip(f"{peer} is not installed")
    cases = "b,c" if peer == "sklearn" else "b,h"
    options = ("--cases", cases, "--peers", f"{peer},tinygrad_ed:eager", "--seconds", "0.01")
    found = numbers(tmp_path, "train_step", *options)
    assert found["skipped"] == []
    for case in cases.split(","):
        losses = [row["loss_of_sixth_step"] for row in found["rows"] if row["case"] == case]
        assert len(losses) == 2
        assert np.ptp(losses) <= 1e-4 * max(losses)


def test_products_against_the_peak(tmp_path: Path) -> None:
    found = numbers(
        tmp_path, "matmul", "--cases", "64x48x40", "--layouts", "NT", "--dtypes", "float32",
        "--peers", "numpy,torch,tinygrad_ed:tiled,tinygrad_ed:operator", "--seconds", "0.01",
        absent=("torch",),
    )  # fmt: skip
    promised = {"shape", "dtype", "layout", "rung", "gflops", "peak_share", "ours_over_this"}
    rows = {(row["peer"], row["rung"]): row for row in found["rows"]}
    assert all(promised <= row.keys() for row in rows.values())
    numpys = rows["numpy", "matmul"]
    assert (numpys["shape"], numpys["dtype"], numpys["layout"]) == ([64, 48, 40], "float32", "NT")
    assert numpys["peak_share"] == pytest.approx(
        numpys["gflops"] / rows["fma", "peak"]["gflops"], rel=1e-9
    )
    assert ("tinygrad_ed", "operator") in rows
    assert {"L1", "memory"} <= found["bandwidth"].keys()
    assert {"peer": "torch", "why": "torch is not installed"} in found["skipped"]


def test_elementwise_functions(tmp_path: Path) -> None:
    options = ("--cases", "chain", "--sizes", "L1", "--peers", "numpy", "--seconds", "0.01")
    found = numbers(tmp_path, "elementwise", *options)
    rows = {(row["peer"], row["mode"]): row for row in found["rows"]}
    assert {("tinygrad_ed", "eager"), ("numpy", "calls")} <= rows.keys()
    assert rows["numpy", "calls"]["numbers_per_s"] > 0


def write_digits(folder: Path) -> None:
    """Four hundred images that a network learns at once: one bright pixel says the class."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        labels = rng.integers(0, 10, 400).astype(np.uint8)
        images = rng.integers(0, 50, (400, 28, 28)).astype(np.uint8)
        images[np.arange(400), labels * 2] = 255
        for name, array in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))


def test_mnist_trains_and_scores(tmp_path: Path) -> None:
    write_digits(tmp_path / "mnist")
    options = ("--epochs", "3", "--peers", "torch")
    found = numbers(tmp_path, "mnist", *options, absent=("torch",), TINYGRAD_ED_DATA=str(tmp_path))
    rows = {row["mode"]: row for row in found["rows"]}
    assert "eager" in rows
    assert all(row["accuracy"] > 0.9 and row["epochs"] == 3 for row in rows.values())
    assert {"peer": "torch", "why": "torch is not installed"} in found["skipped"]


def test_mnist_without_its_data_says_so(tmp_path: Path) -> None:
    found = numbers(tmp_path, "mnist", "--peers", "tinygrad_ed:eager", TINYGRAD_ED_DATA="nowhere")
    assert found["rows"] == []
    assert "TINYGRAD_ED_DATA" in found["skipped"][0]["why"]


def test_start_up_and_peak_memory(tmp_path: Path) -> None:
    found = numbers(tmp_path, "startup", "--cases", "import,import-jax", absent=("jax",))
    (row,) = found["rows"]
    assert (row["case"], row["processes"]) == ("import", 1)
    assert row["median_ms"] > 0
    assert row["peak_mb"] > 0 or math.isnan(row["peak_mb"])
    assert found["skipped"] == [
        {"peer": "jax", "case": "import-jax", "why": "jax is not installed"}
    ]


@pytest.mark.parametrize(
    ("script", "option", "known"),
    [
        ("train_step", "--cases", "a, b, c, d, e, h"),
        ("train_step", "--peers", "torch:fused"),
        ("matmul", "--cases", "MxNxK"),
        ("elementwise", "--cases", "sigmoid"),
        ("startup", "--cases", "captured-cold"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(
    script: str, option: str, known: str
) -> None:
    done = run(script, option, "unheard-of")
    assert done.returncode != 0
    assert "unheard-of" in done.stderr
    assert known in done.stderr.replace("M x N x K", "MxNxK")


def test_a_plot_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "roof.png"
    options = ("--cases", "8", "--dtypes", "float64", "--peers", "numpy,tinygrad_ed:operator")
    numbers(tmp_path, "matmul", *options, "--seconds", "0.01", "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_worker_that_fails_or_dies_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = module("harness", monkeypatch)
    worker = harness.Worker("train_step", "unheard_of", "eager", 1, [])
    try:
        assert "peers_unheard_of" in worker.ask(prepare="a")["error"]
        worker.process.kill()
        worker.process.wait()
        assert "died" in worker.ask(prepare="a")["error"]
    finally:
        worker.close()


def test_a_ratio_is_taken_within_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = module("harness", monkeypatch)
    ours = harness.Series("c", "tinygrad_ed", "captured", [10.0, 30.0, 80.0])
    peer = harness.Series("c", "torch", "eager", [1.0, 10.0, 20.0])
    found = harness.Measured([ours, peer], [])
    ratio = found.ratio("c", ("tinygrad_ed", "captured"), peer)
    assert ratio == {"median": 4.0, "min": 3.0, "max": 10.0}
    assert found.ratio("d", ("tinygrad_ed", "captured"), peer) is None


def test_a_section_of_the_results_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = module("results", monkeypatch)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    results.record("one", "First", ["| old |"])
    results.record("two", "Second", ["| other |"])
    results.record("one", "First", ["| new |"])
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| old |" not in text
    assert text.index("| new |") < text.index("| other |")
    assert text.count("<!-- one -->") == 1
