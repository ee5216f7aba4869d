"""Scalar loops joined into one: the same bits, with one pass less over memory."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from backends.scalar_pairs import arguments, assert_joined, assert_random_chain

from tinygrad_ed import registry
from tinygrad_ed.backends.scalar_chains import chained, chained_args, width_of
from tinygrad_ed.backends.scalar_loops import emit, emit_op, emit_vjp


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(5))
def test_a_chain_has_the_bits_of_its_loops(seed: int, dtype: str) -> None:
    assert_random_chain(seed, dtype, "numba")


def test_a_joined_loop_reads_as_one() -> None:
    add, tanh = emit_op(registry["add"], ["full", "row"]), emit_op(registry["tanh"], ["full"])
    assert chained(add, tanh, {0: 2}, name="layer").text == (
        "from tinygrad_ed.kernels.cpu.elementary import tanh\n\n\n"
        "def layer(a_, b_, y__2):\n"
        "    H = b_.size\n"
        "    rows = a_.size // max(H, 1)\n"
        "    for row in range(rows):\n"
        "        a_row = a_[row * H : (row + 1) * H]\n"
        "        y__2row = y__2[row * H : (row + 1) * H]\n"
        "        for i in range(H):\n"
        "            a = a_row[i]\n"
        "            b = b_[i]\n"
        "            z = a + b\n"
        "            y__2row[i] = tanh(z)\n"
    )
    assert chained(add, tanh, {0: 2}, keep=[2]).text.count("a + b") == 1


def changes_its_argument(x, k):  # type: ignore[no-untyped-def]
    x = x * 2
    x = x + k
    return x, x - 1


def reads_it_again(x, u):  # type: ignore[no-untyped-def]
    u = u - x
    x = x * u
    return x


def test_a_variable_that_changes_is_read_in_time() -> None:
    """Both change what they were given; the second still sees the array and the result."""
    full = dict.fromkeys("xk", "full")
    first = emit(changes_its_argument, full, outputs=["u", "v"])
    second = emit(reads_it_again, dict.fromkeys("xu", "full"), outputs=["y"])
    for keep in (set[int](), {2}, {2, 3}):
        assert_joined(first, second, {0: 0, 1: 2}, keep, 1)
        assert_joined(first, second, {0: 3, 1: 2}, keep, 2)
        assert_joined(first, second, {0: 2, 1: 2}, keep, 3)


def test_updates_join_the_gradient_before_them() -> None:
    """An array that is changed in place is no link, and is changed all the same."""

    def step(p, g, *, lr):  # type: ignore[no-untyped-def]
        return p - lr * g

    relu = emit_vjp(registry["relu"], [True], ["full"])
    update = emit(step, dict.fromkeys("pg", "full"), {"lr": float}, outputs=["p"])
    (given,) = (k for k, o in enumerate(relu.operands) if o.kind == "out")
    joined = chained(relu, update, {1: given})
    assert [(o.kind, o.of) for o in joined.operands] == [
        ("in", "dy"), ("in", "y"), ("inout", "p"), ("real", "lr")
    ]  # fmt: skip
    with pytest.raises(ValueError, match="is not p"):
        chained(relu, update, {0: given})


def test_what_does_not_fit_is_an_error() -> None:
    narrow, wide = (emit_op(registry["exp"], ["full"], dtype=d) for d in ("float32", "float64"))
    with pytest.raises(ValueError, match="one kind"):
        chained(narrow, wide, {0: 1})
    with pytest.raises(ValueError, match="one kind"):
        chained(narrow, emit_op(registry["exp"], ["full"], language="cuda"), {0: 1})
    row = emit_op(registry["add"], ["full", "row"])
    with pytest.raises(ValueError, match=r"y_ \(out\) is not b_"):
        chained(narrow, row, {1: 1})
    alias = emit_vjp(registry["add"], [True, False], ["full", "full"])
    with pytest.raises(ValueError, match="one kind"):
        chained(narrow, alias, {0: 1})


def test_rows_of_a_call_are_measured() -> None:
    loop = emit_op(registry["add"], ["full", "row"])
    args = [np.zeros((6, 4)), np.zeros(4), np.zeros((6, 4))]
    assert width_of(loop, args) == 4
    loop = emit_op(registry["add"], ["column", "full"])
    assert width_of(loop, [np.zeros((6, 1)), *args[::2]]) == 4
    loop = emit_op(registry["add"], ["full", "scalar"])
    assert width_of(loop, [args[0], np.zeros(1), args[2]]) is None


def test_arguments_of_the_two_become_those_of_the_chain() -> None:
    add, tanh = emit_op(registry["add"], ["full", "row"]), emit_op(registry["tanh"], ["full"])
    ones, twos = arguments(add, 1), arguments(tanh, 2)
    assert [id(a) for a in chained_args(add, ones, twos, {0: 2})] == [
        id(a) for a in (ones[0], ones[1], twos[1])
    ]
    assert len(chained_args(add, ones, twos, {0: 2}, keep=[2])) == 4
