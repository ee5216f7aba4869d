"""Why device "cuda" cannot be used, what ran out of memory, what does not compile; and the fix."""

import sys
from typing import Any

import numpy as np
import pytest
from cuda import stand_in, stand_in_arrays
from cuda.on_sim import needs_compiler
from cuda.stand_in import IS_REAL, cuda_device
from cuda.stand_in_cuda import CUDARuntimeError
from tinygrad_ed.kernels.sim import BuildError

import tinygrad_ed as tg
from tinygrad_ed import cli
from tinygrad_ed.backends import get_backend
from tinygrad_ed.backends.cuda import CudaBackend, why_unusable
from tinygrad_ed.backends.select import explain_auto

__all__ = ["cuda_device"]
pytestmark = pytest.mark.skipif(IS_REAL, reason="a machine with a GPU is as it is")


def insufficient() -> int:
    raise CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")


def broken() -> int:
    raise CUDARuntimeError("cudaErrorSystemDriverMismatch: system has unsupported\n display driver")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"getDeviceCount": lambda: 0}, ["no CUDA device"]),
        (
            {"getDeviceCount": insufficient, "driverGetVersion": lambda: 0},
            ["no NVIDIA driver", "nvidia-smi"],
        ),
        (
            {
                "getDeviceCount": insufficient,
                "driverGetVersion": lambda: 12040,
                "runtimeGetVersion": lambda: 13000,
            },
            ["built for CUDA 13.0", "up to 12.4", "tinygrad_ed[cuda12]", "newer driver"],
        ),
        (
            {"getDeviceCount": insufficient, "driverGetVersion": lambda: 11080},
            ["built for CUDA 12.9", "up to 11.8", "; install a newer driver"],
        ),
        ({"getDeviceCount": broken}, ["does not answer", "Mismatch", "nvidia-smi"]),
    ],
)
def test_a_machine_without_a_gpu_that_works(
    changes: dict[str, Any], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", stand_in.cupy(**changes))
    cause = why_unusable()
    assert cause is not None and "\n" not in cause
    for word in words:
        assert word in cause
    with pytest.raises(tg.DeviceError, match=r"^device 'cuda' cannot be used: .*--device cpu$"):
        CudaBackend()
    assert explain_auto()[0] == "cpu"


class Import:
    """A module whose import fails in some way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name == "cupy":
            raise self.error
        return None


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ImportError("No module named 'cupy'", name="cupy"), "CuPy is not installed"),
        (ImportError("libcuda.so.1: cannot open\nshared object"), "does not import (libcuda.so.1"),
    ],
)
def test_cupy_that_is_not_there_or_does_not_import(
    error: Exception, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Import(error), *sys.meta_path])
    cause = why_unusable()
    assert cause is not None and word in cause and "cuda12" in cause and "\n" not in cause


def test_without_nvrtc_the_fix_is_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    module = stand_in.cupy()

    def missing() -> Any:
        raise RuntimeError('Failure finding "libnvrtc.so.13 or libnvrtc.so.12"')

    module.cuda.nvrtc.getVersion = missing
    monkeypatch.setitem(sys.modules, "cupy", module)
    cause = why_unusable()
    assert cause is not None and "NVRTC" in cause and "libnvrtc" in cause and "reinstall" in cause


def test_the_command_line_ends_with_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", stand_in.cupy(getDeviceCount=lambda: 0))
    assert cli.main(["train", "--device", "cuda"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and "no CUDA device" in lines[0] and "--device cpu" in lines[0]


@needs_compiler
@pytest.mark.usefixtures("cuda_device")
class TestOutOfMemory:
    """What wanted how much, what the pool holds, and what to do."""

    @pytest.fixture(autouse=True)
    def little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.X = tg.tensor(np.ones((64, 64)), device="cuda", requires_grad=True)
        self.X.sum().item()  # the scratch memory is there
        monkeypatch.setattr(stand_in_arrays.POOL, "limit", stand_in_arrays.POOL.used + 3 * 2**15)

    def says(self, error: Any, *words: str) -> None:
        text = str(error.value)
        common = ["allocating 32,768 bytes", "pool holds", "free_all_blocks", "smaller batches"]
        for word in (*words, *common):
            assert word in text

    def test_forward(self) -> None:
        kept = []
        with pytest.raises(MemoryError) as error:
            for _ in range(12):
                kept.append(self.X @ self.X)
        self.says(error, "matmul of (64, 64) float64, (64, 64) float64")

    def test_by_formula(self) -> None:
        kept = []
        with pytest.raises(MemoryError) as error:
            for _ in range(12):
                kept.append(np.transpose(self.X).reshape(2, 2048))
        self.says(error, "reshape of (64, 64) float64")

    def test_backward(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loss = (tg.tanh(self.X) * self.X).sum()
        monkeypatch.setattr(stand_in_arrays.POOL, "limit", stand_in_arrays.POOL.used + 2**15)
        with pytest.raises(MemoryError) as error:
            loss.backward()
        self.says(error, "sum backward, of () float64")

    def test_a_tensor(self) -> None:
        kept = []
        with pytest.raises(MemoryError) as error:
            for _ in range(12):
                kept.append(tg.zeros((64, 64), dtype="float64", device="cuda"))
        self.says(error, "a tensor of shape (64, 64)")


@pytest.mark.usefixtures("cuda_device")
def test_a_kernel_that_does_not_compile_shows_the_first_errors() -> None:
    backend: Any = get_backend("cuda")
    machine = backend.environment.library.get("product_naive", "float32").library.machine
    with pytest.raises(BuildError, match=r"NVRTC .* kernel odd: kernel.cu\(3\): error: no such"):
        machine.kernel("#error no", ("odd",), "odd")
