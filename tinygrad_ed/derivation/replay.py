"""The tape once more, on NumPy's formulas, with fused nodes taken apart.

A layer with its activation is one node of the tape, because that is fast; in a derivation the
product and the activation are two steps. So the nodes are run again, a fused one by its composed
twin. The tape itself is read and left as it is.
"""

import warnings
from typing import Any

import numpy as np

from ..backends import get_backend
from ..errors import LogitsWarning
from ..ops.counted import Counted
from ..ops.linear import ACTIVATIONS, linear
from ..ops.registry import Op
from ..recording import state
from ..tape import Node, check_unchanged, recorded_nodes
from ..tensor import Tensor


def replayed(root: Tensor, parts: bool = False) -> tuple[Tensor, dict[int, Tensor]]:
    """The same results on device "numpy", recorded anew, and the twin of each tensor by its id.

    Args:
        root: The recorded tensor that all leads to.
        parts: Whether every fused op is taken apart, or only layers with an activation.

    Raises:
        TapeError: An operand was changed in place since.
    """
    twins: dict[int, Tensor] = {}

    def twin(source: Any) -> Any:
        if not isinstance(source, Tensor):
            return source
        if id(source) not in twins:
            array = np.array(source._backend.to_numpy(source._array))
            copied = Tensor(array, get_backend("numpy"), source.requires_grad)
            copied.name = source.name
            twins[id(source)] = copied
        return twins[id(source)]

    before, state.recording = state.recording, True
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", LogitsWarning)  # the network was warned about before
            for node in recorded_nodes(root)[::-1]:
                check_unchanged(node)
                again = _run(node, [twin(source) for source in node._sources], parts)
                again.name = node.name or again.name
                twins[id(node)] = again
    finally:
        state.recording = before
    return twins[id(root)], twins


def _run(node: Node, operands: list[Any], parts: bool) -> Tensor:
    """A node on the operands' twins: as it was, or in its parts."""
    op = node._op
    assert op is not None
    # A counted number goes on counting; here it is the number that it was.
    params: dict[str, Any] = {
        k: int(v) if isinstance(v, Counted) else v for k, v in node._params.items()
    }
    if op is linear and params["activation"] is not None and not parts:
        return _called(ACTIVATIONS[params["activation"]], [_called(linear, operands, {})], {})
    if parts and op.composed_form is not None:
        result: Tensor = op.composed_form(*operands, **params)
        return result
    return _called(op, operands, params)


def _called(op: Op, operands: list[Any], params: dict[str, Any]) -> Tensor:
    result: Tensor = op(*operands, **params)
    return result
