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
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.USub, ast.UAdd, ast.Name, ast.Constant),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult),
    *(ast.Call, ast.keyword, ast.expr_context, ast.Attribute, ast.Tuple, ast.List, ast.Subscript),
    *(ast.Slice,),
)
WRONG = (ShapeError, ValueError, TypeError, IndexError, DTypeError, ArithmeticError)
LONGEST = 2000
"""Signs of a formula."""
WHOLE = 2**53
"""Below this a float that is a whole number is exact."""
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
    whole, names = _compiled(formula)
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"{unknown[0]!r} does not occur in {_short(formula)!r}")
    values_given = {name: _numbers(name, value) for name, value in given.items()}
    rng = np.random.default_rng(seed)
    free = [name for name in names if name not in given]
    choices = [SHAPES.get(_like(name), SHAPES["w"]) for name in free]
    reason = ""
    for shapes in itertools.islice(itertools.product(*choices), TRIES):
        values = {name: np.ones(shape) for name, shape in zip(free, shapes, strict=True)}
        values |= values_given
        try:
            if np.shape(_run(whole, {k: tensor(v) for k, v in values.items()})) == ():
                drawn = {name: np.round(rng.normal(size=values[name].shape), 1) for name in free}
                return _recorded(whole, {**values, **drawn}, wanted)
            reason = "the result is no single number: put mean(…) or sum(…) around it"
        except WRONG as error:
            reason = str(error)
        except MemoryError:
            reason = "it needs more memory than there is"
        if not free:
            break
    raise ValueError(
        f"no values were found with which {_short(formula)!r} gives one number ({reason}); give "
        f"some, such as --let x=[[1,2],[3,4]]"
    )


def _like(name: str) -> str:
    letter = name[:1].lower()
    return "t" if letter == "y" else letter


def _compiled(formula: str) -> tuple[Any, list[str]]:
    """The formula, ready to run, and its names.

    Raises:
        ValueError: It is something else than arithmetic with the engine's functions.
    """
    shown = repr(_short(formula))
    if len(formula) > LONGEST:
        raise ValueError(f"{shown} has {len(formula)} signs, at most {LONGEST} are read")
    try:
        code = _checked(ast.parse(formula.strip(), mode="eval"), shown)
        return compile(code, "<formula>", "eval"), _leaves(code)
    except SyntaxError as error:
        raise ValueError(f"{shown} is no formula: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(f"{shown} is nested too deeply") from error


def _short(formula: str) -> str:
    return formula if len(formula) <= 80 else formula[:79] + "…"


def _checked(code: ast.Expression, shown: str) -> ast.Expression:
    """The tree, if nothing else is in it."""
    sequences = (ast.Tuple, ast.List)
    for node in ast.walk(code):
        if not isinstance(node, ALLOWED):
            what = type(node).__name__
            raise ValueError(f"{shown}: {what} is not part of a formula: only arithmetic is")
        if isinstance(node, ast.Attribute) and node.attr != "T":
            raise ValueError(f"{shown}: .{node.attr} is not known; .T is a transpose")
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or node.func.id not in ops.__all__
        ):
            called = ast.unparse(node.func)
            raise ValueError(f"{shown}: no function {called!r}; tg.{called} does not exist")
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) else []
        parts += [node.value] if isinstance(node, ast.Subscript) else []
        if any(isinstance(p, sequences) or _is_text(p) for p in parts):
            raise ValueError(f"{shown}: a list or a text is no number to calculate with")
    checked: ast.Expression = _Powers(shown).visit(code)
    return ast.fix_missing_locations(checked)


def _is_text(code: ast.expr) -> bool:
    return isinstance(code, ast.Constant) and not isinstance(code.value, int | float | complex)


class _Powers(ast.NodeTransformer):
    """Powers of plain numbers, by floats: as a whole number 9**9**9 has 370 million digits."""

    def __init__(self, shown: str) -> None:
        self.shown = shown

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        named = any(isinstance(n, ast.Name | ast.Call | ast.Subscript) for n in ast.walk(node))
        if not isinstance(node.op, ast.Pow) or named:
            return node
        try:
            power = _value_of(node.left) ** _value_of(node.right)
        except (ArithmeticError, TypeError) as error:
            what = ast.unparse(node)
            raise ValueError(f"{self.shown}: {what} is no number that fits: {error}") from error
        whole = isinstance(power, float) and power.is_integer() and abs(power) < WHOLE
        return ast.Constant(int(power) if whole else power)


def _value_of(code: ast.expr) -> Any:
    whole = ast.fix_missing_locations(ast.Expression(code))
    return float(eval(compile(whole, "<number>", "eval"), {"__builtins__": {}}))


def _numbers(name: str, value: Any) -> np.ndarray[Any, Any]:
    """A value that was given, as an array.

    Raises:
        ValueError: It is no number and no nested list of numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal length
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name}={value!r:.60} is no number and no list of numbers, lists in it of one length: "
            f"such as [[1,2],[3,4]]"
        )
    return array.astype(float)


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
        why = "is a name only" if values else "has no name in it that a gradient could flow to"
        raise ValueError(f"the formula {why}")
    if not loss.name:
        loss.name = "L"
    return loss
