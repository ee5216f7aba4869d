"""Shape rules: the same numbers in another arrangement, so every VJP is the way back."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from .index import moves
from .registry import Array, rule


@rule()
def reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    """The entries in C order under another shape; one size may be -1."""
    return np.reshape(x, shape)


@reshape.vjp
def _(dy: Array, y: Array, x: Array, *, shape: tuple[int, ...]) -> Array:
    return np.reshape(dy, x.shape)


@rule(index=moves.transpose_rule)
def transpose(x: Array, *, axes: tuple[int, ...] | None = None) -> Array:
    """Axes in another order (reversed by default): y[i,j] = x[j,i]."""
    return np.transpose(x, axes)


@transpose.vjp
def _(dy: Array, y: Array, x: Array, *, axes: tuple[int, ...] | None) -> Array:
    if axes is None:
        return np.transpose(dy)
    return np.transpose(dy, inverse_of(axes))


def inverse_of(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The order of axes that undoes this one."""
    n = len(axes)
    positive = [axis % n for axis in axes]
    return tuple(positive.index(k) for k in range(n))


@rule(index=moves.swapaxes_rule)
def swapaxes(x: Array, *, axis1: int, axis2: int) -> Array:
    """Two axes exchanged; for a matrix its transpose."""
    return np.swapaxes(x, axis1, axis2)


@swapaxes.vjp
def _(dy: Array, y: Array, x: Array, *, axis1: int, axis2: int) -> Array:
    return np.swapaxes(dy, axis1, axis2)


@rule(index=moves.broadcast_to_rule)
def broadcast_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """x repeated along new axes and axes of size 1; the tape sums the gradient over them."""
    return np.broadcast_to(x, shape)


@broadcast_to.vjp
def _(dy: Array, y: Array, x: Array, *, shape: tuple[int, ...]) -> Array:
    return dy


@rule(index=moves.expand_dims_rule)
def expand_dims(x: Array, *, axis: int | tuple[int, ...]) -> Array:
    """New axes of size 1."""
    return np.expand_dims(x, axis)


@expand_dims.vjp
def _(dy: Array, y: Array, x: Array, *, axis: int | tuple[int, ...]) -> Array:
    return np.reshape(dy, x.shape)


@rule(index=moves.squeeze_rule)
def squeeze(x: Array, *, axis: int | tuple[int, ...] | None = None) -> Array:
    """Axes of size 1 dropped."""
    return np.squeeze(x, axis)


@squeeze.vjp
def _(dy: Array, y: Array, x: Array, *, axis: int | tuple[int, ...] | None) -> Array:
    return np.reshape(dy, x.shape)


@rule(called="concatenate", index=moves.concat_rule)
def concat(*xs: Array, axis: int = 0) -> Array:
    """Arrays one after another along an axis they already have."""
    return np.concatenate(xs, axis=axis)


@concat.vjp
def _(dy: Array, y: Array, *xs: Array, axis: int) -> Array:
    ends = [0]
    for x in xs:
        ends.append(ends[-1] + x.shape[axis])
    return tuple(np.split(dy, ends[1:-1], axis=axis))


def concatenate(xs: Sequence[Array], *, axis: int = 0) -> Array:
    """A sequence of arrays one after another along an axis they already have."""
    return concat(*xs, axis=axis)


def stack(xs: Sequence[Array], *, axis: int = 0) -> Array:
    """A sequence of arrays of one shape side by side along a new axis."""
    return concat(*[expand_dims(x, axis=axis) for x in xs], axis=axis)


