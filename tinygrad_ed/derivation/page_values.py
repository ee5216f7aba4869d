"""Arrays as HTML tables: large ones by their corners, with the entries that take part marked."""

from collections.abc import Sequence

import numpy as np

from .page import escaped
from .parts import Where
from .steps import Array

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

FULL = 8
"""Rows and columns up to which a table is shown in full."""


def table(
    array: Array, caption: str, where: Where | None = None, *, most: int = FULL, digits: int = 4
) -> str:
    """An array as a table.

    Args:
        array: Its values; of more than two axes one layer is shown, which the caption names.
        caption: HTML above it.
        where: The entries to mark; they are among those shown.
        most: Longer axes are shown by their first and last entries.
        digits: Significant digits.
    """
    shape = " × ".join(map(str, array.shape)) or "one number"
    head = f"{caption} <small>{shape}, {array.dtype}</small>"
    if array.size == 0:
        return f"<figure><figcaption>{head}</figcaption><p>empty: no entry</p></figure>"
    where = where if where is not None and len(where) == array.ndim else None
    layer = layer_of(array, where)
    if layer:
        head += f" <small>layer [{', '.join(map(str, layer))}, :, :]</small>"
    flat = array[layer]
    here = None if where is None else where[len(layer) :]
    followed = (None, None, *(here or ()))[-2:]
    height, width = (1, 1, *flat.shape)[-2:]
    rows, columns = kept(height, followed[0], most), kept(width, followed[1], most)
    body = [_heading(columns, flat.ndim == 2)] if flat.ndim else []
    body += [_row(flat, row, columns, here, digits) for row in rows]
    left_out = array.size > flat.size or None in (*rows, *columns)
    more = _summary(array, digits) if left_out else ""
    return (
        f'<figure><figcaption>{head}</figcaption><div class="wide"><table>'
        f"{''.join(body)}</table></div>{more}</figure>"
    )


def layer_of(array: Array, where: Where | None) -> tuple[int, ...]:
    """Of an array with more than two axes: at which places of the first ones it is shown."""
    first = max(array.ndim - 2, 0)
    return (0,) * first if where is None else tuple(k or 0 for k in where[:first])


def kept(length: int, keep: int | None, most: int) -> list[int | None]:
    """Which entries along an axis are shown, `keep` among them; None stands for those left out."""
    if length <= most:
        return list(range(length))
    last = max(1, most // 3)
    chosen = {*range(most - last - 1), *range(length - last, length)}
    chosen |= {keep} if keep is not None else set()
    found: list[int | None] = []
    for k in sorted(chosen):
        if found and found[-1] != k - 1:
            found.append(None)
        found.append(k)
    return found


def _heading(columns: Sequence[int | None], has_rows: bool) -> str:
    cells = "".join(f'<th scope="col">{"…" if c is None else c}</th>' for c in columns)
    return f"<thead><tr>{'<td></td>' if has_rows else ''}{cells}</tr></thead>"


def _row(
    flat: Array, row: int | None, columns: Sequence[int | None], where: Where | None, digits: int
) -> str:
    cells = [f'<th scope="row">{"⋮" if row is None else row}</th>'] if flat.ndim == 2 else []
    for column in columns:
        if row is None or column is None:
            cells.append(f'<td class="gap">{"⋮" if column is not None else "…"}</td>')
            continue
        place = (row, column)[2 - flat.ndim :] if flat.ndim else ()
        kind = _mark(place, where)
        cells.append(f"<td{kind}>{escaped(shown(flat[place], digits))}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _mark(place: tuple[int, ...], where: Where | None) -> str:
    """What an entry is: the one that is followed, or one of a row or column that takes part."""
    if where is None or any(k not in (None, p) for k, p in zip(where, place, strict=True)):
        return ""
    return ' class="lane"' if None in where else ' class="hit"'


def shown(value: object, digits: int = 4) -> str:
    """A number as plain text."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value)).replace("-", "−")
    if not isinstance(value, float | np.floating):
        return str(value)
    number = float(value)
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "∞" if number > 0 else "−∞"
    mantissa, _, power = f"{number + 0.0:.{digits}g}".partition("e")
    ten = f"·10{str(int(power)).translate(_RAISED)}" if power else ""
    return mantissa.replace("-", "−") + ten


def _summary(array: Array, digits: int) -> str:
    """What the entries are like, those left out included."""
    if array.dtype.kind not in "fiub":
        return ""
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if not finite.size:
        return "<p><small>no entry is finite</small></p>"
    with np.errstate(over="ignore"):
        values = (finite.min(), finite.mean(dtype=np.float64), finite.max())
    least, mean, largest = (shown(v, digits) for v in values)
    rest = array.size - finite.size
    odd = f", {rest} not finite" if rest else ""
    return (
        f"<p><small>all {array.size} entries: least {least}, mean {mean}, largest {largest}{odd}"
        f"</small></p>"
    )


def brief(array: Array, digits: int = 4) -> str:
    """An array in a few words, as plain text: its numbers if few, else their range."""
    if array.ndim == 0:
        return shown(array[()], digits)
    if array.size == 0:
        return "empty"
    if array.size <= 4:
        return _nested(array, digits)
    if array.dtype.kind not in "fiu":
        return f"{array.size} entries"
    with np.errstate(all="ignore"):
        least, largest = shown(array.min(), digits), shown(array.max(), digits)
    return f"{least} … {largest}"


def _nested(array: Array, digits: int) -> str:
    if array.ndim == 0:
        return shown(array[()], digits)
    return f"[{', '.join(_nested(part, digits) for part in array)}]"
