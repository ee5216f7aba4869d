"""Optimisers' rules as scalar loops that work in place, and the numbers that they read."""

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from backends.scalar_runs import assert_same, bits, run, values
from backends.scalar_updates import HYPERS, assert_updates_like_numpy

from tinygrad_ed.backends.scalar_loops import NotElementwise, Varying, emit
from tinygrad_ed.optim import rules

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


# --- numbers --------------------------------------------------------------------------------------


def arithmetic_of_numbers(x, *, a, b, t):  # type: ignore[no-untyped-def]
    shrinking = (1 - a**t) ** 0.5 / (b**2 + t) ** -1.5
    scale = -np.sqrt(a) * math.exp(-b) + 2**b
    before = x * (a + b)
    a = 1 + a * b**t
    return x * shrinking + (t - 1) / t * 0.5 - before * a**0.25, x * scale


def test_numbers_are_computed_as_python_does_once_before_the_loop() -> None:
    """Powers above all: LLVM must not make pow(x, 0.5) a root, which rounds differently."""
    given = {"a": float, "b": float, "t": int}
    loop = emit(arithmetic_of_numbers, {"x": "full"}, given, outputs=["u", "v"])
    assert "pow" not in loop.text.split("for i in")[1]
    x, rng = values("full", "float32", 0), np.random.default_rng(0)
    wide = emit(arithmetic_of_numbers, {"x": "full"}, given, outputs=["u", "v"], dtype="float64")
    for _ in range(3000):
        numbers = {"a": rng.random(), "b": rng.random(), "t": int(rng.integers(1, 999))}
        for made, array in ((loop, x), (wide, x.astype("float64"))):
            found, formula = (
                run(made, {"x": array}, numbers),
                arithmetic_of_numbers(array, **numbers),
            )
            for k in (0, 1):  # np.sqrt of a number is a float64 that makes the array one, too
                np.testing.assert_array_equal(bits(found[k]), bits(formula[k]))


def one_of_two(x, *, first, a):  # type: ignore[no-untyped-def]
    return x * (1 if first else a) - (a if a != 0 and first else 2)


def one_by_size(x, *, a):  # type: ignore[no-untyped-def]
    return x * a if a > 0.25 else x


def test_a_choice_between_numbers_waits_until_run_time() -> None:
    def chosen(x, *, first, a):  # type: ignore[no-untyped-def]
        return x * (1 if first else a)

    loop = emit(chosen, {"x": "full"}, {"first": bool, "a": float}, outputs=["y"])
    x = values("full", "float32", 0)
    for first in (True, False):
        numbers = {"first": first, "a": 0.7}
        assert_same(run(loop, {"x": x}, numbers)[0], chosen(x, **numbers), loop)


@pytest.mark.parametrize(("first", "a"), [(True, 0.5), (False, 0.5), (True, 0.0)])
def test_whether_a_varying_number_is_zero_decides_and_its_value_is_still_read(
    first: bool, a: float
) -> None:
    numbers = {"first": Varying(first), "a": Varying(a)}
    loop = emit(one_of_two, {"x": "full"}, numbers, outputs=["y"])
    x = values("full", "float32", 0)
    found = run(loop, {"x": x}, {"first": first, "a": 1.5 * a})[0]
    assert_same(found, one_of_two(x, first=first, a=1.5 * a), loop)


def test_nothing_else_of_a_varying_number_decides() -> None:
    with pytest.raises(NotElementwise, match=r"a > 0\.25"):
        emit(one_by_size, {"x": "full"}, {"a": Varying(0.5)}, outputs=["y"])


# --- optimisers -----------------------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize(("rule", "hypers"), HYPERS, ids=lambda v: getattr(v, "__name__", None))
def test_rules_update_in_place_with_numpys_bits(
    rule: Any, hypers: dict[str, Any], dtype: str
) -> None:
    assert_updates_like_numpy(rule, hypers, dtype)


def test_slots_that_are_none_need_no_code() -> None:
    hypers = {"lr": float, "momentum": 0.0, "weight_decay": 0.0, "first": bool}
    loop = emit(rules.sgd, {"p": "full", "g": "full"}, hypers, outputs=["p", "v"])
    assert loop.nothing == {1} and [o.of for o in loop.operands] == ["p", "g", "lr"]


def test_another_value_of_a_varying_number_gives_the_same_text() -> None:
    def text(decay: float) -> str:
        hypers = {"t": int, "weight_decay": Varying(decay)}
        layouts = dict.fromkeys("pgmv", "full")
        return emit(rules.adam, layouts, hypers, outputs=[*"pmv", None]).text

    assert text(0.01) == text(0.02) != text(0.0)


def keeps_the_old_one(p, g, old):  # type: ignore[no-untyped-def]
    return p - g, p


def swaps(p, g):  # type: ignore[no-untyped-def]
    return g, p


def test_an_old_value_is_kept_before_it_is_written_over() -> None:
    p, g, old = (values("full", "float32", k) for k in range(3))
    before, layouts = p.copy(), dict.fromkeys(["p", "g", "old"], "full")
    loop = emit(keeps_the_old_one, layouts, outputs=["p", "old"])
    run(loop, {"p": p, "g": g, "old": old})
    np.testing.assert_array_equal(bits(p), bits(before - g))
    np.testing.assert_array_equal(bits(old), bits(before))
    loop = emit(keeps_the_old_one, layouts, outputs=["p", "copy"])
    found = run(loop, {"p": p, "g": g})
    np.testing.assert_array_equal(bits(found[1]), bits(before - g))
    loop = emit(swaps, {"p": "full", "g": "full"}, outputs=["p", "g"])
    a, b = p.copy(), g.copy()
    run(loop, {"p": a, "g": b})
    np.testing.assert_array_equal(bits(a), bits(g))
    np.testing.assert_array_equal(bits(b), bits(p))
