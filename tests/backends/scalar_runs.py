"""Running a scalar loop on arrays, and comparing it with what NumPy makes of the formula."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba
import numpy as np

from tinygrad_ed.backends.scalar_loops import ScalarLoop, emit_op, emit_vjp
from tinygrad_ed.ops.registry import Op

Array = np.ndarray[Any, Any]
ROWS, H = 12, 10
SIZES = {"full": ROWS * H, "row": H, "column": ROWS, "scalar": 1}
SHAPES = {"full": (ROWS, H), "row": (H,), "column": (ROWS, 1), "scalar": ()}
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 30.0]
INEXACT = re.compile(r"\b(exp|expm1|log|log1p|tanh|sin|cos|pow)\(|x \* x \* x")

PARAMS: dict[str, dict[str, Any]] = {
    "constant_power": {"n": 3},
    "clip": {"low": float, "high": float},
    "leaky_relu": {"slope": float},
    "astype": {"dtype": "float64"},
}
"""Parameters of the ops that have some: a type is read at run time, a value is built in."""

NO_PARAMS: Mapping[str, Any] = {}
VALUES: dict[str, Any] = {"low": -0.7, "high": 0.5, "slope": 0.1}


@functools.cache
def compiled(name: str, text: str) -> Callable[..., None]:
    scope: dict[str, Any] = {}
    exec(text, scope)
    made: Callable[..., None] = numba.njit(error_model="numpy")(scope[name])
    return made


EXECUTE: dict[str, Callable[[ScalarLoop, Sequence[Any]], None]] = {
    "numba": lambda loop, arguments: compiled(loop.name, loop.text)(*arguments),
}
"""How the text of a loop is run, by its language."""


def run(
    loop: ScalarLoop, arrays: Mapping[str, Array], numbers: Mapping[str, Any] | None = None
) -> dict[int, Any]:
    """Every result of a loop by its number; arrays that it writes into are written into."""
    results: dict[int, Any] = {k: arrays[name] for k, name in loop.aliases.items()}
    arguments: list[Any] = []
    for operand in loop.operands:
        if operand.kind in ("in", "inout"):
            array = arrays[operand.of]
            assert array.dtype == operand.dtype and array.size == SIZES.get(operand.pattern)
            arguments.append(array.reshape(-1))
            if operand.output is not None:
                results[operand.output] = array
        elif operand.kind == "out":
            results[operand.output] = out = np.full(SHAPES["full"], 77.0, operand.dtype)
            arguments.append(out.reshape(-1))
        elif operand.constant is not None:
            arguments.append(operand.constant)
        else:
            value = (numbers or {})[operand.of]
            value = value if operand.index is None else value[operand.index]
            arguments.append(float(value) if operand.kind == "real" else int(value))
    if loop.text:
        EXECUTE[loop.language](loop, arguments)
    return results


def bits(a: Array) -> Array:
    """The bits, with every NaN alike."""
    return np.where(np.isnan(a), np.asarray(np.nan, a.dtype), a).view(f"u{a.itemsize}")


def assert_same(found: Array, formula: Any, loop: ScalarLoop) -> None:
    wanted = np.broadcast_to(formula, SHAPES["full"])
    assert found.dtype == wanted.dtype
    if INEXACT.search(loop.text):
        number = np.finfo(wanted.dtype)
        np.testing.assert_allclose(found, wanted, rtol=16 * number.eps, atol=number.tiny)
    elif re.search(r"\b(maximum|minimum)\(", loop.text):
        np.testing.assert_array_equal(found, wanted)  # max(0, -0) may be either zero
    else:
        np.testing.assert_array_equal(bits(found), bits(np.ascontiguousarray(wanted)))


def values(pattern: str, dtype: str, seed: int) -> Array:
    """Moderate numbers and special ones, in another order for each seed."""
    rng = np.random.default_rng(seed)
    drawn = (rng.normal(size=SIZES[pattern]) * 2).astype(dtype)
    if pattern == "full":
        drawn[: len(SPECIAL) ** 2] = np.tile(SPECIAL, len(SPECIAL))[: drawn.size]
        if seed % 2:
            drawn[:] = np.repeat(SPECIAL, len(SPECIAL))[: drawn.size]
    elif pattern == "row":
        drawn[: len(SPECIAL) // 2] = SPECIAL[: len(SPECIAL) // 2]
    elif pattern == "column":
        drawn[: len(SPECIAL)] = SPECIAL
    return drawn.reshape(SHAPES[pattern])


def operands(made: Op, patterns: Sequence[str], dtype: str) -> tuple[dict[str, Array], list[Any]]:
    """Arrays for an op's operands by name, and their layouts."""
    named = enumerate(zip(made.operand_names, patterns, strict=True))
    arrays = {n: values(p, dtype, k) for k, (n, p) in named}
    layouts: list[Any] = list(patterns)
    if made.name == "where":
        arrays["condition"] = np.asarray(values(patterns[0], dtype, 3) > 0)
        layouts[0] = (patterns[0], "bool")
    return arrays, layouts


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters' values."""
    return {k: VALUES.get(k, v) for k, v in params.items()}


def assert_forward(
    made: Op,
    patterns: Sequence[str],
    dtype: str,
    params: Mapping[str, Any] = NO_PARAMS,
    language: str = "numba",
) -> ScalarLoop:
    arrays, layouts = operands(made, patterns, dtype)
    loop = emit_op(made, layouts, params, dtype, language)
    formula = made.forward(*arrays.values(), **made.defaults | given(params))
    assert_same(run(loop, arrays, VALUES)[0], formula, loop)
    return loop


def assert_vjp(
    made: Op,
    needs: Sequence[bool],
    patterns: Sequence[str],
    dtype: str,
    params: Mapping[str, Any] = NO_PARAMS,
    language: str = "numba",
) -> ScalarLoop:
    arrays, layouts = operands(made, patterns, dtype)
    loop = emit_vjp(made, needs, layouts, params, dtype, language)
    values = made.defaults | given(params)
    y = np.broadcast_to(made.forward(*arrays.values(), **values), SHAPES["full"])
    dy = np.linspace(-2, 2, SIZES["full"]).astype(y.dtype).reshape(SHAPES["full"])
    assert made.backward is not None
    formula = made.backward(dy, y, *arrays.values(), **values)
    each = formula if isinstance(formula, tuple) else (formula,)
    named = list(arrays)
    places = [p for p in loop_arguments(made) if p not in made.parameter_names]
    by_place = dict(zip(places, [dy, y, *(arrays[n] for n in named)], strict=True))
    results = run(loop, by_place, VALUES)
    for k, (need, gradient) in enumerate(zip(needs, each, strict=True)):
        if need and gradient is not None:
            assert_same(results[k], gradient, loop)
        else:
            assert k not in results
    return loop


def loop_arguments(made: Op) -> list[str]:
    assert made.backward is not None
    code = made.backward.__code__
    return list(code.co_varnames[: code.co_argcount])
