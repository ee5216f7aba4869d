"""Hyper-parameters: what each may be.

A name means the same in every optimiser, so there is one table of what each name accepts. A value
is checked when it is set, in the constructor or later by ``optimiser.param_groups[0]["lr"] = 0.1``,
and becomes a plain Python number (a NumPy float64 scalar would promote float32 weights).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from typing import Any


def _number(who: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{who}: {name} must be a number, got {value!r} of type {type(value).__name__}. "
            f"Pass a plain number such as {name}=0.1 (of a tensor: its .item())."
        )
    return float(value)


def _bounded(
    low: float, high: float, says: str, fix: str, *, open_low: bool = False, open_high: bool = False
) -> Callable[[str, str, object], float]:
    def check(who: str, name: str, value: object) -> float:
        number = _number(who, name, value)
        below = number <= low if open_low else number < low
        above = number >= high if open_high else number > high
        if below or above or not math.isfinite(number):
            raise ValueError(f"{who}: {name} must be {says}, got {value!r}. {fix}")
        return number

    return check


def _share(says: str, fix: str) -> Callable[[str, str, object], float]:
    return _bounded(0, 1, says, fix, open_high=True)


def _betas(who: str, name: str, value: object) -> tuple[float, float]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise TypeError(
            f"{who}: betas must be two numbers (beta1, beta2), got {value!r}. "
            "Pass for example betas=(0.9, 0.999)."
        )
    share = _share("in [0, 1)", "It is the share of the old mean that is kept: 1 never learns.")
    return share(who, "betas[0]", value[0]), share(who, "betas[1]", value[1])


def _flag(who: str, name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{who}: {name} must be True or False, got {value!r}.")
    return value


_INF = math.inf
_CHECKS: Mapping[str, Callable[[str, str, object], Any]] = {
    "lr": _bounded(
        0, _INF, "finite and not negative", "A negative one climbs. Try 0.01 (SGD) or 0.001 (Adam)."
    ),
    "momentum": _bounded(
        0,
        _INF,
        "finite and not negative",
        "It is the share of the old velocity: 0 for none, or 0.9.",
    ),
    "dampening": _bounded(
        0, 1, "in [0, 1]", "It is the share of the gradient that is held back: 0 for none."
    ),
    "weight_decay": _bounded(
        0, _INF, "finite and not negative", "A negative one inflates the weights; 0 for none."
    ),
    "lr_decay": _bounded(0, _INF, "finite and not negative", "0 keeps the learning rate."),
    "initial_accumulator_value": _bounded(
        0, _INF, "finite and not negative", "It starts a sum of squares; 0 is usual."
    ),
    "eps": _bounded(
        0,
        _INF,
        "finite and above 0",
        "It keeps a division finite where the gradient is 0. Try 1e-8.",
        open_low=True,
    ),
    "alpha": _share("in [0, 1)", "It is the share of the old mean that is kept: try 0.99."),
    "betas": _betas,
    "nesterov": _flag,
    "centered": _flag,
    "amsgrad": _flag,
}


def check_hyper(who: str, name: str, value: object, known: Sequence[str]) -> Any:
    """Check one hyper-parameter and return it as a plain Python value.

    Args:
        who: The optimiser, for messages.
        name: The hyper-parameter.
        value: What was given.
        known: The names that this optimiser has.

    Raises:
        TypeError: If there is no such hyper-parameter, or the value is of the wrong kind.
        ValueError: If the value is out of its range.
    """
    if name not in known:
        close = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise TypeError(f"{who} has no hyper-parameter {name!r}. {hint}It has {', '.join(known)}.")
    return _CHECKS[name](who, name, value)


def check_hypers(who: str, hypers: Mapping[str, object], known: Sequence[str]) -> dict[str, Any]:
    """Check hyper-parameters one by one and together.

    Args:
        who: The optimiser, for messages.
        hypers: Values by name.
        known: The names that this optimiser has.

    Returns:
        A new dict of plain Python values.

    Raises:
        TypeError: As ``check_hyper``.
        ValueError: As ``check_hyper``, or if Nesterov's form is asked for without momentum.
    """
    checked = {name: check_hyper(who, name, value, known) for name, value in hypers.items()}
    if checked.get("nesterov") and (checked["momentum"] == 0 or checked["dampening"] != 0):
        raise ValueError(
            f"{who}: nesterov=True needs momentum > 0 and dampening = 0, got "
            f"momentum={checked['momentum']!r}, dampening={checked['dampening']!r}. It looks ahead "
            "along the velocity: pass momentum=0.9, or nesterov=False."
        )
    return checked
