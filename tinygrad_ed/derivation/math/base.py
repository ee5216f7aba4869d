"""The ground of the walk: pieces, the brackets around them, and forms that have several sources."""

import ast

from .names import Symbols
from .pieces import Alphabet, Level, Piece
from .shapes import shape_of


class Base:
    """What every part of the walk uses: pieces, and brackets around them."""

    def __init__(self, alphabet: Alphabet, symbols: Symbols, code: ast.AST) -> None:
        self.alphabet, self.symbols = alphabet, symbols
        names = {n.id for n in ast.walk(code) if isinstance(n, ast.Name)} - {"np"}
        self.names = sorted(names)
        self.forms = symbols.forms(self.names)

    def is_name(self, letter: str) -> bool:
        """Whether a letter is a name here: e and σ stand for no function then."""
        used = (self.forms[name].base for name in self.names)
        return letter in self.symbols.letters or letter in used

    def piece(self, node: ast.AST) -> Piece:
        """The rendered node; program text where it has no mathematical form."""
        render = getattr(self, f"_{type(node).__name__}", None)
        found = render(node) if render is not None else None
        return found if found is not None else Piece(self.alphabet.code(ast.unparse(node)))

    def inside(self, node: ast.AST) -> str:
        """A node that has a place of its own: an argument, a row of cases."""
        return self.alone(self.piece(node)).text

    def alone(self, piece: Piece) -> Piece:
        """A piece in a place of its own, where only a statement needs brackets, to be 0 or 1."""
        return Piece(self.alphabet.bracket(piece.text)) if piece.logical else piece

    def wrap(self, piece: Piece, level: Level, last: bool = True) -> Piece:
        """The piece, in brackets if it is looser than its place asks for.

        A Σ that is not the last factor needs them too: it would take in what follows.
        """
        if piece.level >= level and (last or not piece.open):
            return piece
        if piece.logical:
            return Piece(self.alphabet.bracket(piece.text))
        return Piece(self.alphabet.paren(piece.text))

    def grouped(self, node: ast.AST, level: Level) -> str:
        """A part of a logical statement: round brackets, for it is not taken as 0 or 1."""
        piece = self.piece(node)
        return piece.text if piece.level >= level else self.alphabet.paren(piece.text)

    def is_number(self, node: ast.AST) -> bool:
        """Whether it is a single number for certain."""
        return shape_of(node, self.symbols.shape) == ()

    def is_stack(self, node: ast.AST) -> bool:
        """Whether it has more than two axes for certain: then T would reverse them all."""
        shape = shape_of(node, self.symbols.shape)
        return shape is not None and len(shape) > 2

    def function(self, name: str, arguments: list[ast.expr]) -> Piece:
        """A function of its arguments."""
        known = self.alphabet.functions.get(name) or self.alphabet.operator(name)
        return Piece(self.alphabet.call(known, [self.inside(a) for a in arguments]))

    def joined(self, sign: str, nodes: list[ast.expr]) -> Piece:
        """Statements joined by ∧ or ∨."""
        level = Level.AND if sign == "and" else Level.OR
        first, *rest = nodes
        tighter = Level(level + 1)
        parts = [self.grouped(first, level), *(self.grouped(n, tighter) for n in rest)]
        return Piece(self.alphabet.signs[sign].join(parts), level)

    def choice(self, condition: ast.expr, yes: ast.expr, no: ast.expr) -> Piece:
        """One value where the condition holds, another elsewhere."""
        rows = [(self.inside(yes), self.piece(condition).text), (self.inside(no), "")]
        return self.alphabet.cases(rows)

    def transposed(self, node: ast.expr) -> Piece:
        """Xᵀ."""
        base = self.wrap(self.piece(node), Level.PREFIXED)
        return Piece(self.alphabet.transpose(base.text), Level.POWER)
