"""`explain` of every op of the rule book: what is shown is what runs."""

import ast

import numpy as np
import pytest
from derivation import printed
from derivation.math_reader import read
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.derivation.convention import turned
from tinygrad_ed.derivation.entries import entry_of
from tinygrad_ed.derivation.steps import Step
from tinygrad_ed.ops import registry


def weighed(name: str, data: st.DataObject) -> tuple[tg.Tensor, list[tg.Tensor | None]]:
    """A number that an op's result goes into, and the op's operands."""
    operands, params = data.draw(CASES[name].smooth)
    if name == "astype":
        params = {"dtype": "float32"}
    tensors = [
        None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}")
        for k, a in enumerate(operands)
    ]
    y = registry[name](*tensors, **params)
    return (y * tg.tensor(np.cos(np.arange(float(y.size))).reshape(y.shape))).sum(), tensors


def recomputed(step, scope) -> None:
    """Everything that stands beside the lines of a step says the same as the lines."""
    here = {"np": np, **scope, **step.inputs}
    exec(step.code, here)
    np.testing.assert_array_equal(here[step.name], step.value)
    shown = eval(compile(ast.fix_missing_locations(ast.Expression(step.shown)), "", "eval"), here)
    exact = np.isfinite(np.asarray(shown, dtype=float)) & np.isfinite(step.value)
    np.testing.assert_allclose(
        np.broadcast_to(shown, step.value.shape)[exact], step.value[exact], rtol=1e-6, atol=1e-9
    )


@each_op
@examples(2)
@given(data=st.data())
def test_every_op_is_explained_and_what_is_shown_is_what_runs(
    name: str, data: st.DataObject
) -> None:
    loss, tensors = weighed(name, data)
    derivation = tg.explain(loss)
    for step in derivation:
        recomputed(step, derivation.scope)
        if step.entry is not None:
            assert step.entry.value == pytest.approx(
                float(step.value[step.entry.place]), rel=1e-9, abs=1e-12, nan_ok=True
            )
    assert derivation.text() and derivation.latex()
    loss.backward()
    for k, gradient in derivation.gradients.items():
        leaf = tensors[int(k[1:])]
        shown = [s for s in derivation if s.name == gradient][-1].value
        np.testing.assert_array_equal(shown, leaf.grad.numpy())


@each_op
@examples(2)
@given(data=st.data())
def test_the_local_derivative_of_an_elementwise_op_is_its_vjp_of_ones(
    name: str, data: st.DataObject
) -> None:
    if not registry[name].elementwise:
        return
    operands, params = data.draw(CASES[name].smooth)
    params = {"dtype": "float64"} if name == "astype" else params
    tensors = [
        tg.tensor(a, requires_grad=is_float(a), name=f"x{k}") for k, a in enumerate(operands)
    ]
    y = registry[name](*tensors, **params)
    if y.op is None:
        return
    derivation = tg.explain(y, seed=np.ones(y.shape))
    found = 0
    for step in derivation:
        slopes = [f for f in step.formulas if f.role == "local derivative"]
        for slope in slopes:
            found += 1
            here = {"np": np, **derivation.scope, **step.inputs}
            code = compile(ast.fix_missing_locations(ast.Expression(slope.code)), "", "eval")
            value = np.broadcast_to(eval(code, here), step.value.shape)
            np.testing.assert_allclose(value, step.value, rtol=1e-12, atol=1e-14)
    assert found == sum(t.requires_grad for t in tensors)


@each_op
@examples(2)
@given(data=st.data())
def test_in_columns_every_line_gives_the_array_turned(name: str, data: st.DataObject) -> None:
    loss, _ = weighed(name, data)
    rows, columns = tg.explain(loss), tg.explain(loss, convention="column")
    for row, column in zip(rows, columns, strict=True):
        np.testing.assert_array_equal(column.value, turned(row.value))
        scope = {"np": np, **columns.scope, **column.inputs}
        exec(column.code, scope)
        here = np.asarray(scope[column.name])
        assert here.shape == column.value.shape
        np.testing.assert_allclose(here, column.value, rtol=1e-6, atol=1e-12)


@each_op
@examples(2)
@given(data=st.data(), convention=st.sampled_from(["row", "column"]))
def test_the_numbers_put_in_come_to_the_value(
    name: str, data: st.DataObject, convention: str
) -> None:
    derivation = tg.explain(weighed(name, data)[0], convention=convention)
    for step in derivation:
        for place in {(0,) * step.value.ndim, tuple(n - 1 for n in step.value.shape)}:
            entry = entry_of(step, place, derivation.scope, derivation.symbols, 17)
            if entry is not None:
                assert_comes_to(entry.numbers, entry.value, step)


def assert_comes_to(numbers: str, value: float, step: Step) -> None:
    """The printed numbers, calculated by themselves, are the value."""
    indexed = any(formula.role == "index" for formula in step.formulas)
    with np.errstate(all="ignore"):
        found = printed.evaluated(numbers) if indexed else float(read(numbers, {}))
    if np.isfinite(found):  # the book's formula may overflow where what runs does not
        size = np.abs(step.value[np.isfinite(step.value)]).max(initial=1.0)
        assert found == pytest.approx(value, rel=1e-6, abs=1e-9 * size), numbers
