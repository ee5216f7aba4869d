"""The documents' formulas and examples are computed on every device, by the tests as they stand."""

from typing import Any

import pytest
from devices import DEVICES

import tinygrad_ed as tg

NUMBERS = ("test_examples", "test_formulas", "test_formulas_of_losses")
"""The files whose tests compute with tensors."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in NUMBERS:
        metafunc.parametrize("on_device", DEVICES, indirect=True)


@pytest.fixture(autouse=True)
def on_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors that name no device are made on this one."""
    real, device = tg.tensor, getattr(request, "param", "numpy")

    def tensor(*args: Any, **how: Any) -> tg.Tensor:
        return real(*args, **{"device": device, **how})

    monkeypatch.setattr(tg, "tensor", tensor)
