"""What a user hands to an optimiser, checked: tensors, or groups of tensors."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import DTypeError
from ..tensor import Tensor
from .flat import describe


def split_groups(who: str, params: object) -> list[dict[str, Any]]:
    """Turn the ``params`` argument into a list of group dicts.

    Args:
        who: The optimiser, for messages.
        params: Tensors, or groups ``{"params": [...], "lr": ...}``.

    Raises:
        TypeError: If it is a single tensor, a dict, or a mixture of tensors and groups.
        ValueError: If it is empty.
    """
    if isinstance(params, Tensor):
        raise TypeError(f"{who}: params must be a list of tensors, got one tensor: pass [tensor].")
    if isinstance(params, Mapping):
        fix = "[group], a list of groups" if "params" in params else "list(params.values())"
        raise TypeError(f"{who}: params must be a list, got a dict: pass {fix}.")
    entries = _listed(who, "params", params)
    if not any(isinstance(entry, Mapping) for entry in entries):
        return [{"params": entries}]
    for position, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise TypeError(
                f"{who}: params mixes groups (dicts) with other things: entry {position} is of "
                f"type {type(entry).__name__}. Put it into a group, {{'params': [...]}}."
            )
        if "params" not in entry:
            raise TypeError(
                f"{who}: group {position} has no 'params', only {sorted(map(str, entry))}. "
                "Write {'params': [...], ...}."
            )
    return [dict(entry) for entry in entries]


def check_parameters(who: str, params: object) -> list[Tensor]:
    """Return the parameters, each once; whatever an optimiser cannot train is refused.

    Args:
        who: The optimiser, for messages.
        params: A list of tensors (or one tensor, as in a group).

    Raises:
        TypeError: If an entry is not a tensor.
        DTypeError: If a tensor does not hold real floating-point numbers.
        ValueError: If there is none, or one is the result of an operation.
    """
    entries = [params] if isinstance(params, Tensor) else _listed(who, "params", params)
    unique: dict[int, Tensor] = {}
    for position, p in enumerate(entries):
        if not isinstance(p, Tensor):
            fix = "Pass tensors, for example list(model.parameters())."
            if isinstance(p, tuple) and len(p) == 2 and isinstance(p[1], Tensor):
                fix = "These are (name, tensor) pairs: pass model.parameters(), without the names."
            raise TypeError(
                f"{who}: parameter number {position} is of type {type(p).__name__}, not a tensor. "
                + fix
            )
        name = describe(p, position)
        if p._array.dtype.kind != "f":
            raise DTypeError(
                f"{who}: {name} is of dtype {p._array.dtype}, and only real floating-point numbers "
                "can follow a gradient. Make it a float32 or float64 tensor."
            )
        if not p.is_leaf:
            raise ValueError(
                f"{who}: {name} of shape {p.shape} is the result of an operation, not a leaf: a "
                "step would change a value that every forward pass computes anew. Pass the tensor "
                "that it was computed from."
            )
        unique[id(p)] = p
    return list(unique.values())


def _listed(who: str, what: str, values: object) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(
            f"{who}: {what} must be a list of tensors, got {values!r} of type "
            f"{type(values).__name__}. Pass for example model.parameters()."
        )
    listed = list(values)
    if not listed:
        raise ValueError(
            f"{who}: {what} is empty: there is nothing to train. A model without layers has no "
            "parameters, and a generator can be read only once: pass model.parameters() afresh."
        )
    return listed
