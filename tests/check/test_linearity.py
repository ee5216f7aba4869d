"""A VJP is linear in the upstream gradient: gradcheck sends a negative one too."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.check import GradientMismatch, gradcheck

V = np.random.default_rng(0).normal(size=4)


def sine_with(vjp: Callable[..., Any]) -> tg.ops.Op:
    @tg.op
    def sine(z):
        return np.sin(z)

    sine.vjp(vjp)
    return sine


def by_size(dy, y, z):
    return np.abs(dy) * np.cos(z)


def test_the_op_is_named_where_all_numbers_agree() -> None:
    result = gradcheck(sine_with(by_size), V, raises=False)
    assert not result and not result.mismatches
    assert (result.op, result.operand) == ("sine", "z")
    assert "negative dy" in str(result.guess)


def test_on_a_tape_too_long_to_look_at_every_op_the_walk_back_must_still_be_linear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tinygrad_ed.check.local.MOST_NODES", 0)
    with pytest.raises(GradientMismatch, match="negative upstream gradient"):
        gradcheck(sine_with(by_size), V)


def test_the_gradient_of_a_gradient_must_be_linear_too() -> None:
    slope = sine_with(by_size)

    @tg.op
    def falling(z):
        return np.cos(z)

    @falling.vjp
    def _(dy, y, z):
        return -dy * slope(z)

    assert gradcheck(falling, V)
    assert not gradcheck(falling, V, order=2, raises=False)


def test_a_right_vjp_is_linear_also_where_it_is_rounded_to_float32() -> None:
    assert gradcheck(lambda x: tg.sin(x.astype("float32")).astype("float64"), V, tolerance=1e-2)
    assert gradcheck(sine_with(lambda dy, y, z: dy * np.cos(z)), V)
