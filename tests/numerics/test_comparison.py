"""The textbook form against the one that runs: numbers, breaks and bounds."""

import csv
import functools
import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from devices import DEVICES

import tinygrad_ed as tg
from tinygrad_ed.errors import DTypeError
from tinygrad_ed.numerics import CASES, LIBRARY, Comparison, compare
from tinygrad_ed.numerics.comparison import spaced

DTYPES = ["float32", "float64"]
each_case = pytest.mark.parametrize("name", CASES)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@functools.cache
def compared(name: str, dtype: str = "float32", device: str = "numpy") -> Comparison:
    """`compare`, once for all tests that only look at the result."""
    return compare(name, dtype=dtype, device=device)


def other_formulas() -> dict[str, Any]:
    """Each value once more, by another library and by another formula than the textbook's."""
    m: Any = pytest.importorskip("mpmath")

    def lse(*z: Any) -> Any:
        top = max(z)
        return top + m.log(m.fsum(m.exp(v - top) for v in z))

    def deviation(*x: Any) -> Any:
        middle = m.fsum(x) / len(x)
        return m.fsum((v - middle) ** 2 for v in x) / len(x)

    return {
        "sigmoid": lambda z: (1 + m.tanh(z / 2)) / 2,
        "tanh": m.tanh,
        "softplus": lambda z: max(z, 0) + m.log1p(m.exp(-abs(z))),
        "softmax": lambda *z: 1 / m.fsum(m.exp(v - z[0]) for v in z),
        "logsumexp": lse,
        "log_softmax": lambda *z: z[0] - lse(*z),
        "bce": lambda y, t: -m.log1p(-y),
        "bce_with_logits": lambda z, t: max(-z, 0) + m.log1p(m.exp(-abs(z))),
        "cross_entropy_labels": lambda *z: lse(*z[:2]) - z[0],
        "var": deviation,
    }


@each_dtype
@each_case
def test_exact_values_and_errors_are_those_of_another_library(name: str, dtype: str) -> None:
    mpmath = pytest.importorskip("mpmath")
    c, formula = compare(name, dtype=dtype, points=61), other_formulas()[name]
    operands = [x.reshape(c.z.size, -1) for x in CASES[name].operands(c.z)]
    with mpmath.workdps(900):
        for k, z in enumerate(c.z):
            exact = formula(*[mpmath.mpf(float(v)) for x in operands for v in x[k]])
            if not mpmath.isfinite(exact):
                assert name == "bce" and z == 1
                continue
            assert c.exact[k] == pytest.approx(float(exact), rel=1e-15, abs=0)
            for form in ("textbook", "stable"):
                got, error = getattr(c, form)[k], getattr(c, f"{form}_ulp")[k]
                if not np.isfinite(got):
                    assert error == np.inf
                    continue
                exponent = math.frexp(float(exact))[1] - 1 if float(exact) else -2000
                exponent = max(exponent, int(np.finfo(dtype).minexp))
                unit = mpmath.ldexp(1, exponent - int(np.finfo(dtype).nmant))
                off = abs(mpmath.mpf(float(got)) - exact) / unit
                assert error == pytest.approx(float(off), rel=1e-6, abs=1e-12)


@each_dtype
@each_case
@pytest.mark.parametrize("device", DEVICES)
def test_the_computable_form_keeps_its_bound(name: str, dtype: str, device: str) -> None:
    if device == "cpu":
        pytest.importorskip("numba")
    c = compared(name, dtype, device)
    assert c.z.size >= 200 and np.all(np.isfinite(c.stable) | np.isinf(c.exact))
    np.testing.assert_array_less(c.stable_ulp, np.nextafter(c.allowed, np.inf))
    assert c.holds and 1 <= c.bound <= 25


@each_dtype
@each_case
def test_the_textbook_form_does_not_keep_it(name: str, dtype: str) -> None:
    c = compared(name, dtype)
    assert np.any(c.textbook_ulp > c.allowed)
    assert c.worst("textbook").ulp > 1000 and c.where_it_breaks()


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "softmax", "bce_with_logits", "var"])
def test_a_worse_formula_breaks_the_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op = tg.registry[name]
    monkeypatch.setattr(op, "forward", op.textbook_form)
    broken = compare(name)
    assert not broken.holds and "BROKEN" in broken.text()
    np.testing.assert_array_equal(broken.stable, broken.textbook)


