"""From an op's own source to straight-line code with the program's names in place of the op's.

Everything that follows from shapes and parameters alone (`if axis is None`, `x.shape`, how many
entries a mean has) is worked out here, so the printed lines hold only arithmetic on arrays. What
depends on the numbers themselves (a loop, an `if` on values) stays a function, copied whole.
"""

import ast
import builtins
import copy
import inspect
import keyword
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from ..ops.registry import Op
from ..ops.source import body_of, drop_unused, syntax


@dataclass(frozen=True)
class Variable:
    """An array of the program: its name, and what is known of it before it has values."""

    name: str
    shape: tuple[int, ...]
    dtype: Any


class Known:
    """Stands for a variable while code is worked out ahead: its shape can be used, nothing else."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, variable: Variable) -> None:
        self.shape, self.dtype = variable.shape, np.dtype(variable.dtype)
        self.ndim, self.size = len(variable.shape), math.prod(variable.shape)

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError("the value is not known yet")

    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __bool__ = __array__ = __getitem__ = __iter__ = _refuse


class NotStraight(Exception):  # noqa: N818 (a turn in the road, not an error)
    """The function is no straight line even when its shapes and parameters are known."""


Environment = dict[str, Any]
"""A function's names: `Variable`, `ast.expr` (an expression or new local name) or a constant."""


