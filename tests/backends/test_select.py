"""Choosing a device: no silent fall-back, and an error that names cause and fix."""

import sys
from typing import Any

import pytest
from cuda import stand_in
from cuda.stand_in_cuda import CUDARuntimeError

import tinygrad_ed as tg
from tinygrad_ed.backends import explain_auto, get_backend
from tinygrad_ed.backends.cuda import CudaBackend, why_unusable


def fake_cupy(devices: int | Exception) -> Any:
    """A CuPy that imports, and then finds this many devices or fails."""

    def get_device_count() -> int:
        if isinstance(devices, Exception):
            raise devices
        return devices

    return stand_in.cupy(getDeviceCount=get_device_count)


@pytest.mark.parametrize(
    ("cupy", "words"),
    [
        (None, ["CuPy is not installed", "tinygrad_ed[cuda12]"]),
        (fake_cupy(CUDARuntimeError("no driver")), ["driver", "no driver", "nvidia-smi"]),
        (fake_cupy(0), ["no CUDA device"]),
    ],
)
def test_cuda_without_a_gpu_names_cause_and_fix(
    cupy: Any, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if cupy is None:  # None in sys.modules makes the import fail, but without a name
        monkeypatch.setitem(sys.modules, "cupy", None)
    else:
        monkeypatch.setitem(sys.modules, "cupy", cupy)
    with pytest.raises(tg.DeviceError) as caught:
        CudaBackend()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert explain_auto()[0] == "cpu" and why_unusable() in explain_auto()[1]


def test_auto_says_cuda_where_there_is_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", fake_cupy(1))
    assert explain_auto() == ("cuda", "a CUDA device is usable")


def test_a_back_end_is_one_object_per_name() -> None:
    assert get_backend("numpy") is get_backend("numpy")
    assert tg.tensor([1.0])._backend is get_backend("numpy")


def test_an_unknown_device_lists_the_known_ones() -> None:
    with pytest.raises(tg.DeviceError, match=r"'tpu'.*numpy.*cpu.*cuda.*auto"):
        get_backend("tpu")


def test_the_device_belongs_to_the_tensor() -> None:
    pytest.importorskip("numba")
    here, there = tg.tensor([1.0]), tg.tensor([1.0], device="cpu")
    assert (here * 2).device == "numpy" and (2 * there).device == "cpu"
    assert "numpy" in repr(here) and "cpu" in repr(there)
