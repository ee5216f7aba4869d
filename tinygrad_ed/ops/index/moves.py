"""Index formulas of the shape rules: where each entry of the result is fetched from."""

from typing import Any

from ..registry import Shapes
from .rules import LETTERS, ending, entry, number, only


def transpose_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i,j] = x[j,i]`."""
    name, shape = only(shapes)
    axes = params["axes"] or tuple(range(len(shape)))[::-1]
    return _permuted(name, [a % len(shape) for a in axes] if shape else [])


def swapaxes_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i,j] = x[j,i]` for two of the axes."""
    name, shape = only(shapes)
    order = list(range(len(shape)))
    a, b = params["axis1"], params["axis2"]
    order[a], order[b] = order[b], order[a]
    return _permuted(name, order)


def _permuted(name: str, axes: list[int]) -> str:
    """Axis k of the result is axis axes[k] of the operand."""
    if len(axes) > len(LETTERS):
        return ""
    letters = LETTERS[: len(axes)]
    fetched = [letters[axes.index(k)] for k in range(len(axes))]
    return f"{entry('y', letters)} = {entry(name, fetched)}"


def broadcast_to_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i,j] = x[j] for i < 3`: an axis of size 1 is always read at 0."""
    name, shape = only(shapes)
    target = params["shape"]
    if len(target) > len(LETTERS):
        return ""
    letters, new = LETTERS[: len(target)], len(target) - len(shape)
    repeated = [k < new or shape[k - new] != n for k, n in enumerate(target)]
    fetched = ["0" if repeated[new + k] else letters[new + k] for k in range(len(shape))]
    ranges = [(letters[k], n) for k, n in enumerate(target) if repeated[k]]
    return f"{entry('y', letters)} = {entry(name, fetched)}{ending(ranges)}"


def expand_dims_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[0,i] = x[i]`."""
    name, shape = only(shapes)
    axes = params["axis"] if isinstance(params["axis"], tuple) else (params["axis"],)
    ndim = len(shape) + len(axes)
    new = {a % ndim for a in axes}
    if len(shape) > len(LETTERS):
        return ""
    letters = iter(LETTERS)
    left = ["0" if k in new else next(letters) for k in range(ndim)]
    return f"{entry('y', left)} = {entry(name, LETTERS[: len(shape)])}"


def squeeze_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i] = x[0,i]`."""
    name, shape = only(shapes)
    axis = params["axis"]
    if axis is None:
        gone = {k for k, n in enumerate(shape) if n == 1}
    else:
        gone = {a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))}
    if len(shape) - len(gone) > len(LETTERS):
        return ""
    letters = iter(LETTERS)
    fetched = ["0" if k in gone else next(letters) for k in range(len(shape))]
    return f"{entry('y', [i for i in fetched if i != '0'])} = {entry(name, fetched)}"


def shifted(letter: str, by: int, step: int = 1) -> str:
    """`i+2`, `i-1`, `2*i+1`, `3-i`."""
    if step < 0:
        return f"{by}-{letter}" if step == -1 else f"{by}-{-step}*{letter}"
    scaled = letter if step == 1 else f"{step}*{letter}"
    return scaled + (f"+{by}" if by > 0 else str(by) if by < 0 else "")


def flip_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i] = x[2-i]` for three entries."""
    name, shape = only(shapes)
    if len(shape) > len(LETTERS):
        return ""
    axis = params["axis"]
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    turned = {a % len(shape) for a in axes}
    letters = LETTERS[: len(shape)]
    fetched = [
        shifted(i, n - 1, -1) if k in turned and n > 1 else i
        for k, (i, n) in enumerate(zip(letters, shape, strict=True))
    ]
    ranges = [(letters[k], shape[k]) for k in sorted(turned) if shape[k] > 1]
    return f"{entry('y', letters)} = {entry(name, fetched)}{ending(ranges)}"


def pad_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i] = [1 <= i < 4] * x[i-1] for i < 5`: outside the bracket stands the constant."""
    from ..shape import border  # shape uses this file

    name, shape = only(shapes)
    if len(shape) > len(LETTERS):
        return ""
    letters = LETTERS[: len(shape)]
    sides = border(params["width"], len(shape))
    inside, fetched, ranges = [], [], []
    for letter, n, (before, after) in zip(letters, shape, sides, strict=True):
        fetched.append(shifted(letter, -before))
        if before or after:
            inside.append(f"[{before} <= {letter} < {before + n}]")
            ranges.append((letter, before + n + after))
    right = " * ".join([*inside, entry(name, fetched)])
    if inside and params["value"]:
        value, sign = number(abs(params["value"])), "-" if params["value"] < 0 else "+"
        right += f" {sign} {value} * (1 - {' * '.join(inside)})"
    return f"{entry('y', letters)} = {right}{ending(ranges)}"


def concat_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i] = [0 <= i < 2] * xs[0][i] + [2 <= i < 5] * xs[1][i-2] for i < 5`."""
    given = {name: shape for name, shape in shapes.items() if shape is not None}
    ndim = len(next(iter(given.values())))
    if ndim > len(LETTERS):
        return ""
    letters, axis = LETTERS[:ndim], params["axis"] % ndim
    i, start, terms = letters[axis], 0, []
    for name, shape in given.items():
        fetched = [shifted(c, -start) if k == axis else c for k, c in enumerate(letters)]
        stop = start + shape[axis]
        terms.append(f"[{start} <= {i} < {stop}] * {entry(name, fetched)}")
        start = stop
    return f"{entry('y', letters)} = {' + '.join(terms)}{ending([(i, start)])}"


def _walk_index(index: Any, shape: tuple[int, ...]) -> list[tuple[int, int, int] | None] | None:
    """For each axis of x: (start, step, how many), step 0 for a number; None for a new axis.

    None altogether for an index with arrays.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(p is not None and p is not ... and not _is_plain(p) for p in parts):
        return None
    if not any(p is ... for p in parts):
        parts.append(...)
    place = next(k for k, p in enumerate(parts) if p is ...)
    named = sum(p is not None for p in parts) - 1
    parts[place : place + 1] = [slice(None)] * (len(shape) - named)
    found: list[tuple[int, int, int] | None] = []
    sizes = iter(shape)
    for part in parts:
        if part is None:
            found.append(None)
            continue
        n = next(sizes)
        if isinstance(part, slice):
            taken = range(n)[part]
            found.append((taken.start, taken.step, len(taken)))
        else:
            found.append((int(part) % n, 0, 1))
    return found


