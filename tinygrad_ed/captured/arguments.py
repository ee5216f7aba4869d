"""What a step's signature says of its arguments."""

import inspect
from collections.abc import Callable
from typing import Any


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
