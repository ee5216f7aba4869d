"""What GPU benchmarks write down: sections that wait for a GPU, goals, the validation's steps."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmark_runs import BENCHMARKS, module

SCRIPT = BENCHMARKS / "gpu_validate.sh"


def validate(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(SCRIPT), *options],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_results_have_every_section_that_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    results, goals = module("results", monkeypatch), module("gpu_goals", monkeypatch)
    for mark in (*results.ON_A_GPU, goals.MARK, module("gpu_validation", monkeypatch).MARK):
        assert results.known(mark), f"python benchmarks/results.py (or its own) adds {mark}"


def test_what_was_measured_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = module("results", monkeypatch)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setenv("TINYGRAD_ED_BENCH_COMMIT", "abc1234")
    results.record("matmul", "Products", ["| measured |"], ("cuda",), "NVIDIA H200")
    results.promise()
    text = results.RESULTS.read_text(encoding="utf-8")
    assert "| measured |" in text and text.count(results.NOT_YET) == len(results.ON_A_GPU) - 1
    assert re.search(r"`benchmarks/matmul.py`, [-0-9]+, NVIDIA H200; .*; commit abc1234\.", text)
    results.record("train_step", "Steps", ["| a |"], ("cuda", "tf32"))
    results.record("train_step", "Steps", ["| b |"], ("cuda",))
    text = results.RESULTS.read_text(encoding="utf-8")
    assert text.count("<!-- train_step, cuda -->") == 1 and "| a |" in text and "| b |" in text
    assert text.count(results.NOT_YET) == len(results.ON_A_GPU) - 3


def test_goals_are_reached_missed_or_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    goals = module("gpu_goals", monkeypatch)
    assert all("not measured yet" in line for line in goals.table({})[2:])

    def product(rung: str, **found: float) -> dict[str, Any]:
        return {"case": goals.AT, "peer": "tinygrad_ed", "rung": rung, **found}

    def step(case: str, peer: str, mode: str, rate: float, ours: float) -> dict[str, Any]:
        row = {"case": case, "peer": peer, "mode": mode, "steps_per_s": rate}
        return {**row, "ours_over_this": ours}

    files = {
        "matmul": {"rows": [
            product(goals.TOP, of_peer=0.92, error=2e-4),
            product("tf32x3", of_peer=2.0, error=5e-4),
        ]},
        "train_step": {"rows": [
            step("c", "tinygrad_ed", "captured", 100_000, 1.0),
            step("c", "torch", "eager", 2_000, 50.0),
            step("e", "tinygrad_ed", "captured-on-tf32x3", 300, 0.5),
            step("e", "torch", "eager", 100, 2.0),
            step("e", "torch", "graph", 200, 1.0),
        ]},
    }  # fmt: skip
    ends = [line.split("|")[4:6] for line in goals.table(files)[2:]]
    assert [(a.strip(), b.strip()) for a, b in ends] == [
        ("0.92", "must"), ("2", "must and stretch"), ("2.5", "missed"),
        ("10", "must"), ("50", "must and stretch"),
        *[("not measured yet", "")] * 3,
        ("1.5", "missed"),
    ]  # fmt: skip


def test_a_dry_run_lists_steps_that_fit_in_25_minutes() -> None:
    done = validate("--dry-run")
    assert done.returncode == 0, done.stderr
    steps = [line.split()[:2] for line in done.stdout.splitlines()]
    assert {"kernels", "memcheck", "racecheck", "matmul", "train_step"} <= {n for n, _ in steps}
    assert sum(int(limit) for _, limit in steps) <= 25 * 60
    some = validate("--dry-run", "--steps", "goals,doctor").stdout.splitlines()
    assert [line.split()[0] for line in some] == ["doctor", "goals"]
    unknown = validate("--dry-run", "--steps", "goals,unheard-of")
    assert unknown.returncode == 2 and "unheard-of" in unknown.stderr and "matmul" in unknown.stderr


def test_tests_and_scripts_that_steps_name_are_there() -> None:
    root = BENCHMARKS.parent
    named = re.findall(r"(?:tests|benchmarks)/[\w/.]+", validate("--dry-run").stdout)
    assert len(named) > 10
    assert [name for name in named if not (root / name).exists()] == []


def test_a_failed_step_stops_no_other(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    fails = 'case "$*" in *matmul.py*) echo lost; exit 3;; esac'
    script = f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n{fails}\n'
    python.write_text(script, encoding="utf-8")
    python.chmod(0o755)
    steps = ("--steps", "memcheck,matmul,goals", "--out", str(tmp_path))
    done = validate(*steps, PATH="/usr/bin:/bin")
    assert done.returncode == 1 and "lost" in done.stdout
    lines = [line.split("\t") for line in (tmp_path / "steps.tsv").read_text().splitlines()]
    assert [line[:2] for line in lines] == [
        ["memcheck", "skipped: compute-sanitizer is not there"],
        ["matmul", "failed (3)"],
        ["goals", "passed"],
    ]
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[-1].startswith("benchmarks/gpu_validation.py")


def test_steps_of_another_run_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validation, results = (module(name, monkeypatch) for name in ("gpu_validation", "results"))
    monkeypatch.setattr(results, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(validation, "FILE", tmp_path / "gpu_validation.json")
    (tmp_path / "kernels.log").write_text("…\n12 passed\n\n", encoding="utf-8")
    for commit, line in (
        ("first", "kernels\tfailed (1)\t20\tpytest"),
        ("second", "matmul\tpassed\t60\tpython"),
        ("third", "kernels\tpassed\t30\tpytest"),
    ):
        monkeypatch.setenv("TINYGRAD_ED_BENCH_COMMIT", commit)
        steps = tmp_path / "steps.tsv"
        steps.write_text(line + "\n", encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["gpu_validation.py", str(steps), str(tmp_path)])
        validation.main()
    found = json.loads(validation.FILE.read_text(encoding="utf-8"))["steps"]
    assert [(one["step"], one["outcome"], one["commit"]) for one in found] == [
        ("kernels", "passed", "third"), ("matmul", "passed", "second"),
    ]  # fmt: skip
    assert found[0]["last_line"] == "12 passed"
    text = results.RESULTS.read_text(encoding="utf-8")
    assert "| kernels | passed | 30 |" in text and "failed" not in text


def test_under_the_sanitizer_few_examples_are_drawn(tmp_path: Path) -> None:
    test = tmp_path / "test_drawn.py"
    test.write_text(
        "from hypothesis import given, settings, strategies as st\n"
        "drawn = []\n"
        "@settings(max_examples=50, database=None)\n"
        "@given(st.integers())\n"
        "def test_many(n):\n"
        "    drawn.append(n)\n"
        "def test_there_were_few():\n"
        "    assert 1 <= len(drawn) <= 3\n",
        encoding="utf-8",
    )
    program = "import pytest, sanitized; pytest.main(['-q'], plugins=[sanitized.FewExamples()])"
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert "2 passed" in done.stdout, done.stdout + done.stderr
