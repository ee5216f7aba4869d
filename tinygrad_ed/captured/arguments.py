"""A step's arguments: what its signature says of them, and the batch as tensors."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..backends import Backend
from ..creation import tensor
from ..errors import CaptureError
from ..tensor import Tensor


def most_arguments(function: Callable[..., Any]) -> int | None:
    """How many arguments a step takes; None if any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def names_of_arguments(function: Callable[..., Any], count: int) -> list[str]:
    """What the arguments of a step are called."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [names[k] if k < len(names) else f"input{k + 1}" for k in range(count)]


def in_order(
    function: Callable[..., Any], given: Sequence[Any], named: Mapping[str, Any]
) -> tuple[Any, ...]:
    """All arguments of a call by their places.

    Raises:
        TypeError: They do not fit; or the step takes one by its name alone.
    """
    bound = inspect.signature(function).bind(*given, **named)
    if bound.kwargs:
        raise TypeError(
            f"a captured step takes its batch by places: {', '.join(bound.kwargs)} can only be "
            f"given by name; define the step without the * before it"
        )
    return bound.args


def adopted(k: int, x: Any, backend: Backend) -> Tensor:
    """Argument k as a tensor of the step's device.

    Raises:
        CaptureError: A Python number, a tensor of another device or one that requires a gradient.
    """
    if isinstance(x, bool | int | float) and not isinstance(x, np.generic):
        raise CaptureError(
            f"argument {k + 1} of the step is {x!r}, a Python number: it would be built into "
            f"the program. Pass an array, np.float32({x!r})"
        )
    if not isinstance(x, Tensor):
        return tensor(x, device=backend.name)
    if x._backend is not backend:
        raise CaptureError(
            f"this step was captured for device {backend.name!r} and is given a tensor on "
            f"{x.device!r}: move it with .to({backend.name!r}), or pass "
            f"device={x.device!r} to tg.capture"
        )
    if x.requires_grad:
        raise CaptureError(
            f"argument {k + 1} of the step requires a gradient, which would be lost: pass it "
            f"with .detach(), and set requires_grad inside the step"
        )
    return x
