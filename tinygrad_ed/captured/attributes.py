"""What a program takes for granted of a layer: its attributes, as they were when it was called."""

from collections.abc import Container, Mapping
from typing import Any

PLAIN = (bool, int, float, complex, str, bytes)
_MISSING = object()


def attributes_of(module: Any) -> dict[str, Any]:
    """A layer's attributes by name; of lists and dicts the parameters and layers in them, by path.

    What else a list or a dict holds may be a note that the layer takes of its own runs.
    """
    everything = vars(module)
    kept = {k: v for k, v in everything.items() if not isinstance(v, list | dict | set)}
    return kept if len(kept) == len(everything) else {**kept, **dict(module._members())}


def are_alike(
    one: Mapping[str, Any], other: Mapping[str, Any], module: Any, but: Container[tuple[int, str]]
) -> bool:
    """Whether a layer's attributes are the same objects or equal numbers and texts.

    Args:
        one, other: Its attributes then and now.
        module: The layer.
        but: Attributes that do not count: (id of the layer, name). The mode is looked at apart.
    """
    for name in {**one, **other}:
        a, b = one.get(name, _MISSING), other.get(name, _MISSING)
        if a is not b and not _same(a, b):
            attribute = name.partition(".")[0]
            if attribute != "training" and (id(module), attribute) not in but:
                return False
    return True


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return all(map(_same, one, other))
    if one is other or not isinstance(one, PLAIN) or type(one) is not type(other):
        return one is other
    return one == other or (one != one and other != other)  # NaN stays what it is
