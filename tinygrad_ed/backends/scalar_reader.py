"""Reads an elementwise function's source and writes it as the lines of a loop over entries.

It goes through straight-line code as Python would, with names standing for values of three kinds
(`scalar_types`). An `if` must be decided by what is known; a call of an op or of a plain function
is put in line. Whatever cannot be one entry's arithmetic raises `NotElementwise`.
"""

import ast
import inspect
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..ops.registry import Op
from ..ops.source import body_of, syntax
from .scalar_arithmetic import Arithmetic, fold, of_numbers
from .scalar_functions import applied
from .scalar_lines import Lines
from .scalar_names import Frame, Outside
from .scalar_types import UNKNOWN, Entry, Known, NotElementwise, Number, Value, sample_of

DEEPEST = 20
"""Calls inside calls; a function that calls itself stops here."""


class Reader:
    """Turns functions into lines."""

    def __init__(self, lines: Lines, outside: Outside) -> None:
        self.lines = lines
        self.outside = outside
        self.arithmetic = Arithmetic(lines)
        self._depth = 0

    def run(self, frame: Frame) -> Value:
        """The value that the frame's function returns.

        Raises:
            NotElementwise: It is no straight line of arithmetic on entries.
        """
        if self._depth > DEEPEST:
            raise NotElementwise(f"{frame.function.__name__} calls itself")
        self._depth += 1
        try:
            definition = syntax(frame.function)
        except OSError as error:
            raise NotElementwise(str(error)) from error
        found = self._statements(body_of(definition), frame)
        self._depth -= 1
        if found is None:
            raise NotElementwise(f"{frame.function.__name__} returns nothing")
        return found

    # --- statements ---------------------------------------------------------------------------

    def _statements(self, body: Sequence[ast.stmt], frame: Frame) -> Value | None:
        for statement in body:
            if isinstance(statement, ast.Return):
                return self._returned(statement.value, frame)
            if isinstance(statement, ast.If):
                holds = self._decide(self.value(statement.test, frame), statement.test)
                found = self._statements(statement.body if holds else statement.orelse, frame)
                if found is not None:
                    return found
            elif isinstance(statement, ast.Assign):
                value = self.value(statement.value, frame)
                for target in statement.targets:
                    frame.assign(target, value)
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                frame.assign(statement.target, self.value(statement.value, frame))
            elif not isinstance(statement, ast.Pass | ast.AnnAssign):
                line = ast.unparse(statement).splitlines()[0]
                raise NotElementwise(f"`{line}` is no assignment of arithmetic")
        return None

    def _returned(self, node: ast.expr | None, frame: Frame) -> Value:
        if isinstance(node, ast.Call) and frame.outermost:
            return self._call(node, frame, last=True)
        return Known(None) if node is None else self.value(node, frame)

    def _decide(self, value: Value, test: ast.expr) -> bool:
        """Which way a test goes.

        Raises:
            NotElementwise: Only its value at run time would say.
        """
        if isinstance(value, Known):
            return bool(fold(bool, value.value).value)
        if isinstance(value, tuple):
            return bool(value)
        if isinstance(value, Number) and value.now is not UNKNOWN:
            return bool(value.now)
        on = "the entries" if isinstance(value, Entry) else "a number that is read at run time"
        raise NotElementwise(f"`{ast.unparse(test)}` is decided by {on}")

    # --- expressions --------------------------------------------------------------------------

    def value(self, node: ast.expr, frame: Frame) -> Value:
        """What an expression stands for."""
        if isinstance(node, ast.Constant):
            return Known(node.value)
        if isinstance(node, ast.Name):
            return frame.lookup(node.id)
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self.value(part, frame) for part in node.elts)
        if isinstance(node, ast.BinOp):
            a, b = self.value(node.left, frame), self.value(node.right, frame)
            return self.arithmetic.binary(node.op, a, b)
        if isinstance(node, ast.UnaryOp):
            return self.arithmetic.unary(node.op, self.value(node.operand, frame))
        if isinstance(node, ast.Compare):
            return self._comparison(node, frame)
        if isinstance(node, ast.BoolOp):
            return self._and_or(node, frame)
        if isinstance(node, ast.IfExp):
            return self._choice(node, frame)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, frame)
        if isinstance(node, ast.Subscript):
            return self._item(node, frame)
        if isinstance(node, ast.Call):
            return self._call(node, frame)
        raise NotElementwise(f"`{ast.unparse(node)}` is no arithmetic")

    def _comparison(self, node: ast.Compare, frame: Frame) -> Value:
        values = [self.value(part, frame) for part in (node.left, *node.comparators)]
        results = [
            self.arithmetic.compare(op, a, b)
            for op, a, b in zip(node.ops, values, values[1:], strict=False)
        ]
        if len(results) == 1:
            return results[0]
        return Known(all(self._decide(result, node) for result in results))

    def _and_or(self, node: ast.BoolOp, frame: Frame) -> Value:
        for part in node.values[:-1]:
            value = self.value(part, frame)
            if self._decide(value, part) is isinstance(node.op, ast.Or):
                return value
        return self.value(node.values[-1], frame)

    def _choice(self, node: ast.IfExp, frame: Frame) -> Value:
        """`a if test else b`; between two numbers the test may wait until run time."""
        test = self.value(node.test, frame)
        if not isinstance(test, Number) or test.now is not UNKNOWN:
            holds = self._decide(test, node.test)
            return self.value(node.body if holds else node.orelse, frame)
        a, b = self.value(node.body, frame), self.value(node.orelse, frame)
        if isinstance(a, Entry) or isinstance(b, Entry):
            self._decide(test, node.test)
        sample = type(sample_of(a) + sample_of(b))(1)  # of 1 and 1.0 a variable is 1.0
        return Number(ast.IfExp(self.lines.truth(test), of_numbers(a), of_numbers(b)), sample)

    def _attribute(self, node: ast.Attribute, frame: Frame) -> Value:
        owner = self.value(node.value, frame)
        if isinstance(owner, Entry) and node.attr == "dtype":
            return Known(owner.dtype)
        readable = ModuleType | np.dtype | np.finfo | np.iinfo
        if isinstance(owner, Known) and isinstance(owner.value, readable):
            return fold(getattr, owner.value, node.attr)
        raise NotElementwise(f"`{ast.unparse(node)}` is not known ahead")

    def _item(self, node: ast.Subscript, frame: Frame) -> Value:
        owner = self.value(node.value, frame)
        index = None if isinstance(node.slice, ast.Slice) else self.value(node.slice, frame)
        if not isinstance(index, Known) or not isinstance(owner, Known | tuple):
            raise NotElementwise(f"`{ast.unparse(node)}` picks entries")
        if isinstance(owner, Known):
            return fold(lambda whole, k: whole[k], owner.value, index.value)
        picked: Value = fold(lambda whole, k: whole[k], owner, index.value).value
        return picked

    # --- calls --------------------------------------------------------------------------------

    def _call(self, node: ast.Call, frame: Frame, last: bool = False) -> Value:
        starred = any(isinstance(a, ast.Starred) for a in node.args)
        if starred or any(k.arg is None for k in node.keywords):
            raise NotElementwise(f"`{ast.unparse(node)}` unpacks its arguments")
        values = [self.value(argument, frame) for argument in node.args]
        options = {str(k.arg): self.value(k.value, frame) for k in node.keywords}
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, frame)
            if isinstance(owner, Entry):
                return self._method(node, owner, [*values, *options.values()])
        called = self.value(node.func, frame)
        function = called.value if isinstance(called, Known) else None
        if isinstance(function, Op):
            bound = _arguments_of_op(function, values, options)
            return self._inline(function.forward, bound, frame, last)
        if isinstance(function, FunctionType) and not (function.__module__ or "").startswith(
            "numpy"
        ):
            return self._inline(function, bind(function, values, options), frame, last)
        return applied(self.arithmetic, function, values, options)

    def _method(self, node: ast.Call, owner: Entry, values: list[Value]) -> Value:
        """`x.astype(dtype)`, the one method that keeps entries apart."""
        assert isinstance(node.func, ast.Attribute)
        if node.func.attr == "astype" and len(values) == 1 and isinstance(values[0], Known):
            return self.arithmetic.astype(owner, fold(np.dtype, values[0].value).value)
        raise NotElementwise(f"`{ast.unparse(node)}` is a method of arrays")

    def _inline(
        self, function: Callable[..., Any], bound: dict[str, Value], frame: Frame, last: bool
    ) -> Value:
        """A called function's value. Its variables are its own, so the caller's stay as they are;
        the kernel's last call may go on using them.
        """
        own = dict(frame.own) if last else {}
        inner = Frame(function, self.lines, self.outside, dict(bound), own, last)
        for local, value in bound.items():
            inner.bind(local, value)
        return self.run(inner)


def bind(
    function: Callable[..., Any], values: Sequence[Value], options: dict[str, Value]
) -> dict[str, Value]:
    """Arguments by name, with the default values.

    Raises:
        NotElementwise: They do not fit, or the function takes any number of them.
    """
    signature = inspect.signature(function, follow_wrapped=False)
    found = fold(signature.bind, *values, **options).value.arguments
    parameters = signature.parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        raise NotElementwise(f"{function.__name__} takes any number of arguments")
    return {p.name: found.get(p.name, Known(p.default)) for p in parameters}


def _arguments_of_op(op: Op, values: list[Value], options: dict[str, Value]) -> dict[str, Value]:
    """Arguments of an op inside an op; its parameters may come by position, too."""
    if op.validate is not None:
        raise NotElementwise(f"{op.called} checks its operands, which a loop cannot")
    places = [*op.operand_names, *op.parameter_names]
    if op.variadic or len(values) > len(places):
        raise NotElementwise(f"{op.called} with {len(values)} operands")
    return bind(op.forward, [], {**dict(zip(places, values, strict=False)), **options})
