"""The walk through a syntax tree: what stands where, and where brackets must be.

It knows Python's precedence and that of written mathematics; how a sign looks is the alphabet's.
What has no mathematical form is shown as program text.
"""

import ast
from typing import Any

from . import calls
from .arithmetic import Arithmetic
from .names import form_of
from .numbers import decimal, digits_of
from .pieces import Level, Piece

_COMPARED: dict[type[ast.cmpop], str] = {
    **{ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="},
    **{ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"},
}


class Walk(Arithmetic):
    """Renders expressions in an alphabet, with the symbols of a derivation."""

    # --- leaves -----------------------------------------------------------------------------------

    def _Name(self, node: ast.Name) -> Piece:
        form = self.forms.get(node.id) or form_of(node.id)
        if form.gradient and self.symbols.full:
            loss, of = self.symbols.loss, self.symbols.gradients[node.id]
            return self.alphabet.derivative(self.forms[loss], self.forms[of], form.above)
        return self.alphabet.name(form)

    def _Constant(self, node: ast.Constant) -> Piece | None:
        value = node.value
        if value is None or value is ... or isinstance(value, bool):
            return Piece(self.alphabet.signs["dots"] if value is ... else self._word(value))
        if isinstance(value, str):
            return Piece(self.alphabet.string(value))
        if isinstance(value, complex) and value.real == 0 and value.imag >= 0:
            imaginary = ast.Constant(value.imag)
            return Piece(self.piece(imaginary).text + self.alphabet.constants["i"], Level.PRODUCT)
        if not isinstance(value, int | float):
            return None
        if value != value or value in (float("inf"), float("-inf")):
            piece = Piece(self.alphabet.constants["nan" if value != value else "inf"])
        else:
            mantissa, exponent = decimal(value, digits_of(node))
            piece = Piece(mantissa, numeral=digits_of(node) is None)
            if exponent is not None:
                piece = self.alphabet.scientific(mantissa, exponent)
        return self._negative(piece) if value < 0 else piece

    def _word(self, value: Any) -> str:
        return self.alphabet.operator(repr(value))

    # --- what holds and what does not -------------------------------------------------------------

    def _Compare(self, node: ast.Compare) -> Piece:
        text = self.wrap(self.piece(node.left), Level.SUM).text
        for operator, operand in zip(node.ops, node.comparators, strict=True):
            text += self.alphabet.signs[_COMPARED[type(operator)]]
            text += self.wrap(self.piece(operand), Level.SUM).text
        return Piece(text, Level.COMPARE)

    def _BoolOp(self, node: ast.BoolOp) -> Piece:
        both = isinstance(node.op, ast.And)
        return self.joined("and" if both else "or", node.values)

    def _IfExp(self, node: ast.IfExp) -> Piece:
        return self.choice(node.test, node.body, node.orelse)

    # --- parts of arrays, calls -------------------------------------------------------------------

    def _Call(self, node: ast.Call) -> Piece:
        return calls.render(self, node)

    def _Attribute(self, node: ast.Attribute) -> Piece | None:
        if node.attr == "T":
            if self.is_stack(node.value):
                return self.function("transpose", [node.value])
            return self.transposed(node.value)
        path = ast.unparse(node)
        if path.startswith(("np.", "numpy.")):
            name = path.partition(".")[2]
            known = self.alphabet.constants.get(name)
            return Piece(known if known is not None else self.alphabet.operator(name))
        if node.attr in ("size", "shape", "ndim", "dtype", "real", "imag"):
            return self.function(node.attr, [node.value])
        return None

    def _Subscript(self, node: ast.Subscript) -> Piece:
        base = self.wrap(self.piece(node.value), Level.PREFIXED)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return Piece(self.alphabet.index(base.text, [self.inside(part) for part in parts]))

    def _Slice(self, node: ast.Slice) -> Piece:
        colon = self.alphabet.signs["colon"]
        bounds = [self.inside(b) if b is not None else "" for b in (node.lower, node.upper)]
        step = colon + self.inside(node.step) if node.step is not None else ""
        return Piece(colon.join(bounds) + step, Level.LOOSE)

    def _Tuple(self, node: ast.Tuple) -> Piece:
        inside = self.alphabet.signs["comma"].join(self.inside(e) for e in node.elts)
        return Piece(self.alphabet.paren(inside + "," if len(node.elts) == 1 else inside))

    def _List(self, node: ast.List) -> Piece:
        inside = self.alphabet.signs["comma"].join(self.inside(e) for e in node.elts)
        return Piece(self.alphabet.bracket(inside))

    def _Starred(self, node: ast.Starred) -> Piece:
        return Piece(
            self.alphabet.signs["star"] + self.wrap(self.piece(node.value), Level.ATOM).text
        )
