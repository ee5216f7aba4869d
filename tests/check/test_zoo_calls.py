"""The calls that mutants and exercises run on: every op has some, and is right on all of them."""

from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck, zoo
from tinygrad_ed.check.zoo import calls as zoo_calls
from tinygrad_ed.check.zoo.call_table import TABLE


def test_every_op_of_the_rule_book_has_calls() -> None:
    assert set(TABLE) == set(tg.registry)


@pytest.mark.parametrize("name", tg.registry)
def test_an_op_has_the_right_gradient_on_its_calls(name: str) -> None:
    op = tg.registry[name]
    for call in zoo_calls.calls(name):
        if call.label == "extreme":  # differences need a scale; the ops' own tests do these
            continue

        def function(*xs: Any, call: zoo_calls.Call = call) -> Any:
            return op(*xs, **call.params)

        floats = [np.asarray(x, float) if _varies(x) else x for x in call.operands]
        assert gradcheck(function, *floats), call.label


def _varies(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic) and np.asarray(x).dtype.kind == "f"


def test_every_seed_draws_other_numbers() -> None:
    first, again, other = (zoo_calls.call("sigmoid", "ordinary", s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.operands[0], again.operands[0])
    assert not np.any(first.operands[0] == other.operands[0])


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="no calls are listed for op 'nothing'"):
        zoo_calls.calls("nothing")
    with pytest.raises(LookupError, match="it has ordinary, number, empty, extreme"):
        zoo_calls.call("sigmoid", "square")


@pytest.mark.parametrize("name", [n for n, m in zoo.mutants.items() if m.subject in tg.registry])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_mutant_differs_from_the_right_function_on_the_call_that_shows_it(
    name: str, seed: int
) -> None:
    one = zoo.mutants[name]
    op, call = tg.registry[one.subject], zoo_calls.call(one.subject, one.shown_by, seed)
    params = {**op.defaults, **call.params}
    y = np.asarray(op.forward(*call.operands, **params))
    given = (np.linspace(-1, 2, y.size).reshape(y.shape), y) if one.kind == "backward" else ()
    right = _parts(zoo.target_function(one.target)(*given, *call.operands, **params))
    try:
        with np.errstate(all="ignore"):
            wrong = _parts(one.function(*given, *call.operands, **params))
    except Exception:  # the mistake does not even run on these operands
        return
    same = [
        a is b or (a is not None and b is not None and np.array_equal(a, b, equal_nan=True))
        for a, b in zip(right, wrong, strict=True)
    ]
    assert not all(same)


def _parts(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)
