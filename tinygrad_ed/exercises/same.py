"""Whether two results are one, and where they part."""

from collections.abc import Sequence
from typing import Any

import numpy as np

RELATIVE = {"f8": 1e-9, "f4": 2e-5}


def parts_of(value: Any) -> list[Any]:
    """A result as a list: a tuple is several, anything else is one."""
    return list(value) if isinstance(value, tuple | list) else [value]


def difference(got: Any, right: Any, names: Sequence[str]) -> str:
    """What is wrong with a result, in words; "" if nothing is.

    Args:
        got: What came out: one value or several.
        right: What should have; where it is None, anything will do.
        names: What the values are called.
    """
    found, wanted = parts_of(got), parts_of(right)
    if len(found) != len(wanted):
        return f"{len(found)} results, expected {len(wanted)}: {', '.join(names)}"
    for a, b, name in zip(found, wanted, names, strict=True):
        if b is not None:
            wrong = _difference(a, np.asarray(b), name)
            if wrong:
                return wrong
    return ""


def _difference(got: Any, right: np.ndarray[Any, Any], name: str) -> str:
    if got is None:
        return f"{name} is None, expected an array of shape {right.shape}"
    a = np.asarray(got)
    if a.dtype.kind not in "biuf":
        return f"{name} is {got!r}, expected numbers"
    if a.shape != right.shape:
        return f"{name} has the shape {a.shape}, expected {right.shape}"
    relative = RELATIVE.get(right.dtype.str[1:], 0.0)
    size = np.max(np.abs(right), initial=0.0, where=np.isfinite(right))
    close = np.isclose(a, right, rtol=relative, atol=relative * min(1.0, size), equal_nan=True)
    if not np.all(close):
        place = np.unravel_index(int(np.argmin(close)), right.shape) if right.shape else ()
        at = f"[{', '.join(map(str, place))}]" if place else ""
        return f"{name}{at} is {a[place]:.8g}, expected {right[place]:.8g}"
    if a.dtype != right.dtype:
        return f"{name} is {a.dtype}, expected {right.dtype}: a number or a function promotes it"
    return ""


def agree(got: Any, other: Any) -> bool:
    """Whether two results are the same numbers; an error agrees with an error."""
    if isinstance(got, Exception) or isinstance(other, Exception):
        return isinstance(got, Exception) and isinstance(other, Exception)
    found, wanted = parts_of(got), parts_of(other)
    if len(found) != len(wanted):
        return False
    for a, b in zip(found, wanted, strict=True):
        if a is None or b is None:
            if a is not b:
                return False
            continue
        x, y = np.asarray(a), np.asarray(b)
        if x.shape != y.shape or not np.allclose(x, y, rtol=1e-7, atol=1e-12, equal_nan=True):
            return False
    return True
