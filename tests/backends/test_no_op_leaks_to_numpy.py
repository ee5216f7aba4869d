"""Every op's two functions stay on the device that they are given, and give the same bits there."""

from typing import Any

import numpy as np
import pytest
from op_samples import SAMPLES, test_every_op_has_a_sample  # noqa: F401 (runs here too)
from strict_arrays import StrictArray, StrictBackend

import tinygrad_ed as tg
from tinygrad_ed.ops import registry


def run(name: str, backend: Any, order: int) -> list[np.ndarray[Any, Any]]:
    """Value and gradients of one op on a device, as NumPy arrays."""
    operands, params = SAMPLES[name]()
    tensors = [
        tg.Tensor(backend.asarray(a), backend, requires_grad=a.dtype.kind == "f") for a in operands
    ]
    y = registry[name](*tensors, **params)
    wanted = [t for t in tensors if t.requires_grad]
    weights = tg.Tensor(backend.asarray(np.cos(np.arange(y.size)).reshape(y.shape)), backend)
    first = tg.grad((y * y * weights).sum(), wanted, create_graph=order == 2)
    results = [y, *first]
    if order == 2:
        total = sum((g * g).sum() for g in first)
        results += tg.grad(total, [t for t in wanted])
    return [t.numpy() for t in results]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", registry)
def test_every_op_runs_on_strict_arrays_with_the_same_bits(name: str, order: int) -> None:
    here = run(name, tg.tensor([0.0])._backend, order)
    there = run(name, StrictBackend(), order)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_stand_in_notices_a_leak() -> None:
    @tg.op
    def leaky(x):  # type: ignore[no-untyped-def]
        return x * np.arange(3.0)

    @leaky.vjp
    def _(dy, y, x):  # type: ignore[no-untyped-def]
        return dy

    device = StrictBackend()
    with pytest.raises(TypeError, match="leak"):
        leaky(tg.Tensor(device.asarray(np.ones(3)), device, True))
    with pytest.raises(TypeError, match="leak"):
        np.asarray(StrictArray(np.ones(2)))
