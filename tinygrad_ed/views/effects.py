"""What code changes beside the names that it assigns."""

import ast
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from ..ops.registry import Op
from ..ops.source import globals_of, names_read, syntax

METHODS = frozenset(
    (
        "append",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "clear",
        "update",
        "setdefault",
        "sort",
        "reverse",
        "add",
        "discard",
        "fill",
        "put",
        "itemset",
        "partition",
        "resize",
        "setflags",
        "byteswap",
    )
)
"""Methods that change what they belong to."""

WRITERS = frozenset(
    ("at", "copyto", "place", "put", "putmask", "fill_diagonal", "put_along_axis", "random")
)
"""NumPy functions that write into their first argument (`np.add.at`), and the random ones."""


def root(node: ast.expr) -> str | None:
    """The variable at the start of `a.b[0].c`; None if something else stands there."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def acts(call: ast.Call, scope: dict[str, Any]) -> bool:
    """Whether a call is of a method or NumPy function that changes something, or has `out=`."""
    if any(k.arg == "out" for k in call.keywords):
        return True
    if not isinstance(call.func, ast.Attribute):
        return False
    if isinstance(scope.get(root(call.func) or ""), ModuleType):
        return bool(WRITERS & {n.attr for n in ast.walk(call.func) if isinstance(n, ast.Attribute)})
    return call.func.attr in METHODS


_CREATES = frozenset(
    (
        "zeros",
        "ones",
        "empty",
        "full",
        "zeros_like",
        "ones_like",
        "empty_like",
        "full_like",
        "eye",
        "arange",
        "copy",
    )
)


def writes_into_arguments(called: Any, seen: frozenset[Any] = frozenset()) -> bool:
    """Whether a function, or one that it uses, may change what it did not create itself."""
    function = called.forward if isinstance(called, Op) else called
    if function in seen:
        return False
    tree, scope = ast.Module(syntax(function).body, []), globals_of(function)
    own = set()
    changed: list[str | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made = node.value
            of = made.func if isinstance(made, ast.Call) else None
            attribute = of.attr if isinstance(of, ast.Attribute) else ""
            if isinstance(made, ast.List | ast.Dict | ast.Set) or attribute in _CREATES:
                own.add(node.targets[0].id)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            changed += [root(node)] if not isinstance(node.ctx, ast.Load) else []
        elif isinstance(node, ast.AugAssign):
            changed.append(root(node.target))
        elif isinstance(node, ast.Call) and acts(node, scope):
            out = [k.value for k in node.keywords if k.arg == "out"]
            of_numpy = root(node.func) in scope and bool(node.args)
            changed.append(root(out[0] if out else node.args[0] if of_numpy else node.func))
    if any(name not in own for name in changed):
        return True
    used = [scope.get(name) for name in names_read(tree)]
    return any(
        writes_into_arguments(u, seen | {function})
        for u in used
        if isinstance(u, Op | FunctionType)
    )


def only_read(name: str, function: Callable[..., Any]) -> bool:
    """Whether a list of this name is nowhere handed on to what could change it."""
    tree, scope = syntax(function), globals_of(function)
    safe: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension):
            safe.add(id(node.iter))
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            safe.add(id(node.value))
        elif isinstance(node, ast.Call) and not acts(node, scope):
            called = scope.get(root(node.func) or "")
            if called is None or isinstance(called, ModuleType):  # of Python itself, or NumPy
                safe |= {id(n) for n in (*node.args, *(k.value for k in node.keywords))}
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
    return all(isinstance(n.ctx, ast.Store) or id(n) in safe for n in names)
