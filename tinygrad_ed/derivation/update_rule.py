"""An optimiser's rule as straight lines: every `if` decided, what it returns given its name."""

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..ops.source import body_of, fresh, globals_of, names_read, syntax


def slots_of(rule: Callable[..., Any]) -> list[str]:
    """What a rule calls its memory."""
    parameters = inspect.signature(rule).parameters.values()
    return [q.name for q in parameters if q.kind is not q.KEYWORD_ONLY][2:]


def straight(
    rule: Callable[..., Any], numbers: Mapping[str, Any], arrays: Mapping[str, Any]
) -> list[ast.Assign]:
    """A rule's statements with every `if` decided by its numbers.

    Args:
        rule: Its `if`s may ask for hyper-parameters only; it may end by calling another rule.
        numbers: Hyper-parameters, and None for memory that is not used.
        arrays: Memory that is used; it decides nothing.

    Raises:
        OSError: It is no straight line, or its source is not to be had.
    """
    known = {k: v for k, v in numbers.items() if k not in arrays}
    lines: list[ast.Assign] = []

    def go(body: Sequence[ast.stmt], function: Callable[..., Any]) -> bool:
        """Whether the rule has returned."""
        scope = {**globals_of(function), **known}
        for statement in body:
            if isinstance(statement, ast.If):
                yes = _truth(statement.test, scope, function)
                if go(statement.body if yes else statement.orelse, function):
                    return True
            elif isinstance(statement, ast.Return):
                called = statement.value
                if isinstance(called, ast.Call) and isinstance(called.func, ast.Name):
                    inner = scope[called.func.id]
                    for keyword in inspect.signature(inner).parameters.values():
                        given = {k.arg for k in called.keywords}
                        if keyword.kind is keyword.KEYWORD_ONLY and keyword.name not in given:
                            known[keyword.name] = keyword.default
                    go(body_of(syntax(inner)), inner)
                else:
                    lines.extend(_returned(called, function))
                return True
            else:
                lines.append(_assignment(_Decided(scope, function).visit(fresh(statement)), rule))
        return False

    go(body_of(syntax(rule)), rule)
    return lines


def refused(rule: Callable[..., Any], why: str) -> OSError:
    """The error for a rule that cannot be read line by line."""
    name = getattr(rule, "__name__", repr(rule))
    return OSError(
        f"explain: the rule {name} {why}. A rule that can be shown line by line has assignments, "
        f"`if`s that ask for hyper-parameters, and returns (p, *memory), as those of "
        f"tinygrad_ed.optim.rules"
    )


def _assignment(statement: ast.stmt, rule: Callable[..., Any]) -> ast.Assign:
    """A statement as an assignment: `m *= b` is m = m * b."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        name = statement.target.id
        whole = ast.BinOp(ast.Name(name, ast.Load()), statement.op, statement.value)
        statement = ast.Assign([ast.Name(name, ast.Store())], whole)
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        statement = ast.Assign([statement.target], statement.value)
    if isinstance(statement, ast.Assign):
        first, *more = statement.targets
        if isinstance(first, ast.Name | ast.Tuple) and not more:
            return statement
    raise refused(rule, f"has the line `{ast.unparse(statement).splitlines()[0]}`")


def _returned(code: ast.expr | None, rule: Callable[..., Any]) -> list[ast.Assign]:
    """What is returned under its names: `return p - lr * g, m` gives p a new value, m keeps its."""
    names = [q.name for q in inspect.signature(rule).parameters.values()]
    parts = code.elts if isinstance(code, ast.Tuple) else []
    if len(parts) != 1 + len(slots_of(rule)):
        raise refused(rule, "returns something else")
    left = {
        name: part
        for name, part in zip([names[0], *names[2:]], parts, strict=False)
        if ast.unparse(part) not in (name, "None")
    }
    lines = []
    while left:  # first what no other part still reads
        free = (
            name for name in left
            if not any(name in names_read(part) for k, part in left.items() if k != name)
        )  # fmt: skip
        name = next(free, None)
        if name is None:
            raise refused(rule, "returns parts that read each other")
        lines.append(ast.Assign([ast.Name(name, ast.Store())], fresh(left.pop(name))))
    return lines


def _truth(test: ast.expr, scope: Mapping[str, Any], rule: Callable[..., Any]) -> bool:
    try:
        return bool(eval(compile(ast.Expression(test), "<rule>", "eval"), dict(scope)))
    except NameError as error:
        raise refused(rule, f"asks for more than hyper-parameters ({error})") from error


class _Decided(ast.NodeTransformer):
    """`a if nesterov else b` becomes what it is."""

    def __init__(self, scope: Mapping[str, Any], rule: Callable[..., Any]) -> None:
        self.scope, self.rule = scope, rule

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        yes = _truth(node.test, self.scope, self.rule)
        return self.visit(node.body if yes else node.orelse)
