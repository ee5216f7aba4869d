"""Arrays in LaTeX: matrices, large ones by their corners, the followed entry in a box."""

import numpy as np

from .page_values import kept, layer_of
from .parts import Where
from .steps import Array

FULL = 8
"""Rows and columns up to which a matrix is written in full."""


def matrix(array: Array, where: Where | None = None, *, most: int = FULL, digits: int = 4) -> str:
    """An array as a number, a row or a matrix; of more axes the layer with the followed entry.

    Args:
        array: Its values.
        where: The entry to box; it is among those shown.
        most: Longer axes are written by their first and last entries.
        digits: Significant digits.
    """
    if array.ndim == 0:
        return number(array[()], digits)
    if array.size == 0:
        return r"\text{empty}"
    where = where if where is not None and len(where) == array.ndim else None
    flat = np.atleast_2d(array[layer_of(array, where)])
    here = (0, 0) if where is None else (0, *where)[-2:]
    rows = kept(flat.shape[0], here[0], most)
    columns = kept(flat.shape[1], here[1], most)
    lines = []
    for r in rows:
        cells = []
        for c in columns:
            if r is None or c is None:
                cells.append(r"\ddots" if r is c else r"\vdots" if r is None else r"\cdots")
                continue
            cell = number(flat[r, c], digits)
            cells.append(rf"\boxed{{{cell}}}" if where is not None and (r, c) == here else cell)
        lines.append(" & ".join(cells))
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def number(value: object, digits: int = 4) -> str:
    """A number in LaTeX math."""
    if isinstance(value, bool | np.bool_):
        return rf"\text{{{bool(value)}}}"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if not isinstance(value, float | np.floating):
        return rf"\text{{{value}}}"
    plain = float(value) + 0.0
    if not np.isfinite(plain):
        return r"\mathrm{NaN}" if plain != plain else r"\infty" if plain > 0 else r"-\infty"
    mantissa, _, power = f"{plain:.{digits}g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa
