"""The checks of an op's two functions: values, gradients, number types, the engine."""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..check.diagnose import diagnose
from ..check.estimate import Method, errors, estimate, single
from ..check.evidence import Guess
from ..check.maps import FirstOrder
from ..check.problem import Problem
from ..check.zoo import calls as zoo_calls
from ..check.zoo.calls import Call
from ..ops.registry import Op, registry
from ..tape import broadcast_axes
from .asking import Asking, Point
from .catalogue import Exercise, Part
from .engine import by_the_tape, twice
from .same import difference, parts_of

FORWARD, BACKWARD = "forward", "backward"
Array = np.ndarray[Any, Any]


def points(exercise: Exercise, parts: Sequence[Part], seed: int, asking: Asking) -> list[Point]:
    """Every check of these parts."""
    op, calls = registry[exercise.name], zoo_calls.calls(exercise.name, seed)
    names = {part.name for part in parts}
    found: list[Point] = []
    if FORWARD in names:
        found += _forward(op, calls, asking)
    if BACKWARD in names:
        found += _backward(op, calls, asking, np.random.default_rng(seed))
    return found


def _forward(op: Op, calls: list[Call], asking: Asking) -> Iterator[Point]:
    for call in calls:
        yield Point(FORWARD, f"values: {call.label}", functools.partial(_value, op, call, asking))
    single_precision = functools.partial(_value, op, in_float32(calls[0]), asking)
    yield Point(FORWARD, "float32 stays what the library makes of it", single_precision)
    if op.textbook_form is not None:
        book = functools.partial(_as_in_the_book, op, calls[0], asking)
        yield Point(FORWARD, "equal to the textbook form", book)


def _value(op: Op, call: Call, asking: Asking) -> str:
    params = {**op.defaults, **call.params}
    right, quiet = _quietly(lambda: op.forward(*call.operands, **params))
    reply = asking.direct(FORWARD, call.operands, params)
    wrong = difference(reply.value, np.asarray(right), ["the result"])
    return wrong or _manners(reply, quiet, op, call)


def _as_in_the_book(op: Op, call: Call, asking: Asking) -> str:
    params = {**op.defaults, **call.params}
    assert op.textbook_form is not None
    right = np.asarray(op.textbook_form(*call.operands, **params))
    return difference(asking.direct(FORWARD, call.operands, params).value, right, ["the result"])


def _backward(
    op: Op, calls: list[Call], asking: Asking, rng: np.random.Generator
) -> Iterator[Point]:
    for call in calls:
        check = functools.partial(_gradient, op, call, asking, rng)
        yield Point(BACKWARD, f"gradient: {call.label}", check)
    first = calls[0]
    for name, check in (
        ("is the slope that differences give", functools.partial(_slope, op, first, asking)),
        ("linear in the upstream gradient", functools.partial(_linear, op, first, asking, rng)),
        ("float32 stays what the library makes of it",
         functools.partial(_gradient, op, in_float32(first), asking, rng)),
        ("the tape gives the same gradient",
         functools.partial(_engine, op, first, asking, rng, "tape")),
        ("it can be differentiated again",
         functools.partial(_engine, op, first, asking, rng, "twice")),
    ):  # fmt: skip
        yield Point(BACKWARD, name, check)


def _gradient(op: Op, call: Call, asking: Asking, rng: np.random.Generator) -> str:
    y, params = _result(op, call)
    dy = np.asarray(rng.uniform(-2.0, 2.0, y.shape), y.dtype)
    right, quiet = _quietly(lambda: _vjp(op, dy, y, call, params))
    reply = asking.direct(BACKWARD, [dy, y, *call.operands], params)
    names = op.names_of(len(call.operands))
    got = fitted(reply.value, call.operands, names)
    if isinstance(got, str):
        return got
    wanted = fitted(right, call.operands, names)
    said = [f"dL/d{name}" for name in names]
    return difference(got, wanted, said) or _manners(reply, quiet, op, call, 2)


