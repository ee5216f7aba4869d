"""Every op of the rule book works inside a captured step, forward and backward, on new inputs."""

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from captured.twins import assert_same_bits
from devices import each_device, there
from hypothesis import given
from ops.cases import CASES
from ops.helpers import examples, is_float, plain

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend


def others(operands: list[Any], k: int) -> list[Any]:
    """Other operands of the same shapes and types, with the same labels and conditions."""
    factor = np.array([1.0, 0.75, 0.875, 0.5, 1.0])[k]
    return [np.asarray(a * a.dtype.type(factor)) if is_float(a) else a for a in operands]


@each_device
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
@examples(4)
@given(data=st.data())
def test_an_op_in_a_captured_step_is_the_op(name: str, dtype: str, device: str, data: Any) -> None:
    op, backend = tg.registry[name], get_backend(device)
    operands, params = data.draw(CASES[name].smooth)
    operands = [a.astype(dtype) if is_float(a) else a for a in plain(operands)]
    places = [k for k, a in enumerate(operands) if isinstance(a, np.ndarray)]

    def step(*arrays: Any) -> Any:
        everything = list(operands)
        for k, array in zip(places, arrays, strict=True):
            everything[k] = array
            if array.dtype.kind == "f":
                array.requires_grad = True
        y = op(*everything, **params)
        leaves = [a for a in arrays if a.requires_grad]
        if not y.requires_grad:
            return y, []
        weights = np.linspace(0.5, 1.5, max(1, y.size)).astype(y.dtype)[: y.size]
        loss = (y * tg.tensor(weights.reshape(y.shape), device=device)).sum()
        loss.backward()
        return y.detach(), [a.grad for a in leaves]

    captured = tg.capture(step, device=device)
    for k in range(5):
        arrays = [a for a in others(operands, k) if isinstance(a, np.ndarray)]
        expected = step(*(tg.Tensor(backend.asarray(a), backend) for a in arrays))
        given = [tg.Tensor(there(a, backend), backend) for a in arrays]
        assert_same_bits(expected, captured(*given))
    assert captured.program is not None
