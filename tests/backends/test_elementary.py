"""The elementary functions of the CPU kernels: error bounds, special values, vector code."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from backends.kernel_rounding import has_avx2, runs_as_vector_code
from numba import njit, types
from tinygrad_ed.kernels.cpu import elementary

Array = np.ndarray[Any, Any]

BOUNDS = {
    "exp": 1.0,
    "expm1": 2.0,
    "log": 1.0,
    "log1p": 1.5,
    "tanh": 1.5,
    "sigmoid": 2.0,
    "softplus": 2.0,
    "sin": 1.0,
    "cos": 1.0,
}
"""Largest error in units in the last place, as the docstrings state it."""
POLYNOMIALS = [name for name in BOUNDS if name not in ("sin", "cos")]
DTYPES = ["float32", "float64"]
ALL_FLOATS = os.environ.get("TINYGRAD_ED_ALL_FLOATS") == "1"


def wide(name: str, x: Array) -> Array:
    """The function of numbers in a wider type, with an error far below a unit of the narrow one."""
    if name == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-x)))
    if name == "softplus":
        return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))
    return np.asarray(getattr(np, name)(x))


def looped(name: str, **options: Any) -> Callable[[Array, Array], None]:
    """A kernel that does nothing but apply the function to every entry."""
    function = getattr(elementary, name)

    def loop(x, y):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            y[i] = function(x[i])

    made: Callable[[Array, Array], None] = njit(error_model="numpy", **options)(loop)
    return made


def applied(name: str, x: Array, **options: Any) -> Array:
    y = np.full_like(x, 77)
    looped(name, **options)(x, y)
    return y


def units(got: Array, exact: Array) -> Array:
    """|got - exact| in units in the last place that `got`'s type has at `exact`."""
    info = np.finfo(got.dtype)
    _, exponent = np.frexp(exact)
    lowest = info.minexp - info.nmant
    unit = np.ldexp(np.ones_like(exact), np.maximum(exponent - 1 - info.nmant, lowest))
    return np.asarray(np.abs(got.astype(exact.dtype) - exact) / unit)


def assert_within(name: str, x: Array, y: Array, bound: float) -> None:
    """Errors within the bound; NaN, infinities and signs as the exact result has them."""
    wider = np.float64 if x.dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        exact = wide(name, x.astype(wider))
        # Beyond the largest number, rounding to nearest gives infinity.
        exact[np.abs(exact) >= 2 * wider(2) ** (np.finfo(x.dtype).maxexp - 1)] *= np.inf
    np.testing.assert_array_equal(np.isnan(y), np.isnan(exact))
    number = ~np.isnan(exact)
    np.testing.assert_array_equal(np.signbit(y[number]), np.signbit(exact[number]))
    infinite = np.isinf(exact)
    np.testing.assert_array_equal(y[infinite], exact[infinite].astype(x.dtype))
    limit = np.isinf(y) & np.isfinite(exact)
    assert np.all(np.abs(exact[limit]) > np.finfo(x.dtype).max), "infinite too early"
    ordinary = np.isfinite(exact) & ~limit
    errors = units(y[ordinary], exact[ordinary])
    worst = int(np.argmax(errors))
    assert errors[worst] <= bound, (
        f"{name}({x[ordinary][worst]!r}) = {y[ordinary][worst]!r} is off by {errors[worst]:.3f} ULP"
    )


def edges(dtype: str) -> Array:
    """Where something changes: zeros, denormals, powers of two, thresholds; and their neighbours.

    In both signs.
    """
    info = np.finfo(dtype)
    points = [0.0, 0.5, 1.0, np.sqrt(0.5), np.sqrt(2.0), 2.0, 0.55, 0.3465736, 18.0, 38.0, np.pi]
    points += [87.33654, 88.72284, 89.0, 103.97208, 104.0, 708.3964, 709.7827, 710.0, 745.1332, 746]
    points += [float(info.smallest_subnormal), float(info.smallest_normal), float(info.max)]
    points += [2.0**k for k in range(-30, 130, 7)]
    exact = np.array(points, dtype)
    special = np.array([np.inf, np.nan], dtype)
    with np.errstate(all="ignore"):  # the next number after the largest, and before 0
        above, below = (np.nextafter(exact, np.array(to, dtype)) for to in (np.inf, -np.inf))
    everything = np.concatenate([exact, above, below, special])
    return np.concatenate([everything, -everything])


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_float32_errors_stay_within_the_stated_bound(name: str) -> None:
    loop = looped(name)
    step, block = (1, 2**22) if ALL_FLOATS else (4097, 2**32)
    for start in range(0, 2**32, block):
        patterns = np.arange(start, start + block, step, dtype=np.uint64).astype(np.uint32)
        x = patterns.view(np.float32)
        if start == 0:
            x = np.concatenate([x, edges("float32")])
        y = np.full_like(x, 77)
        loop(x, y)
        assert_within(name, x, y, BOUNDS[name])


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="no wider type as a reference")
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_float64_errors_stay_within_the_stated_bound(name: str) -> None:
    rng = np.random.default_rng(0)
    size = 40_000
    anything = rng.integers(0, 2**64, size, dtype=np.uint64).view(np.float64)
    sizes = np.exp(rng.normal(0, 10, size))
    x = np.concatenate(
        [anything, sizes, -sizes, rng.uniform(-3, 3, size), rng.uniform(-746, 710, size)]
    )
    x = np.concatenate([x, edges("float64")])
    assert_within(name, x, applied(name, x), BOUNDS[name])


