"""`explain` of every op of the rule book: what is shown is what runs."""

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.ops import registry


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
    operands, params = data.draw(CASES[name].smooth)
    if name == "astype":
        params = {"dtype": "float32"}
    tensors = [
        None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}")
        for k, a in enumerate(operands)
    ]
    y = registry[name](*tensors, **params)
    loss = (y * tg.tensor(np.cos(np.arange(float(y.size))).reshape(y.shape))).sum()
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
