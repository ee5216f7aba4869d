"""What may be worked out before there are values: shapes, parameters, and nothing that acts.

Code is executed here to know what it gives, so it must give the same every time and change
nothing: no random numbers, no appending to a list, no counter of a module.
"""

import ast
import dis
import functools
import itertools
import math
import operator
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType
from typing import Any, NoReturn

import numpy as np

from ..ops.registry import Op
from ..ops.source import fresh, globals_of
from .effects import WRITERS, acts, root
from .emit import Variable, numpy_path

MODULES = (np, math, operator, itertools, functools)
_OF_MODULES = ("builtins", "math", "operator", "_operator", "itertools", "functools", "_functools")

OUTSIDE = frozenset(
    (
        "print",
        "input",
        "open",
        "exec",
        "eval",
        "compile",
        "setattr",
        "delattr",
        "globals",
        "locals",
        "vars",
        "dir",
        "id",
        "type",
        "callable",
        "next",
        "__import__",
    )
)
"""Builtins that act, or see that a variable is only stood for."""


class Known:
    """Stands for a variable while code is worked out ahead: its shape can be used, nothing else.

    Whatever else is asked of it, its type included, is refused, and that it was asked is kept:
    the code that asked may have caught the refusal and gone another way.
    """

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, variable: Variable, asked: list[str]) -> None:
        self.shape, self.dtype = variable.shape, np.dtype(variable.dtype)
        self.ndim, self.size = len(variable.shape), math.prod(variable.shape)
        self._asked = asked

    def _refuse(self, *_: Any) -> NoReturn:
        self._asked.append("value")
        raise TypeError("the value is not known yet")

    __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __bool__ = __array__ = __getitem__ = __iter__ = __len__ = __contains__ = _refuse
    __float__ = __int__ = __index__ = __repr__ = __str__ = __format__ = __getattr__ = _refuse
    __class__ = property(_refuse)


def known(
    expression: ast.expr, env: dict[str, Any], function: Callable[..., Any]
) -> tuple[Any] | None:
    """The expression's value if shapes and parameters decide it, in a 1-tuple; else None."""
    scope = {**globals_of(function), **env}
    if not _harmless(expression, scope):
        return None
    asked: list[str] = []
    stand_ins: dict[str, Known] = {}  # one for each variable: `a is b` is asked, too
    for name in {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)} & env.keys():
        value = env[name]
        if isinstance(value, ast.expr):
            return None
        if isinstance(value, Variable):
            value = stand_ins.setdefault(value.name, Known(value, asked))
        scope[name] = value
    whole = ast.fix_missing_locations(ast.Expression(fresh(expression)))
    try:
        # One dictionary, so that generator expressions inside see the names too.
        value = eval(compile(whole, "<known>", "eval"), scope)
    except Exception:  # it needs the values, whatever the way it said so
        return None
    return (value,) if is_plain(value) and not asked else None


def is_plain(value: Any) -> bool:
    """A value that reads well as a literal: numbers, text, slices, and tuples of them."""
    kind = type(value)
    if kind in (tuple, list):
        return all(is_plain(v) for v in value)
    if kind is slice:
        return all(is_plain(v) for v in (value.start, value.stop, value.step))
    return value is None or value is ... or kind in (bool, int, float, str, np.float64)


def _harmless(expression: ast.expr, scope: dict[str, Any]) -> bool:
    """Whether evaluating the expression changes nothing and would give the same again."""
    mutable = calls = False
    for node in ast.walk(expression):
        if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
            return False
        if isinstance(node, ast.Call):
            if acts(node, scope):
                return False
            start = scope.get(root(node.func) or "") if isinstance(node.func, ast.Attribute) else 0
            if not (isinstance(start, Variable | ModuleType) or _is_fixed(start)):
                return False
        if isinstance(node, ast.Name):
            if node.id not in scope:
                if node.id in OUTSIDE:
                    return False
                continue
            value = scope[node.id]
            if isinstance(value, Op | FunctionType):
                calls = True
                if not may_run(value):
                    return False
            elif isinstance(value, ModuleType):
                if value not in MODULES and numpy_path(value) is None:
                    return False
            elif callable(value) and not _is_fixed(value):
                return False
            mutable |= isinstance(value, list | dict | set | np.ndarray)
    return not (mutable and calls)


def _is_fixed(value: Any) -> bool:
    """A plain value that nothing can change, or a function or type that changes nothing."""
    if isinstance(value, type):
        of_python = value.__module__ in _OF_MODULES or issubclass(value, BaseException)
        return value is not type and (of_python or numpy_path(value) is not None)
    if callable(value):
        harmless = getattr(value, "__module__", "") in _OF_MODULES and value.__name__ not in OUTSIDE
        return harmless or (numpy_path(value) is not None and value.__name__ not in WRITERS)
    return (is_plain(value) and not isinstance(value, list)) or isinstance(
        value, np.generic | np.dtype
    )


def may_run(function: Op | FunctionType, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a function uses only itself, fixed values, and functions that do the same."""
    plain = function.forward if isinstance(function, Op) else function
    if plain in seen:
        return True
    if not isinstance(plain, FunctionType) or not _keeps_to_itself(plain.__code__):
        return False
    scope = globals_of(plain)
    for name in _names_of(plain.__code__):
        if name in WRITERS or (name in OUTSIDE and name not in scope):
            return False
        value = scope.get(name)
        if isinstance(value, Op | FunctionType):
            if not may_run(value, seen | {plain}):
                return False
        elif isinstance(value, ModuleType):
            if value not in MODULES:
                return False
        elif not _is_fixed(value):
            return False
    return True


def _names_of(code: CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(code.co_freevars, *(_names_of(c) for c in inner))


def _keeps_to_itself(code: CodeType) -> bool:
    """No assignment to names outside, no import."""
    for step in dis.get_instructions(code):
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL", "IMPORT_NAME"):
            return False
        if step.opname == "STORE_DEREF" and step.argval in code.co_freevars:
            return False
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return all("STORE_GLOBAL" not in {s.opname for s in dis.get_instructions(c)} for c in inner)
