"""The heads of all kernels but the products. What they compute stands in the files they name."""

from ..operands import Flat, FlatOut, Int
from .declared import entries, kernel


@kernel("slopes.cu", blocks=entries("dz"), equal=("dz = dy", "dz = y"))
def slope(dz: FlatOut, dy: Flat, y: Flat, kind: Int) -> None:
    """dz = dy f'(z), by the code of f."""
