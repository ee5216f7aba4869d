"""An op used by the engine: its gradient by the tape, and the gradient's own gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backends import get_backend
from ..errors import TapeError
from ..gradients import grad
from ..ops.registry import Op
from ..tensor import Tensor


def by_the_tape(op: Op, seed: Any, operands: Sequence[Any], params: dict[str, Any]) -> Any:
    """dL/d(operand) of every floating operand, for this upstream gradient."""
    y, leaves = _recorded(op, operands, params)
    return tuple(g.numpy() for g in grad(y, leaves, seed))


def twice(op: Op, seed: Any, operands: Sequence[Any], params: dict[str, Any]) -> Any:
    """The gradients' own gradients: for each of them a weighted sum, by each operand."""
    y, leaves = _recorded(op, operands, params)
    found = []
    for k, g in enumerate(grad(y, leaves, seed, create_graph=True)):
        weights = np.linspace(1.0, 2.0 + k, g.size).reshape(g.shape)
        for leaf in leaves:
            try:
                found.append(grad(g, leaf, weights, create_graph=False).numpy())
            except TapeError:  # linear in this operand
                found.append(np.zeros(leaf.shape))
    return tuple(found)


def _recorded(
    op: Op, operands: Sequence[Any], params: dict[str, Any]
) -> tuple[Tensor, list[Tensor]]:
    backend = get_backend("numpy")
    inputs = [
        Tensor(x, backend, x.dtype.kind == "f") if isinstance(x, np.ndarray) else x
        for x in operands
    ]
    leaves = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    return op(*inputs, **params), leaves