@pytest.mark.parametrize("name", BOUNDS)
def test_the_docstring_states_the_bound_that_is_tested(name: str) -> None:
    assert f"within {BOUNDS[name]:g} ULP" in getattr(elementary, name).__doc__


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_are_the_c_librarys(name: str, dtype: str) -> None:
    x = np.random.default_rng(0).normal(0, 100, 1000).astype(dtype)
    x = np.concatenate([x, np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)])
    assert_within(name, x, applied(name, x), BOUNDS[name])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_special_values_are_numpys(name: str, dtype: str) -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, -2.0], dtype)
    with np.errstate(all="ignore"):
        exact = wide(name, x)
    y = applied(name, x)
    special = ~np.isfinite(exact) | (exact == 0)
    np.testing.assert_array_equal(y[special], exact[special])
    zero = exact == 0
    np.testing.assert_array_equal(np.signbit(y[zero]), np.signbit(exact[zero]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_bits_depend_on_nothing_but_the_argument(name: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, 203), rng.normal(0, 40, 204)]).astype(dtype)
    x = np.abs(x) if name == "log" else x
    x = np.maximum(x, np.array(-0.99, dtype)) if name == "log1p" else x
    loop = looped(name)
    together, alone = np.empty_like(x), np.empty_like(x)
    loop(x, together)  # vector code and its remainder
    for i in range(x.size):
        loop(x[i : i + 1], alone[i : i + 1])
    np.testing.assert_array_equal(together, alone)
    # The caller's freedom to contract must not reach into the function.
    np.testing.assert_array_equal(together, applied(name, x, fastmath={"contract"}))


@pytest.mark.parametrize("dtype", DTYPES)
def test_selections_are_numpys(dtype: str) -> None:
    values = np.array([0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan], dtype)
    a, b = (grid.ravel() for grid in np.meshgrid(values, values))
    maximum, minimum, where = elementary.maximum, elementary.minimum, elementary.where
    sign, absolute = elementary.sign, elementary.absolute

    @njit(error_model="numpy")
    def run(a, b, results):  # type: ignore[no-untyped-def]
        for i in range(a.size):
            results[0, i] = maximum(a[i], b[i])
            results[1, i] = minimum(a[i], b[i])
            results[2, i] = where(a[i] > b[i], a[i], b[i])
            results[3, i] = sign(a[i])
            results[4, i] = absolute(a[i])

    results = np.full((5, a.size), 77, dtype)
    run(a, b, results)
    assert_same(results[0], np.maximum(a, b))
    assert_same(results[1], np.minimum(a, b))
    assert_same(results[2], np.where(a > b, a, b))
    assert_same(results[3], np.sign(a))
    assert_same(results[4], np.absolute(a))
    assert not np.any(np.signbit(results[4][~np.isnan(a)]))


def assert_same(got: Array, expected: Array) -> None:
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", [*BOUNDS, "sign", "absolute"])
def test_in_plain_python_they_are_numpys(name: str) -> None:
    x = np.linspace(0.1, 3, 7)
    numpys = wide(name, x)
    np.testing.assert_allclose(getattr(elementary, name)(x), numpys, rtol=1e-15)


def test_selections_in_plain_python_are_numpys() -> None:
    a, b = np.array([1.0, np.nan, 3.0]), np.array([2.0, 2.0, 2.0])
    np.testing.assert_array_equal(elementary.maximum(a, b), [2, np.nan, 3])
    np.testing.assert_array_equal(elementary.minimum(a, b), [1, np.nan, 2])
    np.testing.assert_array_equal(elementary.where(a > b, a, b), [2, 2, 3])


@pytest.mark.skipif(not has_avx2(), reason="reads the assembly of x86-64 with AVX2")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_a_plain_loop_becomes_vector_code(name: str, dtype: str) -> None:
    number = types.Array(getattr(types, dtype), 1, "C")
    function = getattr(elementary, name)

    @njit(types.void(number, number), error_model="numpy")
    def loop(x, y):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            y[i] = function(x[i])

    assert runs_as_vector_code(loop)


@pytest.mark.skipif(not has_avx2(), reason="reads the assembly of x86-64 with AVX2")
def test_the_reading_of_assembly_notices_a_loop_of_calls() -> None:
    number = types.Array(types.float32, 1, "C")

    @njit(types.void(number, number), error_model="numpy")
    def loop(x, y):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            y[i] = np.exp(x[i])

    assert not runs_as_vector_code(loop)


WITHOUT_FMA = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
import backends.test_elementary as here
from tinygrad_ed.kernels.cpu import polynomials
assert not polynomials.HAS_FMA
x = np.arange(0, 2**32, 65521, dtype=np.uint64).astype(np.uint32).view(np.float32)
for name in here.POLYNOMIALS:
    here.assert_within(name, x, here.applied(name, x), max(here.BOUNDS[name], 2.5))
"""


def test_bounds_without_a_multiply_add_instruction() -> None:
    environment = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    program = WITHOUT_FMA.format(folder=os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
