"""What a printed program consists of beside its lines: names, constants, copied functions."""

import ast
import builtins
import copy
import inspect
import keyword
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..ops.registry import Op
from ..ops.source import syntax


@dataclass(frozen=True)
class Variable:
    """An array of the program: its name, and what is known of it before it has values."""

    name: str
    shape: tuple[int, ...]
    dtype: Any


class Emitter:
    """Collects the helper functions and constant arrays that the emitted lines need.

    Attributes:
        helpers: Text of each helper function, in the order they must stand.
        arrays: Constant arrays that occur in parameters (an index), by name.
        taken: Every name in use.
    """

    def __init__(self) -> None:
        self.taken = {"np", "program"} | set(keyword.kwlist) | set(dir(builtins))
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

    def helper(self, function: Any, wanted: str = "") -> str:
        """Copies a function (and what it uses) into the program; returns its name there."""
        plain = function.forward if isinstance(function, Op) else function
        if plain in self._helper_names:
            return self._helper_names[plain]
        name = self._helper_names[plain] = self.fresh(wanted or plain.__name__)
        try:
            self.helpers[name] = self._copied(plain, name)
        except OSError:  # it uses what cannot be printed: the caller says so
            del self._helper_names[plain]
            raise
        return name

    def _copied(self, function: Callable[..., Any], name: str) -> str:
        """The function's text under another name, without decorators and annotations."""
        definition = copy.deepcopy(syntax(function))
        definition.name, definition.decorator_list, definition.returns = name, [], None
        nodes = list(ast.walk(definition))
        for argument in nodes:
            if isinstance(argument, ast.arg):
                argument.annotation = None
        local = {n.arg for n in nodes if isinstance(n, ast.arg)}
        local |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        rename = _Rename(self, function, local)
        definition.body = [rename.visit(_unannotated(s)) for s in definition.body]
        return ast.unparse(ast.fix_missing_locations(definition))

    def global_name(self, name: str, function: Callable[..., Any]) -> ast.expr:
        """What a name outside the function's own stands for in the program."""
        value = lookup(name, function)
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


def globals_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The names that a function sees outside itself, of its module and of its closure."""
    closure = inspect.getclosurevars(function).nonlocals
    return {**getattr(function, "__globals__", {}), **closure}


def lookup(name: str, function: Callable[..., Any]) -> Any:
    """What a name inside a function stands for."""
    scope = globals_of(function)
    if name in scope:
        return scope[name]
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise OSError(f"{function.__name__} uses {name!r}, which is not to be found")
