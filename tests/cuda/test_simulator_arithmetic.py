"""Functions of numbers on the simulator: those of C's library, in the type that they are given."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cuda.on_sim import DTYPES, kernel, needs_compiler, run

pytestmark = needs_compiler

SAME = [
    "acos", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos",
    "cosh", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "floor", "fmod", "hypot", "lgamma",
    "log", "log10", "log1p", "log2", "nextafter", "pow", "remainder", "sin", "sinh", "sqrt",
    "tan", "tanh", "trunc",
]  # fmt: skip
OTHERS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "acosh": lambda x: math.acosh(1 + x),
    "fdim": lambda x, y: max(x - y, 0.0),
    "fma": lambda x, y, z: x * y + z,
    "fmax": max,
    "fmin": min,
    "nearbyint": round,
    "rint": round,
    "round": lambda x: math.floor(x + 0.5),
    "rsqrt": lambda x: 1 / math.sqrt(x),
    "tgamma": math.gamma,
}
FORMULAS = {name: getattr(math, name) for name in SAME} | OTHERS
TWO = {
    "atan2",
    "copysign",
    "fdim",
    "fmax",
    "fmin",
    "fmod",
    "hypot",
    "nextafter",
    "pow",
    "remainder",
}


def arguments(name: str) -> str:
    """What a function is called with in the kernel."""
    if name == "acosh":
        return "T(1) + x"
    return "x, y, x" if name == "fma" else "x, y" if name in TWO else "x"


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_numbers_have_the_type_and_the_value(dtype: str) -> None:
    T = {"float32": "float", "float64": "double"}[dtype]
    body = f"typedef {T} T;\nint i = threadIdx.x, n = 0;\nT x = v[i], y = v[15 - i];\n"
    for name in FORMULAS:
        call = f"{name}({arguments(name)})"
        body += f"static_assert(sizeof({call}) == sizeof(T), {name!r});\n".replace("'", '"')
        body += f"out[16 * n++ + i] = {call};\n"
    v = np.random.default_rng(1).uniform(0.05, 0.95, 16).astype(dtype)
    out = np.empty((len(FORMULAS), 16), dtype)
    run(kernel(body, f"const {T}* v, {T}* out"), 1, 16, v, out)
    for found, (name, formula) in zip(out, FORMULAS.items(), strict=True):
        for i in range(16):
            x, y = float(v[i]), float(v[15 - i])
            given = (x, y, x) if name == "fma" else (x, y) if name in TWO else (x,)
            expected = formula(*given)
            # C's library promises no bound; these are within a few units of the last place.
            assert abs(found[i] - expected) <= 8 * np.finfo(dtype).eps * (1 + abs(expected)), name


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_is_split_rounded_and_put_in_a_class(dtype: str) -> None:
    T = {"float32": "float", "float64": "double"}[dtype]
    simulated = kernel(
        f"typedef {T} T;\nint i = threadIdx.x, power;\nT x = v[i], whole, *o = out + 8 * i;\n"
        "o[0] = frexp(x, &power);\no[1] = power;\no[2] = modf(x, &whole);\no[3] = whole;\n"
        "o[4] = isnan(x) + 2 * isinf(x) + 4 * isfinite(x) + 8 * signbit(x);\n"
        "o[5] = isfinite(x) ? llrint(x) : 0;\no[6] = isfinite(x) ? llround(x) : 0;\n"
        "o[7] = ldexp(x, 3);",
        f"const {T}* v, {T}* out",
    )
    v = np.array([2.5, -0.75, 0.0, -0.0, np.inf, -np.inf, np.nan, 3.0], dtype)
    out = np.empty((8, 8), dtype)
    run(simulated, 1, 8, v, out)
    with np.errstate(invalid="ignore"):
        expected: list[Any] = [*np.frexp(v), *np.modf(v)]
    expected.append(np.isnan(v) + 2 * np.isinf(v) + 4 * np.isfinite(v) + 8 * np.signbit(v))
    finite = np.where(np.isfinite(v), v, 0)
    expected += [np.rint(finite), np.copysign(np.floor(abs(finite) + 0.5), finite), v * 8]
    finite_powers = np.isfinite(v)  # elsewhere the power of 2 is not specified
    for k, column in enumerate(expected):
        rows = finite_powers if k == 1 else slice(None)
        assert np.array_equal(out[rows, k], column[rows], equal_nan=True), k
