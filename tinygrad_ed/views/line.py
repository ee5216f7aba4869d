"""One line of a reading of the tape."""

import ast
from dataclasses import dataclass
from typing import Any

from ..tape import Node


@dataclass(frozen=True)
class Line:
    """One statement.

    Attributes:
        statement: In the program's names.
        kind: "local" (a step on the way), "result", and on the way back "seed", "gradient", "sum"
            (over broadcast axes), "cast" and "add" (paths meet).
        node: The result whose op it belongs to.
        source: The operand whose gradient it computes; None if none.
        operand: The how manieth operand that is; -1 if none.
        upstream: What the gradient that its VJP starts from is called.
        comment: What it is, in a few words.
    """

    statement: ast.stmt
    kind: str
    node: Node
    source: Node | None = None
    comment: str = ""
    operand: int = -1
    upstream: str = ""

    @property
    def target(self) -> str:
        """The name that it gives a value; "" if it changes one in place."""
        return target_of(self.statement)


@dataclass(frozen=True)
class Named:
    """A gradient while the walk goes on: what the lines call it, and its numbers."""

    name: str
    array: Any


def assign(name: str, value: ast.expr) -> ast.Assign:
    """The statement `name = value`."""
    return ast.Assign([ast.Name(name, ast.Store())], value)


def target_of(statement: ast.stmt) -> str:
    """The name that an assignment gives a value, "" if there is none."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return ""
