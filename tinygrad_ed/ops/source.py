"""Reading an op's own source: its syntax tree, and the part of it that is needed.

The tape prunes a VJP to the wanted gradients with it, `unroll` prints ops with it, and whatever
explains or compiles an op later starts from the same tree: nothing is written down twice.
"""

import ast
import functools
import inspect
import linecache
import weakref
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any, TypeVar

_trees: "weakref.WeakKeyDictionary[CodeType, ast.FunctionDef]" = weakref.WeakKeyDictionary()
"""Trees by code object: a closure made a thousand times is read once, and none is kept alive."""

Tree = TypeVar("Tree", bound=ast.AST)


def syntax(function: Callable[..., Any]) -> ast.FunctionDef:
    """The function's definition as a tree, with the line numbers of its file.

    It is checked to be the code that runs. Treat it as read-only (it is shared):
    `fresh` before changing it.

    Raises:
        OSError: There is no source (the function was typed at a prompt or made by exec), it is no
            def statement, a decorator wraps it, or its file was changed after the import.
    """
    if not isinstance(function, FunctionType):
        raise OSError(f"{function!r} is no Python function: it has no source")
    if hasattr(function, "__wrapped__"):
        raise OSError(
            f"{function.__name__} is wrapped by a decorator (functools.wraps), so its source is "
            f"not the code that runs"
        )
    code = function.__code__
    found = _trees.get(code)
    if found is None:
        found = _trees[code] = _read(code)
    return found


def _read(code: CodeType) -> ast.FunctionDef:
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename))
    if not text:
        raise OSError(f"{code.co_name} has no source: define it in a file")
    if code.co_name == "<lambda>":
        raise OSError("a lambda cannot be read: write it as a def statement")
    place = code.co_name, code.co_firstlineno
    try:
        found = _functions_in(code.co_filename, text).get(place)
    except (SyntaxError, ValueError):
        found = None
    if found is None or _meaning(found[1]) != _meaning(code):
        raise OSError(
            f"the source of {code.co_name} is not the code that runs: the file was changed after "
            f"it was imported, or a tool rewrote the function; import it again"
        )
    return found[0]


@functools.lru_cache(maxsize=8)
def _functions_in(
    filename: str, text: str
) -> dict[tuple[str, int], tuple[ast.FunctionDef, CodeType]]:
    """Every def statement of a file by name and first line, with what it compiles to.

    The whole file is compiled: what a function becomes depends on the imports above it.
    """
    tree = ast.parse(text, filename)
    definitions = {
        (n.name, min(n.lineno, *(d.lineno for d in n.decorator_list), n.lineno)): n
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef)
    }
    codes = [compile(tree, filename, "exec", dont_inherit=True)]
    for code in codes:  # grows while it is gone through
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
    places = {(c.co_name, c.co_firstlineno): c for c in reversed(codes)}
    return {place: (d, places[place]) for place, d in definitions.items() if place in places}


def _meaning(code: CodeType) -> tuple[Any, ...]:
    """What a code object does: everything but its place and its docstring."""
    constants = code.co_consts
    if constants and isinstance(constants[0], str):  # the docstring, or a text that may be one
        constants = constants[1:]
    return (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS),
        tuple(_constant(c) for c in constants),
    )


def _constant(value: Any) -> Any:
    """A constant so that 1, 1.0 and True differ, and 0.0 and -0.0."""
    if isinstance(value, CodeType):
        return _meaning(value)
    if isinstance(value, tuple):
        return tuple(_constant(v) for v in value)
    if isinstance(value, frozenset):
        return frozenset(_constant(v) for v in value)
    return type(value), repr(value)


def fresh(tree: Tree) -> Tree:
    """A copy of a syntax tree, as `copy.deepcopy` makes it and ten times as fast."""
    new = tree.__class__.__new__(tree.__class__)
    for name, value in vars(tree).items():
        if isinstance(value, ast.AST):
            value = fresh(value)
        elif isinstance(value, list):
            value = [fresh(part) if isinstance(part, ast.AST) else part for part in value]
        setattr(new, name, value)
    return new


