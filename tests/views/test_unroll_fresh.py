"""An op that the library has never seen is printed right, or refused with the true reason."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from views.fresh_constants import REFUSED, generator
from views.fresh_ops import RUNS

import tinygrad_ed as tg

x0 = np.array([0.5, -1.25, 2.0, 0.75])
k0 = np.array([1.5, 0.25, -0.5, 3.0])


def leaves() -> list[tg.Tensor]:
    return [tg.tensor(a, requires_grad=True, name=n) for a, n in ((x0, "x"), (k0, "k"))]


@pytest.mark.parametrize("call", RUNS.values(), ids=RUNS)
def test_tape_and_program_give_the_same_bits(call: Any) -> None:
    inputs = leaves()
    loss = (call(*inputs) * 0.5).sum()
    value, gradients = tg.unroll(loss).run()
    loss.backward()
    np.testing.assert_array_equal(np.asarray(value), loss.numpy())
    for t in inputs:
        assert t.grad is not None and t.name is not None
        np.testing.assert_array_equal(gradients[t.name], t.grad.numpy())


@pytest.mark.parametrize("call", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("wanted", [0, 1])
def test_one_gradient_alone_is_that_of_both(call: Any, wanted: int) -> None:
    both = leaves()
    call(*both).sum().backward()
    alone = [tg.tensor(t.numpy(), requires_grad=k == wanted) for k, t in enumerate(both)]
    call(*alone).sum().backward()
    mine, theirs = alone[wanted].grad, both[wanted].grad
    assert mine is not None and theirs is not None
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.parametrize("call, reason", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_printed_is_refused_with_the_true_reason(call: Any, reason: str) -> None:
    with pytest.raises(OSError, match=reason):
        tg.unroll(call(*leaves()).sum())


@pytest.mark.parametrize("name", ["table_in_a_copy", "big_table_in_a_copy"])
def test_a_saved_program_brings_the_constants_of_its_functions(name: str, tmp_path: Path) -> None:
    inputs = leaves()
    loss = RUNS[name](*inputs).sum()
    path = tg.unroll(loss).save(tmp_path / "net.py")
    check = (
        f"import runpy; ran = runpy.run_path({str(path)!r}, run_name='__main__')\n"
        "print(ran['gradients']['x'].tobytes().hex())"
    )
    env = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, env=env, check=True
    )
    loss.backward()
    assert inputs[0].grad is not None
    assert done.stdout.splitlines()[-1] == inputs[0].grad.numpy().tobytes().hex()


@pytest.mark.parametrize(
    "names",
    [
        ("W₁", "W1"),
        ("x²", "x2"),
        ("ℓ", "l"),
        ("∂L/∂x", "2·y"),
        ("values", "gradients"),
        ("file", "name"),
        ("gradient", "__file__"),
        ("program", "__name__"),
        ("", "…"),
    ],
)
def test_any_name_gives_a_program_that_runs_when_saved(
    names: tuple[str, str], tmp_path: Path
) -> None:
    a, b = (
        tg.tensor(np.full(600, v), requires_grad=True, name=n)
        for v, n in zip((2.0, 3.0), names, strict=True)
    )
    program = tg.unroll((a * b).sum())
    value, gradients = program.run()
    assert value == 3600.0 and [g[0] for g in gradients.values()] == [3.0, 2.0]
    assert all(name.isidentifier() for name in program.inputs) and len(program.inputs) == 2
    path = program.save(tmp_path / "net.py")
    subprocess.run([sys.executable, str(path)], capture_output=True, check=True)


def test_unroll_changes_nothing_that_the_op_uses() -> None:
    call, _ = REFUSED["draws"]
    loss = call(*leaves()).sum()
    before = generator.bit_generator.state
    with pytest.raises(OSError, match="generator"):
        tg.unroll(loss)
    assert generator.bit_generator.state == before
