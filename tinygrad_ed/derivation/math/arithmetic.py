"""Arithmetic as written mathematics: what stands side by side, what needs a sign, what brackets."""

import ast
import re

from .base import Base
from .numbers import digits_of
from .pieces import Level, Piece

_BITS: dict[type[ast.operator], str] = {
    **{ast.BitAnd: "bitand", ast.BitOr: "bitor", ast.BitXor: "xor"},
    **{ast.LShift: "left", ast.RShift: "right"},
}
_STARTS_WITH_DIGIT = re.compile(r"(?:\\frac|\{)*[\d½⅓⅔¼¾⅛]")


class Arithmetic(Base):
    """Operators between values."""

    def _BinOp(self, node: ast.BinOp) -> Piece | None:
        if isinstance(node.op, ast.Add | ast.Sub):
            sign = self.alphabet.signs["plus" if isinstance(node.op, ast.Add) else "minus"]
            left = self.wrap(self.piece(node.left), Level.SUM)
            right = self.wrap(self.piece(node.right), Level.PRODUCT)
            return Piece(f"{left.text}{sign}{right.text}", Level.SUM)
        if isinstance(node.op, ast.Mult):
            return self._product(node)
        if isinstance(node.op, ast.Div):
            return self._quotient(node)
        if isinstance(node.op, ast.MatMult):
            left = self.wrap(self.piece(node.left), Level.JUXT)
            right = self.wrap(self.piece(node.right), Level.POWER)
            return Piece(self.alphabet.beside(left.text, right.text), Level.JUXT)
        if isinstance(node.op, ast.Pow):
            base = self.wrap(self.piece(node.left), Level.ATOM)
            exponent = self.wrap(self.piece(node.right), Level.BIT)
            return Piece(self.alphabet.power(base.text, exponent), Level.POWER)
        if isinstance(node.op, ast.FloorDiv):
            quotient = ast.BinOp(node.left, ast.Div(), node.right)
            return Piece(self.alphabet.between("floor", self.piece(quotient).text))
        if isinstance(node.op, ast.Mod):
            left = self.wrap(self.piece(node.left), Level.JUXT)
            right = self.wrap(self.piece(node.right), Level.JUXT)
            return Piece(f"{left.text}{self.alphabet.signs['mod']}{right.text}", Level.BIT)
        return self._bits(node)

    def _product(self, node: ast.BinOp) -> Piece:
        if not _is_bare(node.left) and ast.dump(node.left) == ast.dump(node.right):  # (y - t)²
            return self.piece(ast.BinOp(node.left, ast.Pow(), ast.Constant(2)))
        left, right = self.piece(node.left), self.piece(node.right)
        level = Level.NEG if left.level == Level.NEG else Level.PRODUCT
        if left.numeral:  # 2 x, ½ (a + b), 2 Σ x
            if right.big:
                text = self.alphabet.beside(left.text, right.text)
                return Piece(text, level, open=True)
            factor = self.wrap(right, Level.POWER).text
            single_sign = right.level >= Level.POWER or right.level <= Level.SUM
            if single_sign and not _STARTS_WITH_DIGIT.match(factor):
                text = self.alphabet.beside(left.text, factor)
                return Piece(text, min(left.level, Level.JUXT))
        single = self.is_number(node.left) or self.is_number(node.right)
        sign = self.alphabet.signs["times" if single else "entrywise"]
        left = self.wrap(left, Level.NEG, last=False)
        right = right if right.big else self.wrap(right, Level.JUXT)
        return Piece(f"{left.text}{sign}{right.text}", level, open=right.open)

    def _quotient(self, node: ast.BinOp) -> Piece:
        counts = _count(node.left), _count(node.right)
        if counts[0] is not None and counts[1] is not None:
            found = self.alphabet.fraction(counts[0], counts[1])
            if found is not None:
                return found
        left, right = self.piece(node.left), self.piece(node.right)
        if isinstance(node.right, ast.UnaryOp) and _is_zero(node.right.operand):
            right = self._negative(right)  # 1/(-0) is -∞
        tall = self.alphabet.over(self.alone(left), self.alone(right))
        if tall is not None:
            return tall
        level = Level.NEG if left.level == Level.NEG else Level.PRODUCT
        left = self.wrap(left, Level.NEG, last=False)
        right = right if right.big else self.wrap(right, Level.POWER)
        stroke = " / " if left.level < Level.POWER and " " in left.text else "/"
        return Piece(f"{left.text}{stroke}{right.text}", level, open=right.open)

    def _UnaryOp(self, node: ast.UnaryOp) -> Piece:
        if isinstance(node.op, ast.UAdd):
            return self.piece(node.operand)
        if isinstance(node.op, ast.USub):
            if _is_zero(node.operand):
                return self.piece(node.operand)  # no -0
            return self._negative(self.piece(node.operand))
        whole = isinstance(node.operand, ast.Constant) and not isinstance(node.operand.value, bool)
        sign = self.alphabet.signs["invert" if whole else "not"]
        operand = self.grouped(node.operand, Level.POWER)
        return Piece(sign + operand, Level.POWER if whole else Level.NOT)

    def _negative(self, piece: Piece) -> Piece:
        operand = self.wrap(piece, Level.PRODUCT)
        text = self.alphabet.signs["negative"] + operand.text
        return Piece(text, Level.NEG, open=operand.open, numeral=piece.numeral)

    def _bits(self, node: ast.BinOp) -> Piece:
        """& and | of masks are ∧ and ∨; beside whole numbers they work on bits."""
        sides = [node.left, node.right]
        if isinstance(node.op, ast.BitAnd | ast.BitOr) and not any(map(_is_whole, sides)):
            return self.joined("and" if isinstance(node.op, ast.BitAnd) else "or", sides)
        sign = self.alphabet.signs[_BITS[type(node.op)]]
        texts = [self.wrap(self.piece(side), Level.POWER).text for side in sides]
        return Piece(sign.join(texts), Level.BIT)


def _is_bare(node: ast.AST) -> bool:
    """Whether it is a plain number: 2 · 2 stays, where two symbols may have the same value."""
    if isinstance(node, ast.UnaryOp):
        return _is_bare(node.operand)
    if isinstance(node, ast.Call):  # np.float32(2.0)
        return len(node.args) == 1 and not node.keywords and _is_bare(node.args[0])
    return isinstance(node, ast.Constant)


def _is_zero(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _count(node: ast.AST) -> int | None:
    """A whole number that stands in the program; one that was put in is no count."""
    if isinstance(node, ast.Constant) and type(node.value) is int and digits_of(node) is None:
        return node.value
    return None


def _is_whole(node: ast.AST) -> bool:
    """Whether an operand of & is a whole number, not something that holds or does not."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, bool)
    if isinstance(node, ast.BinOp):
        return not isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor) or any(
            map(_is_whole, (node.left, node.right))
        )
    return False
