"""`tinygrad-ed doctor` about the CUDA devices: with a GPU, without one, and half-way."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from cuda import stand_in
from cuda.on_sim import needs_compiler

from tinygrad_ed import doctor, doctor_cuda, doctor_probes
from tinygrad_ed.backends import select
from tinygrad_ed.doctor_probes import Row

OF_CUDA = ["CuPy", "NVIDIA driver", "CUDA runtime", "NVRTC", "GPU", "CUDA kernel", "device cuda"]
pytestmark = pytest.mark.skipif(stand_in.IS_REAL, reason="a machine with a GPU is as it is")


def pretend(monkeypatch: pytest.MonkeyPatch, **runtime: Any) -> Any:
    """A machine with CuPy and the driver that fits, changed."""
    module = stand_in.cupy(**runtime)
    monkeypatch.setitem(sys.modules, "cupy", module)
    others = {name: made for name, made in select._made.items() if name not in ("cuda", "auto")}
    monkeypatch.setattr(select, "_made", others)
    monkeypatch.setattr(doctor_cuda, "_cuda_version", lambda: (13, 0))
    return module


def rows() -> dict[str, Row]:
    return {row.name: row for row in doctor.examine()}


@needs_compiler
def test_with_a_gpu_every_row_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    found = rows()
    assert [found[name].ok for name in OF_CUDA] == [True] * len(OF_CUDA)
    assert found["CuPy"].found == "14.2.0"
    assert found["NVIDIA driver"].found == "for CUDA up to 13.0"
    assert found["CUDA runtime"].found == found["NVRTC"].found == "12.9"
    assert found["GPU"].found == (
        "Stand-in GPU, compute capability 9.0, 130.0 GiB free of 140.0 GiB"
    )
    assert "is right" in found["CUDA kernel"].found
    assert found["device auto"].found.startswith("cuda")


@needs_compiler
def test_a_kernel_with_wrong_numbers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pretend(monkeypatch)

    class Idle(module.RawModule):  # type: ignore[misc, name-defined]
        def get_function(self, name: str) -> Any:
            found = super().get_function(name)
            launch = SimpleNamespace(max_dynamic_shared_size_bytes=found.most)
            return type("Kernel", (), {**vars(launch), "__call__": lambda *a, **k: None})()

    monkeypatch.setattr(module, "RawModule", Idle)
    row = rows()["CUDA kernel"]
    assert not row.ok and "of 1353 wrong numbers" in row.found


def test_a_kernel_that_fails_is_a_row_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pretend(monkeypatch)

    def fail(**_: Any) -> Any:
        raise RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS:\n an illegal memory access")

    monkeypatch.setattr(module, "RawModule", fail)
    row = rows()["CUDA kernel"]
    assert (row.ok, row.found) == (False, "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access")


def test_without_cupy_the_fix_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    row = doctor_cuda.version_of_cupy()
    assert not row.ok
    assert "pip install 'tinygrad_ed[cuda1" in row.fix
    row = doctor_probes.device("cuda")
    assert row.found == "CuPy is not installed"
    assert "pip install 'tinygrad_ed[cuda12]'" in row.fix
    for name in ("CUDA runtime", "NVRTC"):
        assert rows()[name].fix == "see CuPy"


def test_the_extra_follows_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    for driver, extra in [((13, 0), "cuda13"), ((12, 8), "cuda12"), (None, "cuda12")]:
        monkeypatch.setattr(doctor_cuda, "_cuda_version", lambda driver=driver: driver)
        assert f"[{extra}]" in doctor_cuda.version_of_cupy().fix


def test_driver_row_names_the_newest_cuda_that_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_cuda, "_cuda_version", lambda: (13, 1))
    assert doctor_cuda.driver() == Row("NVIDIA driver", "for CUDA up to 13.1")


def test_an_old_driver_is_named_with_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, driverGetVersion=lambda: 12040, runtimeGetVersion=lambda: 13000)
    row = rows()["CUDA runtime"]
    assert (row.ok, row.found) == (False, "13.0, but the driver runs up to 12.4")
    assert "newer driver" in row.fix


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    row = doctor_cuda.compiler()
    assert not row.ok and "no-such-compiler" in row.found and "apt-get install g++" in row.fix


def test_no_device_behind_cupy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, getDeviceCount=lambda: 0)
    found = rows()
    assert "no CUDA device" in found["device cuda"].found
    assert found["device cuda"].fix == "choose --device cpu"
    assert (found["GPU"].ok, found["GPU"].fix) == (False, "see device cuda")
    assert not found["CUDA kernel"].ok
