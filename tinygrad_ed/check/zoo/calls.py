"""Calls of every op that tell a right answer from a wrong one: what mutants and exercises run on.

Each op has an "ordinary" call, and others by what they bring out: "broadcast", "extreme" values,
"empty" arrays, "ties" (kinks), a "number" without axes, "square" shapes that hide a transpose.
Sizes of different axes differ, so that a count over the wrong axis shows; numbers are drawn anew
for every seed, so that no list of answers can be learned by heart.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Draw = Callable[..., Array]
"""shape -> an array: numbers of an op's domain."""


@dataclass(frozen=True)
class Call:
    """Operands and parameters of one call.

    Attributes:
        label: What it brings out.
        operands: Arrays, or None where an optional operand is left out.
        params: Parameters by name.
    """

    label: str
    operands: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)


Calls = Callable[[np.random.Generator], Iterator[Call]]


def calls(op: str, seed: int = 0) -> list[Call]:
    """The calls of an op of the rule book.

    Raises:
        LookupError: There is no such op, or it has no calls.
    """
    from .call_table import TABLE

    if op not in TABLE:
        raise LookupError(f"no calls are listed for op {op!r} in call_table")
    return list(TABLE[op](np.random.default_rng(seed)))


def call(op: str, label: str, seed: int = 0) -> Call:
    """The op's call with this label.

    Raises:
        LookupError: There is none.
    """
    found = {one.label: one for one in calls(op, seed)}
    if label not in found:
        raise LookupError(f"op {op!r} has no call {label!r}; it has {', '.join(found)}")
    return found[label]


# --- numbers ------------------------------------------------------------------------------------


def around_zero(rng: np.random.Generator) -> Draw:
    """Numbers of both signs, none nearer to 0 than 0.1."""
    return lambda *s: np.asarray(rng.uniform(0.1, 2.5, s) * rng.choice([-1.0, 1.0], s))


def positive(rng: np.random.Generator) -> Draw:
    """Numbers from 0.2 to 3."""
    return lambda *s: np.asarray(rng.uniform(0.2, 3.0, s))


def chances(rng: np.random.Generator) -> Draw:
    """Numbers from 0.05 to 0.95."""
    return lambda *s: np.asarray(rng.uniform(0.05, 0.95, s))


def shares(rng: np.random.Generator) -> Draw:
    """Rows of positive numbers that sum to 1."""

    def draw(*shape: int) -> Array:
        raw = rng.uniform(0.1, 1.0, shape)
        return np.asarray(raw / np.sum(raw, axis=-1, keepdims=True))

    return draw


def both_signs(x: Array) -> Array:
    """The same with a positive and a negative entry for certain."""
    x = np.array(x)
    if x.size > 1:
        x.flat[0], x.flat[1] = abs(x.flat[0]), -abs(x.flat[1])
    return x


# --- patterns of calls --------------------------------------------------------------------------


def unary(
    numbers: Callable[[np.random.Generator], Draw],
    extreme: list[float] | None = None,
    ties: list[float] | None = None,
    **params: Any,
) -> Calls:
    """An elementwise op of one operand."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        x = numbers(rng)
        yield Call(
            "ordinary", (both_signs(x(3, 4)) if numbers is around_zero else x(3, 4),), params
        )
        yield Call("number", (x(),), params)
        yield Call("empty", (x(0, 3),), params)
        if extreme is not None:
            yield Call("extreme", (np.array(extreme),), params)
        if ties is not None:
            yield Call("ties", (np.array(ties),), params)

    return made


def binary(
    first: Callable[[np.random.Generator], Draw],
    second: Callable[[np.random.Generator], Draw],
    ties: bool = False,
) -> Calls:
    """An elementwise op of two operands that broadcast."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        a, b = first(rng), second(rng)
        yield Call("ordinary", (a(3, 4), b(3, 4)))
        yield Call("broadcast", (a(3, 4), b(4)))
        yield Call("broadcast both", (a(3, 1), b(1, 4)))
        yield Call("number", (a(), b(2)))
        yield Call("empty", (a(0, 4), b(4)))
        if ties:
            yield Call("ties", (np.array([1.0, 2.0, -1.0, 0.0]), np.array([1.0, 0.0, -1.0, 3.0])))

    return made


