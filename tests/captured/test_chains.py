"""Elementwise launches in a row become one on CUDA: never another bit, and nothing lost."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import assert_same_bits
from devices import CUDA_SIM
from hypothesis import given
from hypothesis import strategies as st
from ops.helpers import examples

import tinygrad_ed as tg

Array = np.ndarray[Any, Any]
rng = np.random.default_rng(0)
X, ROW, COLUMN = (rng.standard_normal(shape).astype("float32") for shape in ((7, 5), (5,), (7, 1)))


def run(step: Callable[..., Any], *arrays: Array, device: str = "cuda-sim", **how: Any) -> Any:
    """The third call of a captured step, and its program."""
    captured = tg.capture(step, device=device, **how)
    found = None
    for _ in range(3):
        found = captured(*(a.copy() for a in arrays))
    return found, captured.program


def names(program: Any) -> list[str]:
    return [line.kernel.name for line in program.instructions]


def gated(x: Any, row: Any, column: Any) -> Any:
    """Both kinds of broadcast, a value that is used twice, gradients that add up."""
    x.requires_grad = row.requires_grad = True
    y = tg.tanh(x * row + x) * tg.exp(-x * x)
    loss = (y * column * y).sum()
    loss.backward()
    return loss.detach(), y.detach(), x.grad, row.grad


@pytest.mark.parametrize("device", [CUDA_SIM])
def test_a_chain_has_the_bits_of_its_links(device: str) -> None:
    joined, program = run(gated, X, ROW, COLUMN, device=device)
    apart, longer = run(gated, X, ROW, COLUMN, device=device, fuse=False)
    assert_same_bits(joined, apart)
    assert program.launches < longer.launches / 2
    assert any(name.startswith("chain_of_") for name in names(program))


@pytest.mark.parametrize("device", [CUDA_SIM])
def test_rows_and_columns_are_not_mixed_up(device: str) -> None:
    def step(x: Any, row: Any, column: Any) -> Any:
        return tg.exp(x * row) + column * x, (x + column) * row

    joined, _ = run(step, X, ROW, COLUMN, device=device)
    apart, _ = run(step, X, ROW, COLUMN, device=device, fuse=False)
    assert_same_bits(joined, apart)


@pytest.mark.parametrize("device", [CUDA_SIM])
def test_what_the_step_returns_is_still_written(device: str) -> None:
    def step(x: Any) -> Any:
        a = tg.tanh(x)
        b = tg.exp(a)
        return a, b, b * 2.0

    found, program = run(step, X, device=device)
    assert names(program) == ["chain_of_3"]
    apart, _ = run(step, X, device=device, fuse=False)
    assert_same_bits(found, apart)


@pytest.mark.parametrize("device", [CUDA_SIM])
def test_what_nobody_reads_any_more_is_not_written(device: str) -> None:
    def step(x: Any) -> Any:
        a = tg.tanh(x)
        return (a * a) + a * a * a  # every reader of a joins it, some read it twice

    _, program = run(step, X, device=device)
    (line,) = program.instructions
    assert [a.shape for a in line.operands("out")] == [(7, 5)]
    assert line.kernel.signature.roles.count("out") == 1


def test_on_the_cpu_launches_stay_apart() -> None:
    _, program = run(gated, X, ROW, COLUMN, device="cpu")
    assert not any(name.startswith("chain_of_") for name in names(program))


FUNCTIONS = [tg.tanh, tg.exp, tg.relu, tg.sigmoid, lambda x: x * 0.5, lambda x: -x, abs]
JOINS = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, tg.maximum]


@pytest.mark.parametrize("device", [CUDA_SIM])
@examples(12)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 9), st.integers(0, 9)), max_size=8),
    st.booleans(),
)
def test_random_chains(device: str, plan: list[tuple[int, int, int]], graded: bool) -> None:
    def step(x: Any, row: Any, column: Any) -> Any:
        x.requires_grad = graded
        found = [x, x + row, x * column]
        for what, i, j in plan:
            a, b = found[i % len(found)], found[j % len(found)]
            if what < len(FUNCTIONS):
                found.append(FUNCTIONS[what](a))
            else:
                found.append(JOINS[what - len(FUNCTIONS)](a, b))
        y = found[-1]
        if graded:
            (y * y).sum().backward()
            return y.detach(), x.grad
        return y

    joined, _ = run(step, X, ROW, COLUMN, device=device)
    apart, _ = run(step, X, ROW, COLUMN, device=device, fuse=False)
    assert_same_bits(joined, apart)
