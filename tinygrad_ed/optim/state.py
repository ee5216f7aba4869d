"""An optimiser's state as plain data: numbers and NumPy arrays, to be saved and brought back."""

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from .flat import describe
from .group import ParameterGroup


def dump_state(who: str, groups: Sequence[ParameterGroup]) -> dict[str, Any]:
    """Return copies of everything but the parameters themselves.

    Returns:
        ``{"algorithm": ..., "param_groups": [{"lr": ..., "params": [0, 1]}], "state": [{}, {}]}``.
        ``params`` are positions in ``state``, which has one entry per parameter: its step counter
        ``t`` and its memory slots, or nothing if it never took a step.
    """
    state = [_dump_one(group, p) for group in groups for p in group.params]
    saved, position = [], 0
    for group in groups:
        here = list(range(position, position + len(group.params)))
        saved.append({**group.hypers, "params": here})
        position += len(here)
    return {"algorithm": who, "param_groups": saved, "state": state}


def _dump_one(group: ParameterGroup, parameter: Tensor) -> dict[str, Any]:
    place = group.place(parameter)
    if place is None or place[0].t[place[1]] == 0:
        return {}
    block, i = place
    to_numpy = parameter._backend.to_numpy
    return {"t": int(block.t[i]), **{k: np.array(to_numpy(block.slot(k, i))) for k in block.state}}


def load_state(who: str, groups: Sequence[ParameterGroup], saved: object) -> None:
    """Bring a state back that ``dump_state`` made. All of it is checked before anything changes.

    Args:
        who: The optimiser, for messages.
        groups: Its groups.
        saved: The state.

    Raises:
        TypeError: If it is not such a dict, or was made by another algorithm.
        ValueError: If it does not fit the optimiser's groups and parameters.
    """
    where = f"{who}.load_state_dict"
    if not isinstance(saved, Mapping) or not {"algorithm", "param_groups", "state"} <= set(saved):
        raise TypeError(
            f"{where}: expected a dict with 'algorithm', 'param_groups' and 'state', got "
            f"{sorted(map(str, saved)) if isinstance(saved, Mapping) else type(saved).__name__}. "
            "Pass what state_dict() returned."
        )
    if saved["algorithm"] != who:
        raise TypeError(
            f"{where}: this state was made by {saved['algorithm']}, whose memory means something "
            f"else. Make a {saved['algorithm']} optimiser to load it."
        )
    for key in ("param_groups", "state"):
        rows = saved[key]
        if not isinstance(rows, list | tuple) or not all(isinstance(r, Mapping) for r in rows):
            raise TypeError(f"{where}: {key!r} must be a list of dicts, got {reprlib.repr(rows)}.")
    sizes = [len(group.params) for group in groups]
    theirs = [len(group.get("params", ())) for group in saved["param_groups"]]
    if theirs != sizes or len(saved["state"]) != sum(sizes):
        raise ValueError(
            f"{where}: the state has groups of {theirs} parameters, the optimiser of {sizes}. "
            "Make the optimiser with the same parameters and groups."
        )
    hypers = []
    for group, entry in zip(groups, saved["param_groups"], strict=True):
        values = {name: value for name, value in entry.items() if name != "params"}
        if missing := set(group.hypers) - set(values):
            raise ValueError(
                f"{where}: a group lacks {sorted(missing)}. Pass a whole state_dict()."
            )
        hypers.append(group.checked(values))
    owners = [(group, p) for group in groups for p in group.params]
    entries = [
        _checked_entry(where, position, p, group, entry)
        for position, ((group, p), entry) in enumerate(zip(owners, saved["state"], strict=True))
    ]

    for group, values in zip(groups, hypers, strict=True):
        group.hypers = values
    with_memory = {id(p) for (_, p), entry in zip(owners, entries, strict=True) if entry}
    for group in groups:
        group.admit([p for p in group.params if id(p) in with_memory])
    for (group, p), entry in zip(owners, entries, strict=True):
        if place := group.place(p):
            block, i = place
            block.restore(i, entry)


def _checked_entry(
    where: str, position: int, parameter: Tensor, group: ParameterGroup, entry: Mapping[str, Any]
) -> dict[str, Any]:
    name = describe(parameter, position)
    if not entry:
        return {}
    slots = group.slots
    if set(entry) != {"t", *slots}:
        raise ValueError(
            f"{where}: the entry of {name} has {sorted(map(str, entry))}, expected "
            f"{sorted(('t', *slots))}. Make the optimiser with the saved one's hyper-parameters."
        )
    t = entry["t"]
    if isinstance(t, bool) or not isinstance(t, int) or t < 1:
        raise ValueError(f"{where}: the step counter t of {name} is {t!r}, not a count from 1 on.")
    for slot in slots:
        array = entry[slot]
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"{where}: {slot!r} of {name} must be a NumPy array, got {type(array).__name__}."
            )
        if array.shape != parameter.shape or array.dtype != parameter.dtype:
            raise ValueError(
                f"{where}: {slot!r} of {name} is {array.dtype} {array.shape}, the parameter is "
                f"{parameter.dtype} {parameter.shape}. The state belongs to another model."
            )
    return dict(entry)
