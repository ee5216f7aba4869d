"""Functions with a form of their own: Σ x, 1/m Σ x, |x|, √x, Xᵀ, {a if c, b otherwise}.

A function here returns None where the arguments say more than its written form could show.
"""

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from .pieces import Level, Piece
from .shapes import entries, literal, shape_of

if TYPE_CHECKING:
    from .walk import Walk

Arguments: TypeAlias = list[ast.expr]
Writer: TypeAlias = "Callable[[Walk, Arguments], Piece | None]"

RENAMED = {"broadcast_to": "broadcast", "amax": "max", "amin": "min"}
"""Functions that are called otherwise in a formula."""


# --- reductions --------------------------------------------------------------------------------


def _axes(arguments: Arguments, keywords: dict[str, ast.expr]) -> tuple[list[str], bool, Any]:
    """In words along which axes, whether they are kept, and the axes themselves.

    Raises:
        ValueError: There is more to say than that.
    """
    given = {"axis": arguments[1], **keywords} if len(arguments) > 1 else keywords
    axis, kept = literal(given.get("axis")), literal(given.get("keepdims"))
    axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
    simple = all(type(a) is int for a in axes) and kept in (None, False, True)
    if given.keys() - {"axis", "keepdims"} or not simple or not 1 <= len(arguments) <= 2:
        raise ValueError
    if axis == -1:
        return ["last axis"], bool(kept), axis
    numbers = [str(a).replace("-", "−") for a in axes]
    words = [f"ax{'is' if len(numbers) == 1 else 'es'} {', '.join(numbers)}"] if numbers else []
    return (["no axis"] if axis == () else words), bool(kept), axis


def big(
    walk: "Walk", name: str, arguments: Arguments, keywords: dict[str, ast.expr]
) -> Piece | None:
    """Σ x, Π x, and 1/m Σ x for a mean whose m is known."""
    try:
        words, kept, axis = _axes(arguments, keywords)
    except ValueError:
        return None
    sign = walk.alphabet.big["prod" if name == "prod" else "sum"]
    body = walk.wrap(walk.piece(arguments[0]), Level.PRODUCT).text
    total = Piece(
        f"{walk.alphabet.along(sign, words, kept)} {body}", Level.PRODUCT, open=True, big=True
    )
    if name != "mean":
        return total
    m: ast.expr | None = ast.Name(walk.symbols.count) if walk.symbols.count else None
    if m is None:
        count = entries(arguments[0], axis, walk.symbols.shape)
        m = ast.Constant(count) if count else None
    if m is None:
        return along(walk, name, arguments, keywords)
    share = walk.piece(ast.BinOp(ast.Constant(1), ast.Div(), m))
    text = walk.alphabet.beside(share.text, total.text)
    return Piece(text, Level.PRODUCT, open=True)


def along(
    walk: "Walk", name: str, arguments: Arguments, keywords: dict[str, ast.expr]
) -> Piece | None:
    """A function with the axis it runs along: max, softmax."""
    try:
        words, kept, _ = _axes(arguments, keywords)
    except ValueError:
        return None
    name = RENAMED.get(name, name)
    known = walk.alphabet.functions.get(name) or walk.alphabet.operator(name)
    operator = walk.alphabet.along(known, words, kept)
    return Piece(walk.alphabet.call(operator, [walk.inside(arguments[0])]))


# --- functions with a sign of their own ----------------------------------------------------------


def _exp(walk: "Walk", arguments: Arguments) -> Piece:
    exponent = walk.wrap(walk.piece(arguments[0]), Level.BIT)
    return walk.alphabet.exponential(exponent, free=not walk.is_name("e"))


def _expm1(walk: "Walk", arguments: Arguments) -> Piece:
    text = _exp(walk, arguments).text + walk.alphabet.signs["minus"] + "1"
    return Piece(text, Level.SUM)


def _log1p(walk: "Walk", arguments: Arguments) -> Piece:
    inside = walk.piece(ast.BinOp(ast.Constant(1), ast.Add(), arguments[0]))
    argument = arguments[0]
    if isinstance(argument, ast.UnaryOp) and isinstance(argument.op, ast.USub):
        inside = walk.piece(ast.BinOp(ast.Constant(1), ast.Sub(), argument.operand))
    return Piece(walk.alphabet.call(walk.alphabet.functions["log"], [inside.text]))


def _root(walk: "Walk", arguments: Arguments) -> Piece:
    return walk.alphabet.root(walk.wrap(walk.piece(arguments[0]), Level.BIT))


def _square(walk: "Walk", arguments: Arguments) -> Piece:
    return walk.piece(ast.BinOp(arguments[0], ast.Pow(), ast.Constant(2)))


def _reciprocal(walk: "Walk", arguments: Arguments) -> Piece:
    return walk.piece(ast.BinOp(ast.Constant(1), ast.Div(), arguments[0]))


