"""Every op's two functions stay on the device that they are given, and give the same bits there."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.draw import Call
from ops.helpers import each_op, examples, is_float
from strict_arrays import StrictArray, StrictBackend

import tinygrad_ed as tg
from tinygrad_ed.ops import registry


def moved(value: Any, backend: Any) -> Any:
    """An index with its arrays on the device."""
    if isinstance(value, tuple):
        return tuple(moved(part, backend) for part in value)
    return backend.asarray(value) if isinstance(value, np.ndarray) else value


def run(name: str, drawn: Call, backend: Any, order: int) -> list[np.ndarray[Any, Any]]:
    """Value and gradients of one op on a device, as NumPy arrays."""
    operands, params = drawn
    tensors = [
        tg.Tensor(backend.asarray(a), backend, is_float(a)) if a is not None else None
        for a in operands
    ]
    y = registry[name](*tensors, **{k: moved(v, backend) for k, v in params.items()})
    wanted = [t for t in tensors if t is not None and t.requires_grad]
    weights = tg.Tensor(backend.asarray(np.cos(np.arange(y.size)).reshape(y.shape)), backend)
    first = tg.grad((y * y * weights).sum(), wanted, create_graph=order == 2)
    results = [y, *first]
    if order == 2:
        total = sum((g * g).sum() for g in first)
        results += tg.grad(total, [t for t in wanted])
    return [t.numpy() for t in results]


@pytest.mark.parametrize("order", [1, 2])
@each_op
@examples(10)
@given(data=st.data())
def test_every_op_runs_on_strict_arrays_with_the_same_bits(
    name: str, order: int, data: st.DataObject
) -> None:
    drawn = data.draw(CASES[name].smooth)
    here = run(name, drawn, tg.tensor([0.0])._backend, order)
    there = run(name, drawn, StrictBackend(), order)
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