def reduction(
    numbers: Callable[[np.random.Generator], Draw],
    empty: bool = True,
    square: bool = True,
    ties: bool = False,
    extreme: bool = False,
    **params: Any,
) -> Calls:
    """A reduction over all axes and over some."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        x = numbers(rng)
        yield Call("ordinary", (x(3, 4),), params)
        yield Call("along an axis", (x(3, 4),), {**params, "axis": 1})
        yield Call("keepdims", (x(3, 4),), {**params, "axis": 0, "keepdims": True})
        yield Call("two axes", (x(2, 3, 2),), {**params, "axis": (0, -1)})
        if square:
            yield Call("square", (x(3, 3),), {**params, "axis": 1})
        if empty:
            yield Call("empty", (x(0, 3),), {**params, "axis": 1})
        if ties:
            yield Call("ties", (np.array([[1.0, 2, 2], [0, 0, 0]]),), {**params, "axis": 1})
        if extreme:
            far = np.array([[800.0, 799, 0], [-900, -901, -902]])
            yield Call("extreme", (far,), {**params, "axis": 1})

    return made


def softmaxes(rng: np.random.Generator) -> Iterator[Call]:
    """softmax and log_softmax: one axis."""
    x = around_zero(rng)
    yield Call("ordinary", (x(3, 4),))
    yield Call("along an axis", (x(3, 4),), {"axis": 0})
    yield Call("square", (x(3, 3),))
    yield Call("three axes", (x(2, 3, 2),), {"axis": 1})
    yield Call("empty", (x(0, 3),))
    yield Call("extreme", (np.array([[800.0, 799, 0], [-900, -901, -902]]),))


def pairs(
    first: Callable[[np.random.Generator], Draw],
    second: Callable[[np.random.Generator], Draw],
    extreme: tuple[list[float], list[float]] | None = None,
    ties: tuple[list[float], list[float]] | None = None,
    **params: Any,
) -> Calls:
    """A loss of prediction and target in one shape."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        a, b = first(rng), second(rng)
        yield Call("ordinary", (a(3, 4), b(3, 4)), params)
        yield Call("sum", (a(5), b(5)), {**params, "reduction": "sum"})
        yield Call("none", (a(2, 3), b(2, 3)), {**params, "reduction": "none"})
        for label, two in (("extreme", extreme), ("ties", ties)):
            if two is not None:
                operands = np.array(two[0]), np.array(two[1])
                yield Call(label, operands, {**params, "reduction": "none"})

    return made


def labelled(
    numbers: Callable[[np.random.Generator], Draw], extreme: list[list[float]] | None = None
) -> Calls:
    """A loss of scores and integer labels."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        z = numbers(rng)
        yield Call("ordinary", (z(3, 4), rng.integers(0, 4, 3)))
        yield Call("sum", (z(5, 3), rng.integers(0, 3, 5)), {"reduction": "sum"})
        yield Call("none", (z(2, 3), rng.integers(0, 3, 2)), {"reduction": "none"})
        yield Call("three axes", (z(2, 3, 4), rng.integers(0, 4, (2, 3))))
        if extreme is not None:
            yield Call("extreme", (np.array(extreme), np.array([0, 1])), {"reduction": "none"})

    return made


def of_array(*rows: tuple[str, tuple[int, ...], dict[str, Any]]) -> Calls:
    """A shape op on one array: label, shape and parameters of each call."""

    def made(rng: np.random.Generator) -> Iterator[Call]:
        x = around_zero(rng)
        for label, shape, params in rows:
            yield Call(label, (x(*shape),), params)

    return made
