"""Working a function out ahead: what its shapes and parameters decide is decided here.

`if axis is None`, `x.shape`, how many entries a mean has: none of it is left in the lines that come
out, only arithmetic on arrays. What depends on the numbers themselves is refused (`NotStraight`);
the caller then copies the function whole.
"""

import ast
import inspect
from collections.abc import Callable, Sequence, Set
from types import FunctionType
from typing import Any

from ..ops.registry import Op
from ..ops.source import body_of, drop_unused, fresh, globals_of, syntax
from .ahead import known
from .effects import acts, only_read, root, writes_into_arguments
from .emit import Emitter, lookup


class NotStraight(Exception):  # noqa: N818 (a turn in the road, not an error)
    """The function is no straight line even when its shapes and parameters are known."""


Environment = dict[str, Any]
"""A function's names: `Variable`, `ast.expr` (an expression or new local name) or a constant."""


class Inliner:
    """Puts the body of a function in line, on given operands and parameters.

    Args:
        emitter: What the lines need is collected there.
        kept: Functions that stay calls, because their name says more than their body.
    """

    def __init__(self, emitter: Emitter, kept: Set[Callable[..., Any]] = frozenset()) -> None:
        self.emitter, self.kept = emitter, kept

    def inline(
        self, function: Callable[..., Any], operands: Sequence[Any], params: dict[str, Any]
    ) -> tuple[list[ast.stmt], ast.expr]:
        """The function's body on these operands: statements, and the returned expression.

        Raises:
            NotStraight: It needs values to know which way to go.
            OSError: Its source is not to be had.
        """
        definition = syntax(function)
        arguments = definition.args
        if arguments.vararg is not None or arguments.kwarg is not None:
            raise NotStraight
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        env: Environment = dict(_defaults(function))
        env.update(zip(names, operands, strict=False))
        env.update(params)
        statements: list[ast.stmt] = []
        result = self._run(body_of(definition), env, function, statements)
        if result is None:
            raise NotStraight
        return statements, result

    def _run(
        self,
        body: Sequence[ast.stmt],
        env: Environment,
        function: Callable[..., Any],
        out: list[ast.stmt],
    ) -> ast.expr | None:
        """Goes through statements; returns the returned expression if there is one."""
        for statement in body:
            if isinstance(statement, ast.Return):
                if statement.value is None:
                    raise NotStraight
                return self.expression(statement.value, env, function, out)
            if isinstance(statement, ast.If):
                truth = known(statement.test, env, function)
                if truth is None:
                    raise NotStraight
                branch = statement.body if truth[0] else statement.orelse
                result = self._run(branch, env, function, out)
                if result is not None:
                    return result
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                self._assign(statement.targets[0], statement.value, env, function, out)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._act(statement.value, env, function, out)
            elif not isinstance(statement, ast.Pass):
                raise NotStraight
        return None

    def _assign(
        self,
        target: ast.expr,
        value: ast.expr,
        env: Environment,
        function: Callable[..., Any],
        out: list[ast.stmt],
    ) -> None:
        found = known(value, env, function)
        if found is not None and isinstance(target, ast.Name):
            if isinstance(found[0], list) and not only_read(target.id, function):
                raise NotStraight  # it may be appended to
            env[target.id] = found[0]
            return
        new_value = self.expression(value, env, function, out)
        if isinstance(target, ast.Name) and isinstance(new_value, ast.Name):
            same = isinstance(value, ast.Name) and value.id in env
            env[target.id] = (
                env[ast.unparse(value)] if same else new_value
            )  # a second name for one thing
        elif isinstance(target, ast.Name):
            renamed = ast.Name(self.emitter.fresh(target.id + self.emitter.suffix), ast.Store())
            env[target.id] = ast.Name(renamed.id, ast.Load())
            out.append(ast.Assign([renamed], new_value))
        elif isinstance(target, ast.Subscript) and self._is_array(target.value, env):
            out.append(ast.Assign([self.expression(target, env, function, out)], new_value))
        else:
            raise NotStraight

    def _act(
        self,
        call: ast.Call,
        env: Environment,
        function: Callable[..., Any],
        out: list[ast.stmt],
    ) -> None:
        """A call for its effect: `np.add.at(out, index, x)`, `out.fill(0)`."""
        scope = {**globals_of(function), **env}
        changed = [call.func, *call.args[:1]]
        if not acts(call, scope) or not any(
            isinstance(env.get(root(c) or ""), ast.expr) for c in changed
        ):
            raise NotStraight
        arguments = [self.expression(a, env, function, out) for a in call.args]
        keywords = [
            ast.keyword(k.arg, self.expression(k.value, env, function, out)) for k in call.keywords
        ]
        called = self.expression(call.func, env, function, out)
        out.append(ast.Expr(ast.Call(called, arguments, keywords)))

    def _is_array(self, target: ast.expr, env: Environment) -> bool:
        """Whether something that is written into is an array of the program, not a list ahead."""
        return isinstance(target, ast.Name) and isinstance(env.get(target.id), ast.expr)

    def expression(
        self,
        expression: ast.expr,
        env: Environment,
        function: Callable[..., Any],
        out: list[ast.stmt],
    ) -> ast.expr:
        """The expression in the program's names, with calls of plain functions worked out."""
        substituted: ast.expr = _Substitute(self, env, function, out).visit(fresh(expression))
        return substituted


