"""A function copied whole into a program, with the names it uses as they are there."""

import ast
import symtable
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops.source import globals_of, plain_definition

if TYPE_CHECKING:
    from .emit import Emitter


def copied(emitter: "Emitter", function: Callable[..., Any], name: str) -> str:
    """The function's text under another name, without decorators and annotations.

    Its default values are those it has, not what their text would give in the program.

    Raises:
        OSError: It uses what cannot be printed; the message says what.
    """
    definition = plain_definition(function)
    _check_imports(definition, function)
    outside, inside = _names(definition, function)
    emitter.taken |= inside
    rename = _Rename(emitter, function, outside)
    definition.body = [rename.visit(statement) for statement in definition.body]
    clash = rename.given & inside
    if clash:
        raise OSError(
            f"{function.__name__} has a variable {', '.join(sorted(clash))} of its own, which "
            f"stands for something else in the program: give it another name"
        )
    defaults = function.__defaults__ or ()
    definition.args.defaults = [_default(emitter, v) for v in defaults]
    named = function.__kwdefaults__ or {}
    definition.args.kw_defaults = [
        _default(emitter, named[a.arg]) if a.arg in named else None
        for a in definition.args.kwonlyargs
    ]
    definition.name = name
    return ast.unparse(ast.fix_missing_locations(definition))


def _default(emitter: "Emitter", value: Any) -> ast.expr:
    return emitter.constant(value) if isinstance(value, np.ndarray) else emitter.literal(value)


def _check_imports(definition: ast.FunctionDef, function: Callable[..., Any]) -> None:
    """The program runs alone: what it imports must be everywhere."""
    for node in ast.walk(definition):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        for module in modules:
            root = module.split(".")[0]
            if root != "numpy" and root not in sys.stdlib_module_names:
                raise OSError(
                    f"{function.__name__} imports {module}; only numpy and the standard library "
                    f"can be printed"
                )


def _names(definition: ast.FunctionDef, function: Callable[..., Any]) -> tuple[set[str], set[str]]:
    """The names of a function that stand for something outside it, and those of its own."""
    try:
        table = symtable.symtable(ast.unparse(definition), "<helper>", "exec")
    except SyntaxError as error:  # nonlocal, without the function around it
        raise OSError(
            f"{function.__name__} assigns a variable of the function around it, which cannot be "
            f"printed"
        ) from error
    symbols = [s for t in _below(table.get_children()[0]) for s in t.get_symbols()]
    assigned = {s.get_name() for s in symbols if s.is_declared_global() and s.is_assigned()}
    if assigned:
        raise OSError(
            f"{function.__name__} assigns the global {', '.join(sorted(assigned))}, which cannot "
            f"be printed"
        )
    outside = {s.get_name() for s in symbols if s.is_global()}
    inside = {s.get_name() for s in symbols if s.is_local() or s.is_parameter()}
    if outside & inside:
        raise OSError(
            f"{function.__name__} uses {', '.join(sorted(outside & inside))} both for a variable "
            f"of its own and for a global one: give one another name"
        )
    return outside, inside


def _below(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _below(child)


class _Rename(ast.NodeTransformer):
    """Names of other functions and of constants as they are in the program."""

    def __init__(self, emitter: "Emitter", function: Callable[..., Any], outside: set[str]) -> None:
        self.emitter, self.function, self.outside = emitter, function, outside
        self.given: set[str] = set()  # names that the copy sees outside itself

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self.outside:
            return node
        found = self.emitter.global_name(node.id, self.function)
        self.given |= {n.id for n in ast.walk(found) if isinstance(n, ast.Name)}
        return found

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        """An error class of elsewhere becomes its ancestor in Python: who catches it still does."""
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(raised, ast.Name) and raised.id in self.outside:
            kind = globals_of(self.function).get(raised.id)
            if isinstance(kind, type) and issubclass(kind, BaseException):
                own = next(k for k in kind.__mro__ if k.__module__ == "builtins")
                raised.id = own.__name__
        self.generic_visit(node)
        return node