def split(x: Array, sections: int | list[int], *, axis: int = 0) -> list[Array]:
    """Consecutive parts along an axis: so many equal ones, or cut at the given places.

    Raises:
        ValueError: The axis does not divide into that many equal parts.
    """
    n = x.shape[axis]
    if isinstance(sections, int):
        if sections < 1 or n % sections:
            raise ValueError(
                f"split: axis {axis} of shape {x.shape} has {n} entries, which do not "
                f"divide into {sections} equal parts; give the places to cut instead"
            )
        cuts = [k * (n // sections) for k in range(sections + 1)]
    else:
        cuts = [0, *sections, n]
    lead = (slice(None),) * (axis % x.ndim)
    return [
        getitem(x, index=(*lead, slice(start, stop))) for start, stop in itertools.pairwise(cuts)
    ]


def is_basic(index: Any) -> bool:
    """Whether an index picks no entry twice: numbers, slices, ... and None, no arrays."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is ... or isinstance(p, int | slice | np.integer) for p in parts)


@rule(index=moves.getitem_rule)
def getitem(x: Array, *, index: Any) -> Array:
    """y = x[index]: the entries of any NumPy index."""
    return x[index]


@getitem.vjp
def _(dy: Array, y: Array, x: Array, *, index: Any) -> Array:
    return scatter(dy, index=index, shape=x.shape)


@rule(index=moves.scatter_rule)
def scatter(x: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of a shape with x added at the index; entries picked twice add up."""
    if is_basic(index):
        out = np.zeros_like(x, shape=shape)
        out[index] = x
        return out
    return added_at(positions(x, shape)[index], x, shape)


def positions(x: Array, shape: tuple[int, ...]) -> Array:
    """0, 1, 2 … in C order under a shape, on the device of x: where each entry stands."""
    ones = np.ones_like(x, shape=(int(np.prod(shape)),), dtype="int64")
    return np.reshape(np.cumsum(ones) - 1, shape)


def added_at(places: Array, x: Array, shape: tuple[int, ...]) -> Array:
    """Zeros of a shape with each entry of x added at its place, counted in C order."""
    out = np.zeros_like(x, shape=(int(np.prod(shape)),))
    np.add.at(out, places, x)
    return np.reshape(out, shape)


@scatter.vjp
def _(dy: Array, y: Array, x: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    return getitem(dy, index=index)


@rule(index=moves.take_along_axis_rule)
def take_along_axis(x: Array, indices: Array, *, axis: int) -> Array:
    """y[i,j] = x[i, indices[i,j]] for the last axis: one pick per place, also called gather."""
    return np.take_along_axis(x, indices, axis)


@take_along_axis.vjp
def _(dy: Array, y: Array, x: Array, indices: Array, *, axis: int) -> Array:
    return scatter_along_axis(dy, indices, axis=axis, size=x.shape[axis]), None


@rule(index=moves.scatter_along_axis_rule)
def scatter_along_axis(x: Array, indices: Array, *, axis: int, size: int) -> Array:
    """Zeros with x[i,j] added at [i, indices[i,j]]; the way back of `take_along_axis`."""
    shape = tuple(size if k == axis % x.ndim else n for k, n in enumerate(x.shape))
    return added_at(np.take_along_axis(positions(x, shape), indices, axis), x, shape)


@scatter_along_axis.vjp
def _(dy: Array, y: Array, x: Array, indices: Array, *, axis: int, size: int) -> Array:
    return take_along_axis(dy, indices, axis=axis), None


def take(x: Array, indices: Any, *, axis: int = 0) -> Array:
    """The rows (or slices along an axis) with these numbers; repeated ones add their gradients."""
    return getitem(x, index=(slice(None),) * (axis % x.ndim) + (indices,))


def border(width: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """A border as (before, after) for each axis; one number or one pair serves every axis.

    Raises:
        TypeError: A width that is no integer.
        ShapeError: Neither one pair nor one for each axis.
    """
    given = np.asarray(width)
    if given.dtype.kind not in "iu":
        raise TypeError(f"pad: the width of the border must be integers, got {width!r}")
    try:
        pairs = np.broadcast_to(given, (ndim, 2))
    except ValueError as error:
        raise ShapeError(
            f"pad: a border for {ndim} axes is a number, one pair (before, after) or {ndim} pairs, "
            f"got {width!r}"
        ) from error
    return tuple((int(before), int(after)) for before, after in pairs)


@rule(index=moves.pad_rule)
def pad(x: Array, *, width: tuple[tuple[int, int], ...], value: float = 0.0) -> Array:
    """A border of a constant: (before, after) entries for each axis."""
    return np.pad(x, border(width, x.ndim), constant_values=value)


@pad.vjp
def _(dy: Array, y: Array, x: Array, *, width: tuple[tuple[int, int], ...], value: float) -> Array:
    starts = [before for before, _ in border(width, x.ndim)]
    inside = tuple(slice(k, k + n) for k, n in zip(starts, x.shape, strict=True))
    return getitem(dy, index=inside)


@rule(index=moves.flip_rule)
def flip(x: Array, *, axis: int | tuple[int, ...] | None = None) -> Array:
    """The order along the axes reversed."""
    return np.flip(x, axis)


@flip.vjp
def _(dy: Array, y: Array, x: Array, *, axis: int | tuple[int, ...] | None) -> Array:
    return np.flip(dy, axis)
