"""A loss typed as a formula: `mean((sigmoid(x @ w + b) - t)**2)`.

Names that are no function of the engine are its leaves. Values may be given; where they are not,
shapes are found by trying small ones until the formula gives one number, and the entries are drawn
at random. Nothing but arithmetic and the engine's functions is run.
"""

import ast
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import ops
from ..creation import tensor
from ..errors import DTypeError, ShapeError
from ..tensor import Tensor

DATA = "xty"
"""Names that begin with one of these letters are data: no gradient flows to them unless wanted."""

SHAPES: dict[str, list[tuple[int, ...]]] = {
    "x": [(4, 3), (3,), ()],
    "w": [(3, 2), (2, 1), (3, 1), (3,), (2, 2), (2,), ()],
    "b": [(2,), (1,), ()],
    "t": [(4, 2), (4, 1), (4,), (2,), ()],
}
"""Shapes that are tried, by the first letter of a name; y is tried like t, all others like w."""

ALLOWED = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Name, ast.Constant),
    *(ast.Call, ast.keyword, ast.expr_context, ast.Attribute, ast.Tuple, ast.List, ast.Subscript),
    *(ast.Slice,),
)
TRIES = 20_000


def typed(
    formula: str, given: Mapping[str, Any], wanted: str | None = None, seed: int = 0
) -> Tensor:
    """The loss that a formula says, recorded.

    Args:
        formula: Python arithmetic with the engine's functions.
        given: Values of some names: numbers or nested lists of numbers.
        wanted: A name that is to carry a gradient although it looks like data.
        seed: Of the entries that are drawn.

    Raises:
        ValueError: Not such a formula, or no shapes were found that give one number.
    """
    code = _parsed(formula)
    names = _leaves(code)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r} does not occur in {formula!r}")
    rng = np.random.default_rng(seed)
    free = [name for name in names if name not in given]
    choices = [SHAPES.get(_like(name), SHAPES["w"]) for name in free]
    whole = compile(ast.fix_missing_locations(code), formula, "eval")
    reason = ""
    for shapes in itertools.islice(itertools.product(*choices), TRIES):
        values = {name: np.ones(shape) for name, shape in zip(free, shapes, strict=True)}
        values |= {name: np.asarray(value, dtype=float) for name, value in given.items()}
        try:
            if np.shape(_run(whole, {k: tensor(v) for k, v in values.items()})) == ():
                drawn = {name: np.round(rng.normal(size=values[name].shape), 1) for name in free}
                return _recorded(whole, {**values, **drawn}, wanted)
            reason = "the result is no single number: put mean(…) or sum(…) around it"
        except (ShapeError, ValueError, TypeError, IndexError, DTypeError) as error:
            reason = str(error)
        if not free:
            break
    raise ValueError(
        f"no values were found with which {formula!r} gives one number ({reason}); give some, "
        f"such as --let x=[[1,2],[3,4]]"
    )


def _like(name: str) -> str:
    letter = name[:1].lower()
    return "t" if letter == "y" else letter


def _parsed(formula: str) -> ast.Expression:
    try:
        code = ast.parse(formula.strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{formula!r} is no formula: {error.msg}") from error
    for node in ast.walk(code):
        if not isinstance(node, ALLOWED):
            what = type(node).__name__
            raise ValueError(f"{formula!r}: {what} is not part of a formula: only arithmetic is")
        if isinstance(node, ast.Attribute) and node.attr != "T":
            raise ValueError(f"{formula!r}: .{node.attr} is not known; .T is a transpose")
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or node.func.id not in ops.__all__
        ):
            called = ast.unparse(node.func)
            raise ValueError(f"{formula!r}: no function {called!r}; tg.{called} does not exist")
    return code


def _leaves(code: ast.Expression) -> list[str]:
    """The names that are values, in their order."""
    called = {id(n.func) for n in ast.walk(code) if isinstance(n, ast.Call)}
    names = [n.id for n in ast.walk(code) if isinstance(n, ast.Name) and id(n) not in called]
    return list(dict.fromkeys(names))


def _run(code: Any, values: Mapping[str, Any]) -> Any:
    functions = {name: getattr(ops, name) for name in ops.__all__}
    with np.errstate(all="ignore"):
        return eval(code, {"__builtins__": {}, **functions, **values})


def _recorded(code: Any, values: Mapping[str, Any], wanted: str | None) -> Tensor:
    leaves = {
        name: tensor(
            value,
            requires_grad=name[:1].lower() not in DATA or name == wanted,
            name=name,
        )
        for name, value in values.items()
    }
    if not any(leaf.requires_grad for leaf in leaves.values()):
        leaves = {k: tensor(v, requires_grad=True, name=k) for k, v in values.items()}
    loss: Tensor = _run(code, leaves)
    if not isinstance(loss, Tensor) or loss.op is None:
        raise ValueError("the formula has no name in it that a gradient could flow to")
    if not loss.name:
        loss.name = "L"
    return loss