def _slope(op: Op, call: Call, asking: Asking) -> str:
    """The whole Jacobian of one call against derivatives that no VJP has computed."""
    y, params = _result(op, call)
    names = op.names_of(len(call.operands))
    varying = [k for k, x in enumerate(call.operands) if is_float(x)]
    problem = Problem(lambda *xs: op(*xs, **params), call.operands, names)
    checked = FirstOrder(problem)
    rows = []
    for unit in 2.0 * np.eye(y.size):
        reply = asking.direct(BACKWARD, [unit.reshape(y.shape), y, *call.operands], params)
        got = fitted(reply.value, call.operands, names)
        if isinstance(got, str):
            return got
        rows.append(got)
    numeric = {}
    for i, k in enumerate(varying):
        probes = [single(checked, i, e, lambda out: out) for e in range(call.operands[k].size)]
        numeric[k] = estimate(checked, probes, Method())
    for k in varying:
        found, shape = numeric[k], call.operands[k].shape
        analytic = np.array([np.zeros(shape) if r[k] is None else r[k] for r in rows])
        analytic = analytic.reshape(y.size, -1) / 2
        error = errors(analytic, found.low.T, found.high.T)
        if np.all(error <= found.allowed.T):
            continue
        r, c = np.unravel_index(int(np.argmax(np.nan_to_num(error, nan=np.inf))), error.shape)
        values = {"y": y, **{n: x for n, x in zip(names, call.operands, strict=True) if n != "y"}}
        values.update({n: x for n, x in zip(names, call.operands, strict=True) if n == "y"})
        others = {
            names[j]: numeric[j].value.T
            for j in varying
            if j != k and call.operands[j].shape == shape
        }
        guesses = diagnose(
            analytic, found.value.T, y.shape, shape,
            values={n: v for n, v in values.items() if isinstance(v, np.ndarray)},
            others=others, params=params,
        )  # fmt: skip
        asking.guess(guesses[0] if guesses else None)
        return (
            f"dy/d{names[k]} is {analytic[r, c]:.8g} where differences give "
            f"{found.value.T[r, c]:.8g}"
        )
    return ""


def _linear(op: Op, call: Call, asking: Asking, rng: np.random.Generator) -> str:
    y, params = _result(op, call)
    dy = rng.uniform(0.5, 1.5, y.shape)
    once, many = (
        parts_of(asking.direct(BACKWARD, [c * dy, y, *call.operands], params).value)
        for c in (1.0, -64.0)
    )
    for a, b in zip(once, many, strict=True):
        if a is not None and (b is None or not np.allclose(b, -64.0 * np.asarray(a), rtol=1e-9)):
            asking.guess(
                Guess("not-linear", "dy enters as a factor: no abs, no clip, no sum of it")
            )
            return "-64 times the upstream gradient does not give -64 times the gradient"
    return ""


def _engine(op: Op, call: Call, asking: Asking, rng: np.random.Generator, how: str) -> str:
    y, _ = _result(op, call)
    dy = rng.uniform(-2.0, 2.0, y.shape)
    right = (by_the_tape if how == "tape" else twice)(op, dy, call.operands, call.params)
    reply = asking.engine(how, BACKWARD, [dy, *call.operands], call.params)
    return difference(reply.value, right, [f"gradient {k}" for k in range(len(right))])


# --- what they share ----------------------------------------------------------------------------


def is_float(x: Any) -> bool:
    """Whether an operand carries a gradient."""
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def in_float32(call: Call) -> Call:
    """The same call with float32 operands."""
    cast = tuple(x.astype(np.float32) if is_float(x) else x for x in call.operands)
    return Call("float32", cast, call.params)


def _result(op: Op, call: Call) -> tuple[Array, dict[str, Any]]:
    params = {**op.defaults, **call.params}
    with np.errstate(all="ignore"):
        return np.asarray(op.forward(*call.operands, **params)), params


def _vjp(op: Op, dy: Array, y: Array, call: Call, params: dict[str, Any]) -> Any:
    assert op.backward is not None
    return op.backward(dy, y, *call.operands, **params)


def fitted(value: Any, operands: Sequence[Any], names: Sequence[str]) -> list[Any] | str:
    """Gradients in the shapes of their operands, as the tape makes them; or what is wrong.

    None stands for an operand that carries no gradient.
    """
    found = parts_of(value)
    if len(found) != len(operands):
        return f"{len(found)} gradients, expected one for each of {', '.join(names)}"
    made: list[Any] = []
    for g, x, name in zip(found, operands, names, strict=True):
        if not is_float(x):
            made.append(None)
            continue
        if g is None:
            return f"dL/d{name} is None, expected an array of shape {x.shape}"
        try:
            g = np.asarray(g)
            if g.shape != x.shape:
                axes = broadcast_axes(g.shape, x.shape)
                g = np.sum(g, axis=axes).reshape(x.shape)
        except (ValueError, IndexError, TypeError):
            return f"dL/d{name} has the shape {np.shape(g)}, expected {x.shape}"
        made.append(g)
    return made


def _quietly(run: Callable[[], Any]) -> tuple[Any, bool]:
    """A value, and whether it came without a warning."""
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        value = run()
    return value, not noticed


def _manners(reply: Any, quiet: bool, op: Op, call: Call, skipped: int = 0) -> str:
    """What is wrong besides the numbers: arguments written to, warnings on the way."""
    if reply.changed:
        names = (["dy", "y"] if skipped else []) + op.names_of(len(call.operands))
        return f"it writes into its argument {names[reply.changed[0]]}: others need it too"
    if quiet and reply.warnings:
        return f"the numbers are right, but on the way: {reply.warnings[0]}"
    return ""
