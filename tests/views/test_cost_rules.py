"""What counts as arithmetic and as traffic: an op's own source, and NumPy functions one by one."""

import ast
import inspect
import math
import textwrap
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.ops.index.formula import sizes_of
from tinygrad_ed.views.cost_rules import Tally


def counted(function: Any, *arrays: Any, **params: Any) -> tuple[int, int]:
    """FLOPs and bytes of a function."""
    tally = Tally()
    results = tally.run(function, arrays, params)
    return tally.flops, tally.moved(results)


OF_ONE_CALL = sorted(
    name
    for name, op in tg.registry.items()
    if op.elementwise and name not in ("astype", "silu")  # a method, and another op's formula
)


@pytest.mark.parametrize("name", OF_ONE_CALL)
def test_an_elementwise_op_counts_the_operators_and_calls_of_its_source(name: str) -> None:
    op = tg.registry[name]
    arrays = [np.full((2, 3), 0.5) for _ in op.operand_names]
    if name == "where":
        arrays[0] = arrays[0] > 0
    given_params = {"n": 3.0, "low": -1.0, "high": 1.0}
    params = op.defaults | {k: v for k, v in given_params.items() if k in op.parameter_names}
    tree = ast.parse(textwrap.dedent(inspect.getsource(op.forward)))
    body = ast.Module(tree.body[0].body, [])  # type: ignore[attr-defined]
    arithmetic = ast.BinOp | ast.UnaryOp | ast.Compare | ast.Call
    operations = sum(isinstance(node, arithmetic) for node in ast.walk(body))
    assert counted(op.forward, *arrays, **params)[0] == 6 * operations


@pytest.mark.parametrize("name", ["matrix_product", "linear"])
def test_a_product_counts_two_operations_for_each_term_of_its_index_formula(name: str) -> None:
    op = tg.registry[name]
    arrays = [np.ones((4, 3)), np.ones((3, 5))]
    given_arrays = [*arrays, None][: len(op.operand_names)]
    formula = op.index_for(given_arrays, {})
    sizes = sizes_of(formula, dict(zip(op.operand_names, arrays, strict=False)))
    assert counted(op.forward, *given_arrays, **op.defaults)[0] == 2 * math.prod(sizes.values())


x = np.ones((4, 6), "float32")


@pytest.mark.parametrize(
    ("function", "flops", "moved"),
    [
        (lambda a: np.sum(a, axis=0), 24, 4 * (24 + 6)),
        (lambda a: np.max(a, axis=1), 24, 4 * (24 + 4)),
        (lambda a: a.mean(), 25, 4 * (24 + 1)),
        (lambda a: np.cumsum(a), 24, 4 * 48),
        (lambda a: a.T, 0, 0),
        (lambda a: a[1:3], 0, 0),
        (lambda a: a[1:3] * 2, 12, 4 * 24),
        (lambda a: a[[1, 1, 0]], 0, 4 * 36),
        (lambda a: np.take(a, [0], axis=0), 0, 4 * 12),
        (lambda a: np.concatenate([a, a]), 0, 4 * (24 + 48)),
        (lambda a: a.astype("float64"), 0, 4 * 24 + 8 * 24),
        (lambda a: np.broadcast_to(a, (2, 4, 6)) + 1, 48, 4 * (24 + 48)),
        (lambda a: np.ones_like(a), 0, 4 * 24),
        (lambda a: np.where(a > 0, a, 0), 48, 4 * 48),
        (lambda a: a @ a.T, 2 * 4 * 6 * 4, 4 * (24 + 16)),
        (lambda a: np.dot(a, a.T), 2 * 4 * 6 * 4, 4 * (24 + 16)),
        (lambda a: np.inner(a, a), 2 * 4 * 6 * 4, 4 * (24 + 16)),
        (lambda a: np.tensordot(a, a, axes=((0,), (0,))), 2 * 6 * 4 * 6, 4 * (24 + 36)),
        (lambda a: np.vdot(a, a), 48, 4 * 25),
        (lambda a: np.outer(a, a), 24 * 24, 4 * (24 + 24 * 24)),
        (lambda a: np.einsum("nd,md->nm", a, a), 2 * 4 * 4 * 6, 4 * (24 + 16)),
        (lambda a: np.einsum("...d,...d", a, a), 2 * 24, 4 * (24 + 4)),
        (lambda a: np.arange(24) + 1, 0, 8 * 24),  # whole numbers
    ],
    ids=range(23),
)
def test_what_numpy_functions_count(function: Any, flops: int, moved: int) -> None:
    assert counted(function, x) == (flops, moved)


def test_an_array_that_is_repeated_is_read_once() -> None:
    wide = np.broadcast_to(np.ones(6, "float32"), (4, 6))
    assert counted(lambda a: a + 1, wide) == (24, 4 * (6 + 24))