def _bars(kind: str) -> Writer:
    def write(walk: "Walk", arguments: Arguments) -> Piece:
        return Piece(walk.alphabet.between(kind, walk.inside(arguments[0])))

    return write


def _function(name: str) -> Writer:
    def write(walk: "Walk", arguments: Arguments) -> Piece:
        return walk.function(name, arguments)

    return write


def _joined(sign: str) -> Writer:
    def write(walk: "Walk", arguments: Arguments) -> Piece:
        return walk.joined(sign, arguments)

    return write


def _constant(number: int) -> Writer:
    """np.ones_like(x): of an array, one for each entry."""

    def write(walk: "Walk", arguments: Arguments) -> Piece:
        single = walk.is_number(arguments[0])
        return Piece(str(number) if single else walk.alphabet.everywhere(number))

    return write


def _same(walk: "Walk", arguments: Arguments) -> Piece:
    return walk.piece(arguments[0])


def _transpose(walk: "Walk", arguments: Arguments) -> Piece | None:
    if walk.is_stack(arguments[0]) or (len(arguments) > 1 and literal(arguments[1]) is not None):
        return None
    return walk.transposed(arguments[0])


def _swapaxes(walk: "Walk", arguments: Arguments) -> Piece | None:
    """The transpose of a matrix, or of each matrix of a stack."""
    pair = {literal(a) if isinstance(literal(a), int) else None for a in arguments[1:]}
    if pair == {-1, -2}:
        return walk.transposed(arguments[0])
    shape = shape_of(arguments[0], walk.symbols.shape)
    matrix = shape is not None and len(shape) == 2
    return walk.transposed(arguments[0]) if matrix and pair in ({0, 1}, {0, -1}, {1, -2}) else None


def _where(walk: "Walk", arguments: Arguments) -> Piece:
    condition, yes, no = arguments
    return walk.choice(condition, yes, no)


def _astype(walk: "Walk", arguments: Arguments) -> Piece | None:
    dtype = arguments[1]
    name = literal(dtype) if isinstance(dtype, ast.Constant) else ast.unparse(dtype)
    name = str(name).removeprefix("np.")
    return walk.function(name, arguments[:1]) if name.isidentifier() else None


def cast(walk: "Walk", name: str, arguments: Arguments) -> Piece | None:
    """np.float32(0.5) is how a program says of which type a number is: a number."""
    number = arguments[0]
    if isinstance(number, ast.UnaryOp) and isinstance(number.op, ast.USub):
        number = number.operand
    is_constant = isinstance(number, ast.Constant) or ast.unparse(number) in ("np.inf", "np.nan")
    return walk.piece(arguments[0]) if is_constant else walk.function(name, arguments)


SHOWN = 6
"""Rows and columns of an array of numbers that are written; longer ones have dots in the middle."""


def _array(walk: "Walk", arguments: Arguments) -> Piece | None:
    if not isinstance(arguments[0], ast.List):
        return None
    return Piece(_rows(walk, arguments[0]))


def _rows(walk: "Walk", array: ast.List) -> str:
    dots = walk.alphabet.signs["dots"]
    if any(isinstance(e, ast.List) and any(isinstance(x, ast.List) for x in e.elts)
           for e in array.elts):  # fmt: skip
        blocks = [_rows(walk, e) for e in array.elts if isinstance(e, ast.List)]
        return walk.alphabet.bracket(walk.alphabet.signs["comma"].join(_shortened(blocks, dots)))
    flat = not any(isinstance(e, ast.List) for e in array.elts)
    lines = [array.elts] if flat else [e.elts for e in array.elts if isinstance(e, ast.List)]
    rows = [_shortened([walk.inside(e) for e in line], dots) for line in lines]
    return walk.alphabet.matrix(_shortened(rows, [dots] * len(rows[0])))


def _shortened(parts: list[Any], dots: Any) -> list[Any]:
    return parts if len(parts) <= SHOWN else [*parts[:3], dots, parts[-1]]


WRITERS: dict[tuple[str, int], Writer] = {
    **{("exp", 1): _exp, ("expm1", 1): _expm1, ("log1p", 1): _log1p, ("sqrt", 1): _root},
    **{("square", 1): _square, ("reciprocal", 1): _reciprocal},
    **{("abs", 1): _bars("abs"), ("absolute", 1): _bars("abs"), ("fabs", 1): _bars("abs")},
    **{("floor", 1): _bars("floor"), ("linalg.norm", 1): _bars("norm")},
    **{("maximum", 2): _function("max"), ("minimum", 2): _function("min")},
    **{("logical_and", 2): _joined("and"), ("logical_or", 2): _joined("or")},
    **{("ones_like", 1): _constant(1), ("zeros_like", 1): _constant(0)},
    **{("asarray", 1): _same, ("array", 1): _array},
    **{("transpose", 1): _transpose, ("transpose", 2): _transpose, ("swapaxes", 3): _swapaxes},
    **{("where", 3): _where, ("astype", 2): _astype},
}
"""Functions by name and number of arguments."""