_NAMES_INSIDE = (
    *(ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom),
)
"""Expressions that have names of their own, or give one to something on the way."""


class _Substitute(ast.NodeTransformer):
    """Replaces a function's names by the program's, and folds what is known ahead."""

    def __init__(
        self,
        inliner: "Inliner",
        env: Environment,
        function: Callable[..., Any],
        out: list[ast.stmt],
    ) -> None:
        self.inliner, self.env, self.function, self.out = inliner, env, function, out
        self.emitter = inliner.emitter

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and not isinstance(node, ast.Name | ast.Constant):
            found = known(node, self.env, self.function)
            if found is not None:
                return self.emitter.literal(found[0])
        if isinstance(node, _NAMES_INSIDE):
            raise NotStraight
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.env:
            found = self.env[node.id]
            return self.emitter.literal(fresh(found) if isinstance(found, ast.expr) else found)
        value = lookup(node.id, self.function)
        if any(value is f for f in (isinstance, type, hasattr, getattr, callable, issubclass)):
            raise NotStraight  # it asks what the value is
        return self.emitter.global_name(node.id, self.function)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        truth = known(node.test, self.env, self.function)
        if truth is None:
            return self.visit_BoolOp(node)
        return self.visit(node.body if truth[0] else node.orelse)

    def visit_BoolOp(self, node: ast.expr) -> Any:
        """Parts that are perhaps not reached: nothing of them may be done before."""
        before = len(self.out)
        visited = self.generic_visit(node)
        if len(self.out) > before:
            raise NotStraight
        return visited

    def visit_Call(self, node: ast.Call) -> Any:
        scope = {**globals_of(self.function), **self.env}
        if acts(node, scope):
            raise NotStraight
        called = scope.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if isinstance(called, Op | FunctionType) and writes_into_arguments(called):
            raise NotStraight  # when it is called matters
        callee = called
        if isinstance(callee, Op) and len(body_of(syntax(callee.forward))) == 1:
            callee = callee.forward  # one line: relu reads better as np.maximum(Z, 0)
        starred = any(isinstance(a, ast.Starred) for a in node.args)
        unnamed = starred or any(k.arg is None for k in node.keywords)
        if not inspect.isfunction(callee) or unnamed or callee in self.inliner.kept:
            return self.generic_visit(node)
        arguments = [self._argument(a) for a in node.args]
        keywords = {str(k.arg): self._argument(k.value) for k in node.keywords}
        state = self.emitter.state()
        try:
            statements, result = self._inlined(callee, arguments, keywords)
        except (NotStraight, OSError):
            self.emitter.restore(state)
            return ast.Call(
                self.emitter.literal(called),
                [self.emitter.literal(a) for a in arguments],
                [ast.keyword(k, self.emitter.literal(v)) for k, v in keywords.items()],
            )
        self.out.extend(statements)
        return result

    def _inlined(
        self, callee: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]
    ) -> tuple[list[ast.stmt], ast.expr]:
        """A called function's body; an argument it reads twice gets a name first."""
        bound = (
            inspect.signature(callee, follow_wrapped=False).bind(*arguments, **keywords).arguments
        )
        reads = [n.id for n in ast.walk(syntax(callee)) if isinstance(n, ast.Name)]
        named: list[ast.stmt] = []
        for name, value in bound.items():
            whole = isinstance(value, ast.expr) and not isinstance(value, ast.Name | ast.Constant)
            if whole and reads.count(name) > 1:
                target = self.emitter.fresh(name + self.emitter.suffix)
                named.append(ast.Assign([ast.Name(target, ast.Store())], value))
                bound[name] = ast.Name(target, ast.Load())
        statements, result = self.inliner.inline(callee, (), dict(bound))
        return named + statements, result

    def _argument(self, node: ast.expr) -> Any:
        """An argument as an inlined function sees it: still a variable or constant if it is one."""
        found = known(node, self.env, self.function)
        if found is not None:
            return found[0]
        if isinstance(node, ast.Name) and node.id in self.env:
            return self.env[node.id]
        return self.visit(node)


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {
        p.name: p.default
        for p in inspect.signature(function, follow_wrapped=False).parameters.values()
        if p.default is not p.empty
    }


def without_unused(statements: Sequence[ast.stmt], results: Sequence[ast.expr]) -> list[ast.stmt]:
    """The statements that the wanted results need."""
    wanted = {n.id for r in results for n in ast.walk(r) if isinstance(n, ast.Name)}
    return drop_unused(statements, wanted)
