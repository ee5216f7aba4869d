"""What the property tests of the ops share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from devices import there
from hypothesis import HealthCheck, settings
from ops.cases import CASES
from ops.draw import Call, Fixed

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend

each_op = pytest.mark.parametrize("name", CASES)


def examples(n: int) -> Any:
    """So many examples of each property."""
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(max_examples=n, deadline=None, suppress_health_check=quiet)


def is_float(operand: Any) -> bool:
    """Whether an operand carries a gradient: not labels, not a condition, not a Fixed one."""
    return isinstance(operand, np.ndarray) and operand.dtype.kind == "f"


def plain(operands: Sequence[Any]) -> list[Any]:
    """The operands as arrays."""
    return [x.array if isinstance(x, Fixed) else x for x in operands]


def tensors(
    operands: Sequence[Any], device: str = "numpy", dtype: Any = None, wanted: Any = None
) -> list[Any]:
    """The operands as tensors in their own memory layout; floats (or the wanted one) with grad."""
    backend = get_backend(device)
    made = []
    for k, x in enumerate(operands):
        requires = is_float(x) and wanted in (None, k)
        array = x.array if isinstance(x, Fixed) else x
        if isinstance(array, np.ndarray):
            kind = dtype if array.dtype.kind == "f" else None
            array = array.astype(kind, copy=False) if kind else array
            array = tg.Tensor(there(array, backend), backend, requires)
        made.append(array)
    return made


def gradients(y: Any, operands: Sequence[Any], **options: Any) -> list[Any]:
    """dL/d(operand) for every operand that carries a gradient, with an uneven upstream one."""
    leaves = [x for x in operands if isinstance(x, tg.Tensor) and x.requires_grad]
    seed = np.linspace(0.5, 1.5, y.size).reshape(y.shape).astype(y.dtype)
    return [g.numpy() for g in tg.grad(y, leaves, seed, **options)] if leaves else []


def run(name: str, drawn: Call, **how: Any) -> tuple[Any, list[Any]]:
    """An op's value and gradients as arrays."""
    operands, params = drawn
    inputs = tensors(operands, **how)
    y = tg.registry[name](*inputs, **params)
    return y.numpy(), gradients(y, inputs)
