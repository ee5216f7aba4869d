"""Reading an op's own source: its syntax tree, and the part of it that is needed.

The tape prunes a VJP to the wanted gradients with it, `unroll` prints ops with it, and whatever
explains or compiles an op later starts from the same tree: nothing is written down twice.
"""

import ast
import copy
import functools
import inspect
import textwrap
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any


@functools.cache
def syntax(function: Callable[..., Any]) -> ast.FunctionDef:
    """The function's definition as a tree, with the line numbers of its file.

    Treat it as read-only (it is shared): `copy.deepcopy` before changing it.

    Raises:
        OSError: There is no source (the function was typed at a prompt or made by exec).
    """
    lines, first = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, first - 1)
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise OSError(f"{function!r} is not defined by a def statement")
    return definition


def body_of(definition: ast.FunctionDef) -> list[ast.stmt]:
    """Its statements without the docstring."""
    statements = definition.body
    first = statements[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return statements[1:]
    return statements


def names_read(node: ast.AST) -> set[str]:
    """Every name that the code below this node reads."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def drop_unused(statements: Sequence[ast.stmt], wanted: set[str]) -> list[ast.stmt]:
    """Straight-line code without the assignments that nothing wanted depends on."""
    wanted = set(wanted)
    kept = []
    for statement in reversed(statements):
        if isinstance(statement, ast.Assign):
            targets = {
                n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)
            }
            if not targets & wanted:
                continue
        wanted |= names_read(statement)
        kept.append(statement)
    return kept[::-1]


class _OnlyWanted(ast.NodeTransformer):
    """Replaces the unwanted entries of every returned tuple by None."""

    def __init__(self, needs: Sequence[bool]) -> None:
        self.needs = needs

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(self.needs):
            node.value.elts = [
                entry if need else ast.copy_location(ast.Constant(None), entry)
                for entry, need in zip(node.value.elts, self.needs, strict=True)
            ]
        return node


def prune(function: Callable[..., Any], needs: Sequence[bool]) -> Callable[..., Any]:
    """The same VJP computing only the gradients marked in `needs`.

    Line numbers stay those of the file, so a traceback or a debugger shows the real line. A
    function without source or with a closure comes back as it is: correct, only not shorter.
    """
    try:
        definition = copy.deepcopy(syntax(function))
    except (OSError, TypeError, SyntaxError):
        return function
    if function.__closure__ or not isinstance(function, FunctionType):
        return function
    definition.decorator_list = []
    definition = _OnlyWanted(needs).visit(definition)
    if all(isinstance(s, ast.Assign | ast.Return) for s in body_of(definition)):
        definition.body = drop_unused(body_of(definition), set())
    module = ast.fix_missing_locations(ast.Module([definition], []))
    namespace: dict[str, Any] = {}
    exec(compile(module, function.__code__.co_filename, "exec"), function.__globals__, namespace)
    pruned: Callable[..., Any] = namespace[definition.name]
    return pruned
