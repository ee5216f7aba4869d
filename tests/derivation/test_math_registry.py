"""Every formula of every op, as `unroll` prints it: rendered, read back, compared with its run."""

import ast
import builtins
from typing import Any

import numpy as np
from derivation.math_from_latex import from_latex
from derivation.math_reader import read
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.derivation import math
from tinygrad_ed.derivation.math import Symbols, latex, text
from tinygrad_ed.ops import Op, registry

WITHOUT_FORM: dict[str, set[str]] = {}
"""Lines with no mathematical form, by op: what they are about is not arithmetic."""

UNREADABLE = {"dropout": "bits of whole numbers, drawn in a table of four columns"}
"""Ops whose lines are shown, but which the reader of these tests does not evaluate."""


def lines_of(y: tg.Tensor) -> tuple[list[ast.stmt], dict[str, Any], Symbols]:
    """The statements of the printed program, the names it starts with, and its symbols."""
    program = tg.unroll(y)
    module = ast.parse(program.source)
    function = next(
        n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == "program"
    )
    result = ast.unparse(function.body[-1]).removeprefix("return ").partition(",")[0].strip("(")
    scope: dict[str, Any] = {}
    exec(program.source, scope)
    scope.update(program.inputs)
    statements = [s for s in function.body if isinstance(s, ast.Assign)]
    statements = [s for s in statements if ast.unparse(s.targets[0]) != "gradients"]
    shapes = {name: np.shape(value) for name, value in program.inputs.items()}
    names = {n.id for s in statements for n in ast.walk(s) if isinstance(n, ast.Name)}
    known = [*program.inputs, result]
    gradients = {n: of for n in names for of in known if n.startswith(f"d{of}")}
    return statements, scope, Symbols(shapes=shapes, gradients=gradients, loss=result)


def recorded(op: Op, operands: Any, params: dict[str, Any]) -> tg.Tensor:
    tensors = [
        None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}")
        for k, a in enumerate(operands)
    ]
    return op(*tensors, **params)


def textbook_of(op: Op) -> Op:
    """The op with its textbook form as the form that runs."""
    assert op.textbook_form is not None and op.backward is not None
    made = Op(op.textbook_form)
    made.name = f"{op.name}_textbook"
    made.defaults, made.required = op.defaults, op.required
    made.vjp(op.backward)
    return made


def assert_reads_back(statements: list[ast.stmt], scope: dict[str, Any], symbols: Symbols) -> None:
    """Each line as text, read back with the values before it, gives what the line computes."""
    for statement in statements:
        assert isinstance(statement, ast.Assign)
        names = [n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)]
        values, forms = {}, {}
        for name in names:
            value = scope[name] if name in scope else vars(builtins)[name]
            written = text(ast.Name(name, ast.Load()), symbols)
            values[f"{name}(" if callable(value) else written] = value
            forms[latex(ast.Name(name, ast.Load()), symbols)] = written
        with np.errstate(all="ignore"):
            exec(ast.unparse(statement), scope)
        wanted = eval(ast.unparse(statement.targets[0]), scope)
        node = statement.value
        for shown in (text(node, symbols), from_latex(latex(node, symbols), forms)):
            with np.errstate(all="ignore"):
                found = read(shown, values)
            if "_like(" in ast.unparse(statement):  # an array of ones is written 1
                found = np.broadcast_to(found, np.shape(wanted))
            several = isinstance(wanted, tuple)
            for a, b in zip(found, wanted, strict=True) if several else [(found, wanted)]:
                assert np.shape(a) == np.shape(b), shown
                a, b = np.asarray(a, float), np.asarray(b, float)
                np.testing.assert_allclose(a, b, 1e-9, 1e-12, err_msg=shown)
        symbols = math.learned(statement, symbols)


@each_op
@examples(5)
@given(data=st.data())
def test_every_line_of_every_op_reads_back_as_what_it_computes(
    name: str, data: st.DataObject
) -> None:
    op = registry[name]
    forms = [op] if op.textbook_form is None else [op, textbook_of(op)]
    operands, params = data.draw(CASES[name].smooth)
    for form in forms:
        statements, scope, symbols = lines_of(recorded(form, operands, params))
        shown = [latex(s, symbols) for s in statements]
        for line in shown:
            assert r"\texttt" not in line, line
        if name not in UNREADABLE:
            assert_reads_back(statements, scope, symbols)
