"""The shape of an expression, as far as it can be told without running it.

A shape is a tuple of sizes, None for a size that is not known, and None as a whole where not even
the number of axes is.
"""

import ast
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int | None, ...]
Lookup: TypeAlias = Callable[[str], Shape | None]

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all", "std", "var", "logsumexp")
NUMBERS = ("size", "ndim", "pi", "inf", "nan", "e")
BY_ENTRY = ("where", "clip", "sigmoid", "relu", "float16", "float32", "float64", "int32", "int64")
SAME = ("astype", "copy", "asarray", "softmax", "log_softmax", "cumsum", "flip", "ones_like")


def called(node: ast.Call) -> tuple[str, list[ast.expr]]:
    """The function's name without `np.` and its arguments; of a method the array comes first."""
    function = node.func
    if isinstance(function, ast.Attribute) and not _is_module(function.value):
        return function.attr, [function.value, *node.args]
    return ast.unparse(function).removeprefix("np.").removeprefix("numpy."), list(node.args)


def _is_module(node: ast.expr) -> bool:
    return ast.unparse(node).split(".")[0] in ("np", "numpy")


def literal(node: ast.AST | None) -> Any:
    """The value of a literal; the text of anything else, which is no shape and no axis."""
    if node is None:
        return None
    try:
        return ast.literal_eval(node)  # type: ignore[arg-type,unused-ignore]
    except (ValueError, TypeError, SyntaxError):
        return ast.unparse(node)


def shape_of(node: ast.AST, lookup: Lookup) -> Shape | None:
    """The shape of an expression; `lookup` gives those of names."""
    if isinstance(node, ast.Name):
        return lookup(node.id)
    if isinstance(node, ast.Constant):
        return ()
    if isinstance(node, ast.UnaryOp):
        return shape_of(node.operand, lookup)
    if isinstance(node, ast.BinOp):
        pair = shape_of(node.left, lookup), shape_of(node.right, lookup)
        return product(*pair) if isinstance(node.op, ast.MatMult) else broadcast(*pair)
    if isinstance(node, ast.BoolOp):
        return broadcast(*(shape_of(v, lookup) for v in node.values))
    if isinstance(node, ast.Compare):
        return broadcast(*(shape_of(v, lookup) for v in (node.left, *node.comparators)))
    if isinstance(node, ast.Attribute):
        inside = shape_of(node.value, lookup)
        if node.attr == "T":
            return inside[::-1] if inside is not None else None
        return () if node.attr in NUMBERS else None
    if isinstance(node, ast.Subscript):
        return _picked(node, lookup)
    return _of_call(node, lookup) if isinstance(node, ast.Call) else None


def broadcast(*shapes: Shape | None) -> Shape | None:
    """The shape that these broadcast to."""
    known = [s for s in shapes if s is not None]
    if len(known) < len(shapes):
        return None
    rank = max((len(s) for s in known), default=0)
    columns = [(1,) * (rank - len(s)) + s for s in known]
    return tuple(
        next((n for n in sizes if n not in (None, 1)), None if None in sizes else 1)
        for sizes in zip(*columns, strict=True)
    )


def product(a: Shape | None, b: Shape | None) -> Shape | None:
    """The shape of a @ b."""
    if not a or not b:
        return None
    lead = broadcast(a[:-2], b[:-2])
    rows, columns = a[-2:-1], b[-1:] if len(b) > 1 else ()
    return None if lead is None else (*lead, *rows, *columns)


def reduced(shape: Shape | None, axis: Any, keepdims: bool) -> Shape | None:
    """The shape after a reduction over an axis, several, or all (None)."""
    if shape is None:
        return () if axis is None and not keepdims else None
    try:
        axes = {a % len(shape) for a in axes_of(axis, len(shape))}
    except (TypeError, ZeroDivisionError):
        return None
    if keepdims:
        return tuple(1 if k in axes else n for k, n in enumerate(shape))
    return tuple(n for k, n in enumerate(shape) if k not in axes)


def axes_of(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes as a tuple."""
    return tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def entries(node: ast.expr, axis: Any, lookup: Lookup) -> int | None:
    """How many entries of an array go into each entry of its reduction; None if not known."""
    shape = shape_of(node, lookup)
    if shape is None:
        return None
    count = 1
    for a in axes_of(axis, len(shape)):
        size = shape[a] if isinstance(a, int) and -len(shape) <= a < len(shape) else None
        if size is None:
            return None
        count *= size
    return count


def _of_call(node: ast.Call, lookup: Lookup) -> Shape | None:
    name, arguments = called(node)
    given = {k.arg: literal(k.value) for k in node.keywords}
    first = shape_of(arguments[0], lookup) if arguments else None
    second = literal(arguments[1]) if len(arguments) > 1 else None
    if name == "matmul" and len(arguments) == 2:
        return product(first, shape_of(arguments[1], lookup))
    if name in REDUCTIONS:
        return reduced(first, given.get("axis", second), bool(given.get("keepdims")))
    if name in ("array", "asarray") and arguments and isinstance(arguments[0], ast.List):
        return _of_list(arguments[0])
    if name in ("reshape", "broadcast_to") and isinstance(second, int | tuple):
        sizes = second if isinstance(second, tuple) else (second,)
        return tuple(n if isinstance(n, int) and n >= 0 else None for n in sizes)
    if name == "expand_dims" and first is not None and isinstance(second, int | tuple):
        rank = len(first) + len(axes_of(second, 1))
        new = {a % rank for a in axes_of(second, 1)}
        old = iter(first)
        return tuple(1 if k in new else next(old) for k in range(rank))
    if name == "swapaxes" and first is not None and len(arguments) == 3:
        return _swapped(first, second, literal(arguments[2]))
    if name in SAME and not given.keys() & {"shape"}:
        return first
    if name in ("squeeze", "transpose", "concatenate", "take_along_axis", "pad", "einsum"):
        return first[::-1] if name == "transpose" and first and len(arguments) == 1 else None
    if given or not _is_by_entry(name):
        return None
    return broadcast(*(shape_of(a, lookup) for a in arguments))


def _is_by_entry(name: str) -> bool:
    """Whether a function is known to work entry by entry: np.exp, np.where, sigmoid."""
    return isinstance(getattr(np, name, None), np.ufunc) or name in BY_ENTRY


def _swapped(shape: Shape, one: Any, other: Any) -> Shape | None:
    swapped = list(shape)
    if not all(isinstance(a, int) and -len(shape) <= a < len(shape) for a in (one, other)):
        return None
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return tuple(swapped)


def _of_list(node: ast.expr) -> Shape:
    if not isinstance(node, ast.List):
        return ()
    return (len(node.elts), *(_of_list(node.elts[0]) if node.elts else ()))


def _picked(node: ast.Subscript, lookup: Lookup) -> Shape | None:
    """x[1, :]: numbers take an axis away, slices leave one of unknown size."""
    if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
        return ()
    shape = shape_of(node.value, lookup)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if shape is None or len(parts) > len(shape):
        return None
    left: list[int | None] = []
    for part, size in zip(parts, shape, strict=False):
        if isinstance(part, ast.Slice):
            bare = part.lower is None and part.upper is None and part.step is None
            left.append(size if bare else None)
        elif not isinstance(literal(part), int) or isinstance(literal(part), bool):
            return None
    return (*left, *shape[len(parts) :])
