"""The bug zoo: edits that cannot go stale, stories, and checks that name the mistake."""

import ast
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck, zoo
from tinygrad_ed.check.evidence import KINDS, STEP_KINDS, Guess, kind_of
from tinygrad_ed.check.updates import check_update
from tinygrad_ed.check.zoo import calls as zoo_calls
from tinygrad_ed.check.zoo.edit import edited
from tinygrad_ed.ops.source import syntax

BACKWARD = [n for n, m in zoo.mutants.items() if m.kind == "backward"]
STEPS = [n for n, m in zoo.mutants.items() if m.kind == "step"]

NOT_NAMED = {
    "gelu-cube": "one constant deep inside a slope: no number around it tells which",
    "var-keepdims-lost": "a mean of another row is subtracted: it fits no simpler pattern",
    "maximum-tie-twice": "every share alone is a valid one-sided slope",
    "max-to-all-ties": "every share alone is a valid one-sided slope",
}
"""Wrong backward passes whose first guess is not the right one; the list may only shrink."""


def on_its_call(one: zoo.Mutant) -> tuple[Any, list[Any]]:
    call = zoo_calls.call(one.subject, one.shown_by)
    op = tg.registry[one.subject]
    return (lambda *xs: op(*xs, **call.params)), list(call.operands)


def test_the_zoo_is_large_enough_and_speaks_of_everything() -> None:
    assert len(zoo.mutants) >= 40
    assert {m.kind for m in zoo.mutants.values()} == {"backward", "forward", "step", "tape"}
    for one in zoo.mutants.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.name)
        assert 60 < len(one.story) < 400 and one.story.endswith((".", ".)")), one.name
        known = STEP_KINDS if one.kind == "step" else KINDS
        assert one.guess is None or one.guess in known, one.name


@pytest.mark.parametrize("name", zoo.mutants)
def test_a_mutant_is_its_original_with_one_edit(name: str) -> None:
    one = zoo.mutants[name]
    original = zoo.target_function(one.target)
    assert original.__code__.co_code != one.function.__code__.co_code or (
        original.__code__.co_consts,
        original.__code__.co_names,
    ) != (one.function.__code__.co_consts, one.function.__code__.co_names)
    before = original.__code__
    with one.in_place():
        assert original.__code__ is one.function.__code__
    assert original.__code__ is before


def test_an_edit_that_no_longer_fits_raises() -> None:
    original = zoo.target_function("sigmoid.vjp")
    with pytest.raises(LookupError, match=r"'\(2 - y\)' occurs 0 times in sigmoid_vjp"):
        edited(original, [("(2 - y)", "(2 + y)")], "gone")
    with pytest.raises(LookupError, match="'y' occurs 3 times"):
        edited(original, [("y", "z")], "twice")
    with pytest.raises(LookupError, match=r"no function 'sigmoid\.sideways'"):
        zoo.target_function("sigmoid.sideways")
    with pytest.raises(LookupError, match=r"no function 'rules\.lion'"):
        zoo.target_function("rules.lion")


def test_the_original_is_back_after_an_error_inside() -> None:
    original = zoo.target_function("sigmoid.vjp").__code__
    with pytest.raises(ZeroDivisionError), zoo.mutants["sigmoid-plus"].in_place():
        _ = 1 / 0
    assert zoo.target_function("sigmoid.vjp").__code__ is original
    z = tg.tensor(np.linspace(-2, 2, 5), requires_grad=True)
    assert gradcheck(tg.sigmoid, z)


def test_readers_of_source_see_the_mistake() -> None:
    def program() -> str:
        return str(tg.unroll(tg.tanh(tg.tensor(np.ones(2), requires_grad=True)).sum()))

    right = program()
    with zoo.mutants["tanh-no-square"].in_place():
        backward = tg.registry["tanh"].backward
        assert backward is not None
        assert "return dy * (1 - y)" in ast.unparse(syntax(backward))
        wrong = program()
    assert right != wrong and right == program()
    assert sum(a != b for a, b in zip(right.split("\n"), wrong.split("\n"), strict=True)) == 1


@pytest.mark.parametrize("name", BACKWARD)
def test_gradcheck_finds_the_op_and_its_first_guess_is_right(name: str) -> None:
    one = zoo.mutants[name]
    function, operands = on_its_call(one)
    with one.in_place():
        result = gradcheck(function, *operands, raises=False)
    if one.guess is None:
        assert result, "it shows after all: say which guess is right"
        return
    assert not result and result.op == one.subject
    if name in NOT_NAMED:
        assert kind_of(result.guess) != one.guess, f"{name} is named now: take it off the list"
    else:
        assert kind_of(result.guess) == one.guess, result.guess


def test_at_least_nine_of_ten_wrong_backward_passes_are_named() -> None:
    assert NOT_NAMED.keys() <= set(BACKWARD)
    assert len(NOT_NAMED) <= len(BACKWARD) / 10


@pytest.mark.parametrize("name", [n for n in BACKWARD if n not in NOT_NAMED])
def test_the_same_guess_deep_inside_a_function(name: str) -> None:
    one = zoo.mutants[name]
    function, operands = on_its_call(one)

    def network(*xs: Any) -> Any:
        moved = [x + 0.0 if isinstance(x, tg.Tensor) and x.requires_grad else x for x in xs]
        return tg.sin(function(*moved))

    with one.in_place():
        result = gradcheck(network, *operands, method="central", raises=False)
    assert not result and (result.op, kind_of(result.guess)) == (one.subject, one.guess)


@pytest.mark.parametrize("name", ["broadcast-first-only", "broadcast-mean"])
def test_gradcheck_names_a_wrong_sum_over_a_broadcast_axis(name: str) -> None:
    X, b = np.random.default_rng(0).normal(size=(3, 4)), np.arange(4.0)
    with zoo.mutants[name].in_place():
        result = gradcheck(lambda X, b: X * 2.0 + b, X, b, raises=False)
    assert not result and (result.op, result.operand) == ("add", "b")
    assert kind_of(result.guess) == zoo.mutants[name].guess


@pytest.mark.parametrize("name", STEPS)
def test_check_update_names_a_wrong_step(name: str) -> None:
    one = zoo.mutants[name]
    result = check_update(one.function, like=one.subject)
    assert not result
    assert kind_of(result.guess) == one.guess, result
    assert "check_update failed" in str(result) and str(result.guess) in str(result)


def test_a_guess_has_a_kind_that_is_known() -> None:
    with pytest.raises(ValueError, match="no kind of guess 'unheard-of'"):
        Guess("unheard-of", "text")
    assert kind_of(Guess("sign", "text")) == "sign" and kind_of("text") is None
    assert kind_of(None) is None