def body_of(definition: ast.FunctionDef) -> list[ast.stmt]:
    """Its statements without the docstring."""
    statements = definition.body
    first = statements[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return statements[1:]
    return statements


class _Plain(ast.NodeTransformer):
    """Without annotations: they may name what exists for the type checker only."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        return node


def plain_definition(function: Callable[..., Any]) -> ast.FunctionDef:
    """A copy of the definition without decorators, annotations and default values.

    The defaults were worked out when the def statement ran; they are in `__defaults__` and
    `__kwdefaults__`, and evaluating their text again may give something else.

    Raises:
        OSError: As `syntax`.
    """
    definition = fresh(syntax(function))
    definition.decorator_list, definition.args.defaults = [], []
    definition.args.kw_defaults = [None] * len(definition.args.kwonlyargs)
    if hasattr(definition, "type_params"):
        definition.type_params = []
    plain: ast.FunctionDef = _Plain().visit(definition)
    return plain


def globals_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The names that a function sees outside itself, of its module and of its closure."""
    assert isinstance(function, FunctionType)
    names = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # the function around it has not assigned it yet
            names.pop(name, None)
    return names


def names_read(node: ast.AST) -> set[str]:
    """Every name that the code below this node reads."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def names_bound(node: ast.AST) -> set[str]:
    """Every name that the code below this node assigns."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not _is_load(n)}


def _is_load(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def writes(node: ast.AST) -> bool:
    """Whether the code below this node writes into something that has other names, too.

    `a[...] = b`, `a.x = b`, `a += b`, `out=a`, and a call whose result nobody takes.
    """
    return any(
        (isinstance(n, ast.Attribute | ast.Subscript) and not _is_load(n))
        or isinstance(n, ast.AugAssign)
        or (isinstance(n, ast.Expr) and not isinstance(n.value, ast.Constant))
        or (isinstance(n, ast.keyword) and n.arg == "out")
        for n in ast.walk(node)
    )


def drop_unused(statements: Sequence[ast.stmt], wanted: set[str]) -> list[ast.stmt]:
    """Straight-line code without the assignments that nothing wanted depends on.

    A statement that writes into an array stays, with all it reads: the array may be a view of
    one that is wanted.
    """
    wanted = set(wanted)
    kept = []
    for statement in reversed(statements):
        needless = isinstance(statement, ast.Assign) and not names_bound(statement) & wanted
        if needless and not writes(statement):
            continue
        wanted |= names_read(statement)
        kept.append(statement)
    return kept[::-1]


class _OnlyWanted(ast.NodeTransformer):
    """Replaces the unwanted entries of every returned tuple by None."""

    def __init__(self, needs: Sequence[bool]) -> None:
        self.needs = needs

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node  # a function inside returns to this one, not to the tape

    def visit_Return(self, node: ast.Return) -> ast.Return:
        value = node.value
        if not isinstance(value, ast.Tuple) or len(value.elts) != len(self.needs):
            return node
        if not any(isinstance(entry, ast.Starred) for entry in value.elts):
            value.elts = [
                entry if need else ast.copy_location(ast.Constant(None), entry)
                for entry, need in zip(value.elts, self.needs, strict=True)
            ]
        return node


def prune(function: Callable[..., Any], needs: Sequence[bool]) -> Callable[..., Any]:
    """The same VJP computing only the gradients marked in `needs`.

    Line numbers stay those of the file, so a traceback or a debugger shows the real line. A
    function without source or with a closure comes back as it is: correct, only not shorter. So
    does one that writes into arrays or names values inside expressions (`:=`).
    """
    if not isinstance(function, FunctionType) or function.__closure__:
        return function
    try:
        definition = plain_definition(function)
    except OSError:
        return function
    if writes(definition) or any(isinstance(n, ast.NamedExpr) for n in ast.walk(definition)):
        return function
    only_wanted = _OnlyWanted(needs)
    definition.body = [only_wanted.visit(statement) for statement in body_of(definition)]
    if all(isinstance(s, ast.Assign | ast.Return) for s in definition.body):
        definition.body = drop_unused(definition.body, set())
    module = ast.fix_missing_locations(ast.Module([definition], []))
    whole = compile(module, function.__code__.co_filename, "exec", dont_inherit=True)
    code = next(c for c in whole.co_consts if isinstance(c, CodeType))
    pruned = FunctionType(code, function.__globals__, function.__name__, function.__defaults__)
    pruned.__kwdefaults__ = function.__kwdefaults__
    return pruned