class Emitter:
    """Collects the helper functions and constant arrays that the emitted lines need.

    Attributes:
        helpers: Text of each helper function, in the order they must stand.
        arrays: Constant arrays that occur in parameters (an index), by name.
        taken: Every name in use.
    """

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken | {"np", "program"} | set(keyword.kwlist) | set(dir(builtins))
        self.suffix = ""  # the number of the result at hand: what belongs to A1 is called Z1
        self.helpers: dict[str, str] = {}
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._helper_names: dict[Any, str] = {}

    def fresh(self, wanted: str) -> str:
        """The wanted name, or the first numbered one that is free; it is taken then."""
        name, k = wanted, 1
        while name in self.taken:
            k += 1
            name = f"{wanted}_{k}"
        self.taken.add(name)
        return name

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
        if arguments.vararg is not None:
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

    def helper(self, function: Any, wanted: str = "") -> str:
        """Copies a function (and what it uses) into the program; returns its name there."""
        plain = function.forward if isinstance(function, Op) else function
        if plain in self._helper_names:
            return self._helper_names[plain]
        name = self._helper_names[plain] = self.fresh(wanted or plain.__name__)
        definition = copy.deepcopy(syntax(plain))
        definition.name, definition.decorator_list, definition.returns = name, [], None
        for argument in ast.walk(definition.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        local = {n.arg for n in ast.walk(definition) if isinstance(n, ast.arg)} | {
            n.id
            for n in ast.walk(definition)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        definition.body = [
            _Rename(self, plain, local).visit(_unannotated(s)) for s in definition.body
        ]
        self.helpers[name] = ast.unparse(ast.fix_missing_locations(definition))
        return name

    def global_name(self, name: str, function: Callable[..., Any]) -> ast.expr:
        """What a name outside the function's own stands for in the program."""
        value = _lookup(name, function)
        if value is np or (hasattr(builtins, name) and value is getattr(builtins, name)):
            return ast.Name(name, ast.Load())
        if isinstance(value, Op) or inspect.isfunction(value):
            return ast.Name(self.helper(value), ast.Load())
        if isinstance(value, ModuleType):
            raise OSError(f"{function.__name__} uses the module {name}; only numpy can be printed")
        return self.literal(value)

    def literal(self, value: Any) -> ast.expr:
        """A constant as program text; arrays become named inputs."""
        if isinstance(value, ast.expr):
            return value
        if isinstance(value, Variable):
            return ast.Name(value.name, ast.Load())
        if isinstance(value, np.ndarray):
            name = self.fresh("index" if value.dtype.kind in "iub" else "constant")
            self.arrays[name] = value
            return ast.Name(name, ast.Load())
        if isinstance(value, tuple | list):
            entries = [self.literal(v) for v in value]
            return (ast.Tuple if isinstance(value, tuple) else ast.List)(entries, ast.Load())
        if isinstance(value, slice):
            parts = [self.literal(v) for v in (value.start, value.stop, value.step)]
            return ast.Call(ast.Name("slice", ast.Load()), parts, [])
        if isinstance(value, np.generic):
            text = f"np.{value.dtype.name}({value.item()!r})"
        elif isinstance(value, np.dtype):
            text = repr(value.name)
        else:
            text = "..." if value is ... else repr(value)
        text = {"inf": "np.inf", "-inf": "-np.inf", "nan": "np.nan"}.get(text, text)
        try:
            return ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise OSError(f"the constant {value!r} cannot be printed") from error

    # --- working out ---------------------------------------------------------------------------

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
                truth = self.known(statement.test, env, function)
                if truth is None:
                    raise NotStraight
                branch = statement.body if truth[0] else statement.orelse
                result = self._run(branch, env, function, out)
                if result is not None:
                    return result
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                self._assign(statement.targets[0], statement.value, env, function, out)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                out.append(ast.Expr(self.expression(statement.value, env, function, out)))
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
        found = self.known(value, env, function)
        if found is not None and isinstance(target, ast.Name):
            env[target.id] = found[0]
            return
        new_value = self.expression(value, env, function, out)
        if isinstance(target, ast.Name) and isinstance(new_value, ast.Name):
            same = isinstance(value, ast.Name) and value.id in env
            env[target.id] = (
                env[ast.unparse(value)] if same else new_value
            )  # a second name for one thing
        elif isinstance(target, ast.Name):
            renamed = ast.Name(self.fresh(target.id + self.suffix), ast.Store())
            env[target.id] = ast.Name(renamed.id, ast.Load())
            out.append(ast.Assign([renamed], new_value))
        elif isinstance(target, ast.Subscript) and self._is_array(target.value, env):
            out.append(ast.Assign([self.expression(target, env, function, out)], new_value))
        else:
            raise NotStraight

    def _is_array(self, target: ast.expr, env: Environment) -> bool:
        """Whether something that is written into is an array of the program, not a list ahead."""
        return isinstance(target, ast.Name) and isinstance(env.get(target.id), ast.expr)

    def known(
        self, expression: ast.expr, env: Environment, function: Callable[..., Any]
    ) -> tuple[Any] | None:
        """The expression's value if shapes and parameters decide it, in a 1-tuple; else None."""
        names = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}
        if any(isinstance(env.get(n), ast.expr) for n in names):
            return None
        ahead = {k: Known(v) if isinstance(v, Variable) else v for k, v in env.items()}
        code = compile(ast.fix_missing_locations(ast.Expression(expression)), "<known>", "eval")
        try:
            # One dictionary, so that generator expressions inside see the names too.
            value = eval(code, {**_globals(function), **ahead})
        except Exception:  # it needs the values, whatever the way it said so
            return None
        return (value,) if _is_plain(value) else None

    def expression(
        self,
        expression: ast.expr,
        env: Environment,
        function: Callable[..., Any],
        out: list[ast.stmt],
    ) -> ast.expr:
        """The expression in the program's names, with calls of plain functions worked out."""
        substituted: ast.expr = _Substitute(self, env, function, out).visit(
            copy.deepcopy(expression)
        )
        return substituted


class _Substitute(ast.NodeTransformer):
    """Replaces a function's names by the program's, and folds what is known ahead."""

    def __init__(
        self, emitter: Emitter, env: Environment, function: Callable[..., Any], out: list[ast.stmt]
    ) -> None:
        self.emitter, self.env, self.function, self.out = emitter, env, function, out

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and not isinstance(node, ast.Name | ast.Constant):
            found = self.emitter.known(node, self.env, self.function)
            if found is not None:
                return self.emitter.literal(found[0])
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.env:
            return self.emitter.literal(copy.deepcopy(self.env[node.id]))
        return self.emitter.global_name(node.id, self.function)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        truth = self.emitter.known(node.test, self.env, self.function)
        if truth is None:
            return self.generic_visit(node)
        return self.visit(node.body if truth[0] else node.orelse)

    def visit_Call(self, node: ast.Call) -> Any:
        callee = (
            _lookup(node.func.id, self.function)
            if isinstance(node.func, ast.Name) and node.func.id not in self.env
            else None
        )
        if isinstance(callee, Op) and len(body_of(syntax(callee.forward))) == 1:
            callee = callee.forward  # one line: relu reads better as np.maximum(Z, 0)
        if not inspect.isfunction(callee) or any(isinstance(a, ast.Starred) for a in node.args):
            return self.generic_visit(node)
        arguments = [self._argument(a) for a in node.args]
        keywords = {k.arg: self._argument(k.value) for k in node.keywords if k.arg}
        try:
            statements, result = self._inlined(callee, arguments, keywords)
        except (NotStraight, OSError):
            return self.generic_visit(node)
        self.out.extend(statements)
        return result

    def _inlined(
        self, callee: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any]
    ) -> tuple[list[ast.stmt], ast.expr]:
        """A called function's body; an argument it reads twice gets a name first."""
        bound = inspect.signature(callee).bind(*arguments, **keywords).arguments
        reads = [n.id for n in ast.walk(syntax(callee)) if isinstance(n, ast.Name)]
        named: list[ast.stmt] = []
        for name, value in bound.items():
            if isinstance(value, ast.expr) and not isinstance(value, ast.Name | ast.Constant):
                if reads.count(name) > 1:
                    target = self.emitter.fresh(name + self.emitter.suffix)
                    named.append(ast.Assign([ast.Name(target, ast.Store())], value))
                    bound[name] = ast.Name(target, ast.Load())
        statements, result = self.emitter.inline(callee, (), dict(bound))
        return named + statements, result

    def _argument(self, node: ast.expr) -> Any:
        """An argument as an inlined function sees it: still a variable or constant if it is one."""
        found = self.emitter.known(node, self.env, self.function)
        if found is not None:
            return found[0]
        if isinstance(node, ast.Name) and node.id in self.env:
            return self.env[node.id]
        return self.visit(node)


