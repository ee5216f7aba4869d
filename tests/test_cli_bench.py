"""`tinygrad-ed bench`: what is measured is kept, shown, and survives whatever befell the file."""

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from tinygrad_ed.kernels.cpu import cache

from tinygrad_ed import cli, machine
from tinygrad_ed.machine import Level, Machine

KNOWN = Machine(
    "a test",
    1,
    {"float32": 2.5e11, "float64": 1.25e11},
    (Level("L1", 2**15, 4e11), Level("memory", None, 2e10)),
    "2025-01-31",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder of this test; it is not there yet."""
    base = tmp_path / "cache"
    monkeypatch.setattr(cache, "folder", lambda: base / "kernels of these sources")
    return base


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures as always, for no longer than one run of each loop."""
    measure = machine.calibrate
    monkeypatch.setattr(
        machine, "calibrate", lambda threads, progress: measure(threads, 0.0, progress)
    )


def test_calibrating_measures_prints_and_keeps(
    folder: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", "--calibrate"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""  # progress is for terminals
    found = machine.stored()
    assert found is not None
    assert found.peak.keys() == {"float32", "float64"}
    assert [level.name for level in found.levels][-1] == "memory"
    for rate in (*found.peak.values(), *(level.bandwidth for level in found.levels)):
        assert math.isfinite(rate) and rate > 0
    for name in ("float32", "float64", "memory", found.processor, str(machine.place())):
        assert name in printed.out
    assert [path.name for path in folder.iterdir()] == [machine.place().name]


def test_what_is_kept_is_shown_for_every_number_of_threads(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.store(replace(KNOWN, threads=2)) == machine.store(KNOWN) == machine.place()
    assert machine.every_stored() == [KNOWN, replace(KNOWN, threads=2)]
    assert machine.stored(2) == replace(KNOWN, threads=2)
    assert machine.stored(3) is None
    assert cli.main(["bench"]) == 0
    printed = capsys.readouterr().out
    assert "a test, 1 thread, measured 2025-01-31" in printed
    assert "a test, 2 threads" in printed
    assert "250.0 GFLOP/s" in printed
    assert "20.0 GB/s" in printed


def test_without_a_measurement_it_says_how_to_take_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench"]) == 0
    printed = capsys.readouterr().out
    assert "tinygrad-ed bench --calibrate" in printed
    assert "benchmarks/" in printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "\x00\xff",
        '{"format": 1}',
        '{"format": 1, "threads": []}',
        '{"format": 1, "threads": {"1": []}}',
        '{"format": 1, "threads": {"1": {"levels": [{}]}}}',
        json.dumps({"format": 2, "threads": {"1": asdict(KNOWN)}}),
        json.dumps({"format": 1, "threads": {"1": {**asdict(KNOWN), "levels": []}}}),
        json.dumps({"format": 1, "threads": {"1": {**asdict(KNOWN), "peak": {"float32": 0}}}}),
        json.dumps({"format": 1, "threads": {"1": {**asdict(KNOWN), "peak": {}}}}),
    ],
)
def test_a_damaged_file_counts_as_none_and_is_replaced(folder: Path, text: str) -> None:
    folder.mkdir()
    machine.place().write_bytes(text.encode("latin-1"))
    assert machine.stored() is None
    assert machine.every_stored() == []
    assert machine.store(KNOWN) is not None
    assert machine.stored() == KNOWN


def test_a_folder_that_cannot_be_written_is_survived(
    folder: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("a file where the folder should be")
    assert machine.stored() is None
    assert cli.main(["bench", "--calibrate"]) == 0
    printed = capsys.readouterr().out
    assert "float32 multiply-adds" in printed
    assert "TINYGRAD_ED_CACHE" in printed


def test_without_a_home_nothing_is_kept_and_nothing_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "folder", homeless)
    assert machine.stored() is None
    assert machine.every_stored() == []
    assert machine.store(KNOWN) is None


def test_a_write_that_fails_leaves_the_old_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.store(KNOWN)

    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    assert machine.store(replace(KNOWN, processor="another")) is None
    assert machine.stored() == KNOWN
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("threads", ["0", "-1", "two", "1e3", "99999", ""])
def test_a_number_of_threads_that_is_none_exits_2(
    threads: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", "--calibrate", f"--threads={threads}"]) == 2
    assert "--threads" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["bench", "--calibrate"], ["asm", "matmul"]], ids=" ".join)
def test_without_numba_the_fix_is_named(command: list[str]) -> None:
    program = f"""
import sys
sys.modules["llvmlite"] = sys.modules["numba"] = None
from tinygrad_ed import cli, machine
assert machine.stored() is None
assert cli.main(["bench"]) == 0
sys.exit(cli.main({command!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "pip install numba" in done.stderr
    assert "Traceback" not in done.stderr