def _is_plain(part: Any) -> bool:
    return isinstance(part, slice) or (
        not isinstance(part, bool) and not hasattr(part, "shape") and hasattr(part, "__index__")
    )


def getitem_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i] = x[2*i+1] for i < 2`: numbers, slices, ... and new axes; none for index arrays."""
    name, shape = only(shapes)
    walked = _walk_index(params["index"], shape)
    if walked is None or len(walked) > len(LETTERS):
        return ""
    left, fetched, ranges = _paired(walked, shape)
    return f"{entry('y', left)} = {entry(name, fetched)}{ending(ranges)}"


def _paired(
    walked: list[tuple[int, int, int] | None], shape: tuple[int, ...]
) -> tuple[list[str], list[str], list[tuple[str, int]]]:
    """Indices of the part, indices of the whole, and how far those of the part run."""
    letters, sizes = iter(LETTERS), iter(shape)
    part, whole, ranges = [], [], []
    for axis in walked:
        if axis is None:
            part.append("0")
            continue
        n = next(sizes)
        start, step, many = axis
        if not step:
            whole.append(str(start))
            continue
        i = next(letters)
        part.append(i)
        whole.append(shifted(i, start, step))
        if (start, step, many) != (0, 1, n):
            ranges.append((i, many))
    return part, whole, ranges


def scatter_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[k] = Σ_i x[i] * [k == 2*i+1] for k < 5`: each entry to the place it was taken from."""
    name, _ = only(shapes)
    shape = params["shape"]
    walked = _walk_index(params["index"], shape)
    if walked is None or len(walked) + len(shape) > len(LETTERS):
        return ""
    part, whole, cut = _paired(walked, shape)
    own = [i for i in part if i != "0"]
    partial = dict(cut)  # letters that do not run over the whole axis
    spare = iter([c for c in LETTERS if c not in own])
    left, terms, ranges = [], [entry(name, part)], []
    for fetched, n in zip(whole, shape, strict=True):
        if fetched in own and fetched not in partial:
            left.append(fetched)
            own.remove(fetched)
            continue
        letter = next(spare)
        left.append(letter)
        terms.append(f"[{letter} == {fetched}]")
        ranges.append((letter, n))
    sums = "".join(f"Σ_{i} " for i in own)
    return f"{entry('y', left)} = {sums}{' * '.join(terms)}{ending(ranges)}"


def take_along_axis_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i,j] = x[i,indices[i,j]]`, with indices from 0 up."""
    x, indices = shapes["x"], shapes["indices"]
    if x is None or indices is None or len(x) > len(LETTERS) or not _alike(x, indices, params):
        return ""
    letters = LETTERS[: len(x)]
    fetched = list(letters)
    fetched[params["axis"]] = entry("indices", letters)
    return f"{entry('y', letters)} = {entry('x', fetched)}"


def scatter_along_axis_rule(shapes: Shapes, params: dict[str, Any]) -> str:
    """`y[i,k] = Σ_j x[i,j] * [k == indices[i,j]] for k < 4`."""
    x, indices = shapes["x"], shapes["indices"]
    if x is None or indices is None or len(x) >= len(LETTERS) or x != indices:
        return ""
    letters = list(LETTERS[: len(x)])
    summed, new = letters[params["axis"]], LETTERS[len(x)]
    left = [new if i == summed else i for i in letters]
    picked = f"[{new} == {entry('indices', letters)}]"
    ending_text = ending([(new, params["size"])])
    return f"{entry('y', left)} = Σ_{summed} {entry('x', letters)} * {picked}{ending_text}"


def _alike(x: tuple[int, ...], indices: tuple[int, ...], params: dict[str, Any]) -> bool:
    axis = params["axis"] % len(x)
    pairs = enumerate(zip(x, indices, strict=True)) if len(x) == len(indices) else ()
    return len(x) == len(indices) and all(k == axis or a == b for k, (a, b) in pairs)