class _Rename(ast.NodeTransformer):
    """Inside a copied helper: names of other functions and of constants as they are here."""

    def __init__(self, emitter: Emitter, function: Callable[..., Any], local: set[str]) -> None:
        self.emitter, self.function, self.local = emitter, function, local

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Store) or node.id in self.local:
            return node
        return self.emitter.global_name(node.id, self.function)


def _unannotated(statement: ast.stmt) -> ast.stmt:
    """`grids: list[Any] = []` as a plain assignment: annotations may name what is not here."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return ast.Assign([statement.target], statement.value)
    return statement


def _globals(function: Callable[..., Any]) -> dict[str, Any]:
    closure = inspect.getclosurevars(function).nonlocals
    return {**getattr(function, "__globals__", {}), **closure}


def _lookup(name: str, function: Callable[..., Any]) -> Any:
    scope = _globals(function)
    if name in scope:
        return scope[name]
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise OSError(f"{function.__name__} uses {name!r}, which is not to be found")


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {
        p.name: p.default
        for p in inspect.signature(function).parameters.values()
        if p.default is not p.empty
    }


def _is_plain(value: Any) -> bool:
    """A value that reads well as a literal: numbers, text, slices, and tuples of them."""
    if isinstance(value, tuple | list):
        return all(_is_plain(v) for v in value)
    if isinstance(value, slice):
        return all(_is_plain(v) for v in (value.start, value.stop, value.step))
    return value is None or value is ... or isinstance(value, bool | int | float | str)


def without_unused(statements: Sequence[ast.stmt], results: Sequence[ast.expr]) -> list[ast.stmt]:
    """The statements that the wanted results need."""
    wanted = {n.id for r in results for n in ast.walk(r) if isinstance(n, ast.Name)}
    return drop_unused(statements, wanted)


class Tidy(ast.NodeTransformer):
    """Writes a line as one would by hand: `W.T`, `x[1:]`, no arguments that are defaults."""

    def __init__(self, ranks: dict[str, int]) -> None:
        self.ranks = ranks

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name in ("np.sum", "np.mean", "np.max", "np.min", "np.prod"):
            node.keywords = [k for k in node.keywords if ast.unparse(k) not in _DEFAULTS]
        arguments = [ast.unparse(a) for a in node.args]
        whole = name == "np.transpose" and arguments[1:] in ([], ["None"])
        matrix = name == "np.swapaxes" and arguments[1:] in (["0", "1"], ["-1", "-2"])
        if whole or (matrix and self.ranks.get(arguments[0]) == 2):
            return ast.Attribute(node.args[0], "T", ast.Load())
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        shown = [_as_slice(part) for part in parts]
        node.slice = ast.Tuple(shown, ast.Load()) if isinstance(node.slice, ast.Tuple) else shown[0]
        return node


_DEFAULTS = ("axis=None", "keepdims=False")


def _as_slice(part: ast.expr) -> ast.expr:
    if isinstance(part, ast.Call) and ast.unparse(part.func) == "slice":
        bounds = [None if ast.unparse(a) == "None" else a for a in part.args]
        return ast.Slice(*bounds)
    return part