def test_the_bound_is_relative_to_the_result_where_it_says_so() -> None:
    c = compared("sigmoid")
    np.testing.assert_array_equal(c.allowed, c.bound)
    kernel = compared("sigmoid", device="cpu")
    normal = kernel.exact > 1e-25
    np.testing.assert_allclose(kernel.allowed[normal], kernel.bound, rtol=1e-3)
    assert kernel.stable[np.argmin(np.abs(kernel.z + 90))] == 0  # flushed, and allowed to be


def logarithm(x: float, times: float = 1.0) -> float:
    with localcontext() as context:
        context.prec = 50
        return float((Decimal(x) * Decimal(times)).ln())


@each_dtype
def test_breaks_are_where_theory_says(dtype: str) -> None:
    info = np.finfo(dtype)
    top = logarithm(float(info.max))  # e^z is infinite above: 88.72 or 709.78
    bottom = logarithm(float(info.smallest_subnormal), 0.5)  # and 0 below: -103.97 or -745.13
    # Below u, 1 + e^z is 1; up to (1 + 1/3) u it is 1 + 2u, of which half is wrong.
    u = float(info.eps) / 2
    lost, useless = logarithm(u) + logarithm(4) - logarithm(3), logarithm(u)
    low, high = CASES["sigmoid"].ranges[dtype]
    theory = {
        "sigmoid": [("has no right digit", bottom, -top)],
        "softplus": [("has no right digit", bottom, lost), ("gives infinity", top, high)],
        "bce_with_logits": [
            ("gives infinity", low, -top),
            ("has no right digit", -lost, -useless),
            ("gives NaN", -useless, high),
        ],
        "logsumexp": [("gives infinity", low, bottom), ("gives infinity", top - 0.4076, high)],
    }
    for name, expected in theory.items():
        found = compared(name, dtype).where_it_breaks()
        assert [b.kind for b in found] == [kind for kind, _, _ in expected], name
        for b, (_, start, end) in zip(found, expected, strict=True):
            assert (b.low, b.high) == (pytest.approx(start, abs=2e-4), pytest.approx(end, abs=2e-4))
    nans = [b for b in compared("tanh", dtype).where_it_breaks() if b.kind == "gives NaN"]
    assert [b.low for b in nans] == [low, pytest.approx(top, abs=1e-5)]


@each_case
def test_the_ends_of_a_break_are_neighbours_of_better_numbers(name: str) -> None:
    c = compared(name)
    for form in ("textbook", "stable"):
        breaks = c.where_it_breaks(form)
        for b in breaks:
            assert c.z[0] <= b.low <= b.high <= c.z[-1]
            run = getattr(c._sweep, form)
            for end, outside in ((b.low, -np.inf), (b.high, np.inf)):
                if c.z[0] < end < c.z[-1]:
                    at = np.array([end, np.nextafter(np.float32(end), np.float32(outside))], "f4")
                    states = zip(run(at), c._sweep.exact(at), strict=True)
                    inside, beyond = (state_of(float(v), exact) for v, exact in states)
                    assert inside == b.kind and beyond != b.kind


def state_of(value: float, exact: Decimal) -> str:
    if np.isnan(value):
        return "gives NaN"
    if value == np.float32(exact):
        return "right"
    if np.isinf(value):
        return "gives infinity"
    error = abs(Fraction(value) - Fraction(exact))
    return "right" if 2 * error < abs(Fraction(exact)) else "has no right digit"


def test_confident_rows_lose_relative_digits_in_the_stable_form_too() -> None:
    c = compare("cross_entropy")
    assert c.op == "cross_entropy_labels"
    assert any(b.low < 17 < b.high for b in c.where_it_breaks("stable"))
    assert np.all(np.abs(c.stable - c.exact) <= 1e-5)  # and no absolute ones


