"""What a rendered part of a formula knows of itself, so that brackets come only where they must.

A `Piece` is the written part with its `Level`: how tightly its outermost sign holds it together.
The walk puts brackets around a piece whose level is below what its place asks for. An `Alphabet` is
a way of writing (LaTeX, Unicode text); it knows signs, never precedence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol

from .names import Form


class Level(IntEnum):
    """How tightly a piece holds together, loosest first.

    A minus in front stands between sums and products: -a b is read as -(a b), which has the same
    value as Python's (-a) b.
    """

    LOOSE = 0  # cases: bare only where nothing stands beside it
    OR = 1
    AND = 2
    NOT = 3
    COMPARE = 4
    BIT = 5
    SUM = 6
    NEG = 7
    PRODUCT = 8
    JUXT = 9  # side by side: a matrix product, a coefficient; tighter than any sign
    POWER = 10
    PREFIXED = 11  # dW: one symbol, but dW² could be read as d(W²)
    ATOM = 12


@dataclass(frozen=True)
class Piece:
    """A rendered part of a formula.

    Attributes:
        text: As written.
        level: Of its outermost sign.
        open: It ends with a Σ, which would swallow a factor written behind it.
        big: It begins with a Σ, which shows where it begins without brackets.
        numeral: A plain number of the program, which may stand before a symbol as a coefficient.
    """

    text: str
    level: Level = Level.ATOM
    open: bool = False
    big: bool = False
    numeral: bool = False

    @property
    def logical(self) -> bool:
        """Whether it is a statement that holds or does not, and needs brackets among numbers."""
        return Level.OR <= self.level <= Level.COMPARE


class Alphabet(Protocol):
    """A way of writing formulas. Every method gets finished text; none decides about brackets."""

    signs: ClassVar[dict[str, str]]
    """Sign of each operator: times, entrywise, minus, leq, and, not …"""
    big: ClassVar[dict[str, str]]
    """Σ and Π."""
    functions: ClassVar[dict[str, str]]
    """Functions with a way of writing of their own; the others are `operator(name)`."""
    constants: ClassVar[dict[str, str]]

    def name(self, form: Form) -> Piece: ...
    def derivative(self, loss: Form, of: Form, above: str) -> Piece: ...
    def operator(self, name: str) -> str: ...
    def scientific(self, mantissa: str, exponent: int) -> Piece: ...
    def everywhere(self, number: int) -> str: ...
    def string(self, text: str) -> str: ...
    def code(self, source: str) -> str: ...
    def paren(self, inside: str) -> str: ...
    def bracket(self, inside: str) -> str: ...
    def call(self, function: str, arguments: Sequence[str]) -> str: ...
    def keyword(self, name: str, value: str) -> str: ...
    def along(self, operator: str, axes: Sequence[str], kept: bool) -> str: ...
    def over(self, numerator: Piece, denominator: Piece) -> Piece | None: ...
    def fraction(self, numerator: int, denominator: int) -> Piece | None: ...
    def power(self, base: str, exponent: Piece) -> str: ...
    def exponential(self, exponent: Piece, free: bool) -> Piece: ...
    def transpose(self, base: str) -> str: ...
    def root(self, inside: Piece) -> Piece: ...
    def between(self, kind: str, inside: str) -> str: ...
    def cases(self, rows: Sequence[tuple[str, str]]) -> Piece: ...
    def beside(self, left: str, right: str) -> str: ...
    def index(self, base: str, parts: Sequence[str]) -> str: ...
    def matrix(self, rows: Sequence[Sequence[str]]) -> str: ...
    def lines(self, statements: Sequence[tuple[str, str]]) -> str: ...
