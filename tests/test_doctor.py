"""`tinygrad-ed doctor`: every finding has its row, and everything missing has its fix."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_ed import DeviceError, doctor, doctor_probes
from tinygrad_ed.doctor_probes import Row

NAMES = [
    "tinygrad_ed",
    "Python",
    "NumPy",
    "BLAS",
    "CPU",
    "SIMD",
    "Numba",
    "threads",
    "kernel cache",
    "CuPy",
    "NVIDIA driver",
    "CUDA runtime",
    "NVRTC",
    "GPU",
    "CUDA kernel",
    "C++ compiler",
    "device numpy",
    "device cpu",
    "device cuda",
    "device cuda-sim",
    "device auto",
    "rich",
    "matplotlib",
    "hypothesis",
]


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in packages:
            monkeypatch.delitem(sys.modules, name)
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


def test_every_row_is_there_once_and_in_order() -> None:
    assert [row.name for row in doctor.examine()] == NAMES


def test_every_missing_row_says_how_to_mend_it_and_no_other_row_does() -> None:
    for row in doctor.examine():
        assert row.found
        assert bool(row.fix) == (not row.ok), row


def test_what_the_engine_needs_is_here() -> None:
    needed = {row.name: row.ok for row in doctor.examine() if row.needed}
    assert needed == dict.fromkeys(["tinygrad_ed", "Python", "NumPy", "device numpy"], True)


def test_numpy_row_gives_the_version_that_runs() -> None:
    assert doctor_probes.version_of_numpy().found == np.__version__


def test_simd_width_is_a_width() -> None:
    assert doctor_probes.simd_width().found.split()[0] in {"128", "256", "512"}


def test_without_numba_its_rows_are_missing_and_the_rest_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, "numba", "llvmlite")
    rows = {row.name: row for row in doctor.examine()}
    assert not rows["Numba"].ok
    assert "pip install --upgrade numba" in rows["Numba"].fix
    assert (rows["threads"].ok, rows["threads"].fix) == (False, "see Numba")
    assert (rows["kernel cache"].ok, rows["kernel cache"].fix) == (False, "see Numba")
    assert rows["NumPy"].ok
    assert rows["SIMD"].ok
    assert "LLVM" not in rows["SIMD"].found


def test_an_unwritable_cache_is_named_with_the_variable_that_moves_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import cache

    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(cache, "folder", lambda: Path(tmp_path / "file" / "cache"))
    row = doctor_probes.kernel_cache()
    assert not row.ok
    assert str(tmp_path) in row.found
    assert "TINYGRAD_ED_CACHE" in row.fix


def test_looking_for_the_cache_makes_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import cache

    monkeypatch.setattr(cache, "folder", lambda: Path(tmp_path / "deep" / "kernels"))
    assert doctor_probes.kernel_cache().ok
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["~/.cache/kernels", "kernels"])
def test_a_cache_without_a_full_path_is_missing(
    folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import cache

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "folder", lambda: Path(folder))
    row = doctor_probes.kernel_cache()
    assert (row.ok, folder in row.found) == (False, True)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_whose_nearest_parent_is_read_only_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import cache

    monkeypatch.setattr(cache, "folder", lambda: Path(tmp_path / "deep" / "kernels"))
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)  # as for a guest
    assert not doctor_probes.kernel_cache().ok


def test_auto_is_missing_where_the_device_it_means_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unusable(name: str) -> Any:
        raise DeviceError(f"device {name!r} needs Numba")

    monkeypatch.setattr(doctor_probes, "explain_auto", lambda: ("cpu", "no usable CUDA device"))
    assert doctor_probes.device_auto().ok or not doctor_probes.version_of_numba().ok
    monkeypatch.setattr(doctor_probes, "get_backend", unusable)
    row = doctor_probes.device_auto()
    assert (row.ok, row.found) == (False, "cpu: device 'cpu' needs Numba")
    assert row.fix == "see Numba, or choose --device numpy"


def test_a_named_cache_folder_is_the_one_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import cache

    monkeypatch.setattr(cache, "folder", lambda: Path(tmp_path / "kernels"))
    assert doctor_probes.kernel_cache() == Row("kernel cache", str(tmp_path / "kernels"))


def test_a_number_of_threads_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    from tinygrad_ed.backends import threads

    def junk() -> int:
        raise ValueError("TINYGRAD_ED_THREADS='many' is no number")

    assert doctor_probes.threads().found.startswith(str(threads.get_threads()))
    monkeypatch.setattr(threads, "get_threads", junk)
    row = doctor_probes.threads()
    assert (row.ok, "'many'" in row.found, "TINYGRAD_ED_THREADS" in row.fix) == (False, True, True)


def test_a_package_that_is_not_there_names_its_extra() -> None:
    row = doctor_probes.package("no_such_package_of_ours", "tinygrad_ed[viz]", "--plot")
    assert (row.found, row.ok) == ("not installed", False)
    assert row.fix == "pip install 'tinygrad_ed[viz]' (for --plot)"


def test_table_puts_the_fix_under_its_row() -> None:
    rows = [
        Row("NumPy", "2.0"),
        Row("CuPy", "none", False, "install it"),
        Row("x", "y", needed=True),
    ]
    lines = doctor.table(rows).splitlines()
    assert [line.split() for line in lines] == [
        ["NumPy", "ok", "2.0"],
        ["CuPy", "missing", "(optional)", "none"],
        ["fix:", "install", "it"],
        ["x", "ok", "y"],
    ]