def test_worst_is_the_largest_error_and_the_first_of_equals() -> None:
    c = compared("softplus")
    worst = c.worst("stable")
    k = int(np.flatnonzero(c.z == np.float32(worst.z))[0])
    assert worst.ulp == np.max(c.stable_ulp) == c.stable_ulp[k]
    assert (worst.got, worst.exact) == (c.stable[k], c.exact[k])
    assert c.worst().ulp == np.inf and c.worst().z == c.z[np.argmax(np.isinf(c.textbook))]


def test_the_table_shows_the_numbers() -> None:
    c = compare("tanh", range=(-100, 100))
    text = str(c)
    k = int(np.argmin(np.abs(c.z - 50)))
    row = next(line for line in text.splitlines() if line.split()[0] == f"{c.z[k]:.8g}")
    assert row.split()[1:4] == [f"{v[k]:.8g}" for v in (c.exact, c.textbook, c.stable)]
    assert "gives NaN from 88.722" in text and "kept: 2 ULP of the result" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert repr(c).startswith("<tanh in float32 on 'numpy': ")


@pytest.mark.parametrize("limits", [(-3.0, 5.0), (0.0, 1.0), (10.0, 20.0), (-1e-3, 1e-3)])
def test_points_cover_the_range_and_crowd_towards_zero(limits: tuple[float, float]) -> None:
    z = spaced(*limits, 400, "float64")
    assert (z[0], z[-1]) == limits and np.all(np.diff(z) > 0) and 200 <= z.size <= 410
    if limits[0] <= 0 <= limits[1]:
        assert 0 < np.min(np.abs(z[z != 0])) <= 1e-11 * max(map(abs, limits))


def test_an_op_of_ones_own_is_compared_too() -> None:
    @tg.op(elementwise=True)
    def log_cosh(z):  # type: ignore[no-untyped-def]
        """Log cosh z, shifted."""
        return np.abs(z) + np.log1p(np.exp(-2 * np.abs(z))) - 0.6931471805599453

    @log_cosh.textbook
    def _(z):  # type: ignore[no-untyped-def]
        return np.log((np.exp(z) + np.exp(-z)) / 2)

    c = compare(log_cosh, range=(-200, 200))
    ends = [(b.low, b.high) for b in c.where_it_breaks() if b.kind == "gives infinity"]
    assert [low for low, _ in ends] == [-200, pytest.approx(88.7228, abs=1e-4)]
    assert np.isinf(c.bound) and c.holds and "bound" not in c.text()


def test_what_cannot_be_compared_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="sigmoid, tanh, softplus"):
        compare("relu")
    with pytest.raises(ValueError, match="nothing to compare for 'sigmoide'"):
        compare("sigmoide")
    with pytest.raises(DTypeError, match="float32, float64"):
        compare("sigmoid", dtype="float16")
    with pytest.raises(ValueError, match="from a lower to a higher"):
        compare("sigmoid", range=(3, 3))
    with pytest.raises(ValueError, match="give a range within"):
        compare("sigmoid", range=(-1e6, 0))
    with pytest.raises(ValueError, match="'textbook' and 'stable'"):
        compare("sigmoid", points=20).worst("exact")


@pytest.mark.parametrize("function", ["exp", "log", "log1p", "tanh"])
@each_dtype
def test_the_librarys_errors_are_what_numpy_and_the_kernels_promise(
    function: str, dtype: str
) -> None:
    stated = getattr(LIBRARY[dtype], function)
    folder = Path(np.__file__).parent / "_core" / "tests" / "data"
    file = folder / f"umath-validation-set-{function}.csv"
    if file.exists():  # not every way to install NumPy brings its tests along
        rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
        allowed = max(float(row[3]) for row in rows if row[0] == f"np.{dtype}")
        assert stated >= allowed
    pytest.importorskip("numba")
    from tinygrad_ed.kernels.cpu import elementary

    found = re.search(r"within ([\d.]+) ULP", getattr(elementary, function).__doc__)
    assert found and stated >= float(found[1])


def test_the_result_is_data() -> None:
    c = compare("sigmoid", points=40)
    assert isinstance(c, Comparison)
    arrays = (c.z, c.exact, c.textbook, c.stable, c.textbook_ulp, c.stable_ulp, c.allowed)
    assert {a.shape for a in arrays} == {c.z.shape}
    assert c.z.dtype == c.textbook.dtype == c.stable.dtype == np.float32
