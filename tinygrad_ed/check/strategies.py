"""hypothesis strategies for arrays and shapes: property-test your own ops with them.

    from hypothesis import given
    from tinygrad_ed.check import gradcheck, strategies

    @given(strategies.arrays())
    def test_my_op(x):
        gradcheck(my_op, x)

They draw what breaks naive code: numbers of no axis (0-d), axes of size 0 and 1, shapes that
broadcast, and arrays whose memory is not in C order: transposed, reversed, every second entry.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "tinygrad_ed.check.strategies needs hypothesis: pip install 'tinygrad_ed[test]'"
    ) from error

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Shape = tuple[int, ...]


def shapes(
    min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> "SearchStrategy[Shape]":
    """Shapes, the empty tuple of a number and axes of size 0 and 1 among them."""
    side = st.integers(min_side, max_side)
    return st.lists(side, min_size=min_dims, max_size=max_dims).map(tuple)


def broadcastable_pairs(
    max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> "SearchStrategy[tuple[Shape, Shape]]":
    """Two shapes that broadcast together: either may lack leading axes or have 1 for a size."""

    def narrowed(shape: Shape) -> "SearchStrategy[Shape]":
        keep = st.lists(st.booleans(), min_size=len(shape), max_size=len(shape))
        start = st.integers(0, len(shape))
        return st.tuples(keep, start).map(
            lambda drawn: tuple(
                n if whole else 1 for n, whole in zip(shape, drawn[0], strict=True)
            )[drawn[1] :]
        )

    def pair(shape: Shape) -> "SearchStrategy[tuple[Shape, Shape]]":
        either = st.just(shape), narrowed(shape)
        return st.one_of(
            st.tuples(*either),
            st.tuples(*either[::-1]),
            st.tuples(narrowed(shape), narrowed(shape)),
        )

    return shapes(0, max_dims, min_side, max_side).flatmap(pair)


def matmul_pairs(
    max_side: int = 4, min_side: int = 0, max_batch_dims: int = 2
) -> "SearchStrategy[tuple[Shape, Shape]]":
    """Two shapes for `@`: vectors, matrices, and stacks of matrices that broadcast.

    Shapes: (..., N, D) and (..., D, H); or (D,) in the place of either.
    """
    side = st.integers(min_side, max_side)

    def pair(drawn: tuple[int, int, int, tuple[Shape, Shape], str]) -> tuple[Shape, Shape]:
        n, d, h, (left, right), kind = drawn
        return {
            "matrices": ((n, d), (d, h)),
            "row": ((d,), (d, h)),
            "column": ((n, d), (d,)),
            "dot": ((d,), (d,)),
            "stacks": ((*left, n, d), (*right, d, h)),
        }[kind]

    kinds = st.sampled_from(["matrices", "stacks", "row", "column", "dot"])
    batches = broadcastable_pairs(max_batch_dims, min_side, min(max_side, 3))
    return st.tuples(side, side, side, batches, kinds).map(pair)


def arrays(
    shape: "Shape | SearchStrategy[Shape] | None" = None,
    dtype: Any = np.float64,
    *,
    elements: "SearchStrategy[Any] | None" = None,
    domain: tuple[float, float] = (-3.0, 3.0),
    strides: bool = True,
) -> "SearchStrategy[np.ndarray[Any, Any]]":
    """Arrays of numbers.

    Args:
        shape: A shape, a strategy for shapes, or None for any small one.
        dtype: Number type.
        elements: Strategy for the entries.
        domain: Smallest and largest entry where `elements` is not given: integers for an integer
            type, else multiples of 1/64, so that a failing example is readable.
        strides: Also draw other memory layouts: Fortran order, reversed axes, every second entry.
    """
    number_type = np.dtype(dtype)
    if elements is None:
        low, high = domain
        if number_type.kind in "iu":
            elements = st.integers(int(np.ceil(low)), int(np.floor(high)))
        elif number_type.kind == "b":
            elements = st.booleans()
        else:
            grid = st.integers(int(np.ceil(low * 64)), int(np.floor(high * 64)))
            elements = grid.map(lambda k: k / 64)
    entries = elements

    def of_shape(size: Shape) -> "SearchStrategy[np.ndarray[Any, Any]]":
        count = int(np.prod(size))
        layouts = st.sampled_from(LAYOUTS if strides else LAYOUTS[:1])
        return st.tuples(st.lists(entries, min_size=count, max_size=count), layouts).map(
            lambda drawn: laid_out(np.array(drawn[0], number_type).reshape(size), drawn[1])
        )

    if shape is None:
        shape = shapes()
    return of_shape(shape) if isinstance(shape, tuple) else shape.flatmap(of_shape)


LAYOUTS: Sequence[str] = ("C", "Fortran", "reversed", "every second")
"""Ways to lay the same numbers out in memory."""


def laid_out(array: "np.ndarray[Any, Any]", layout: str) -> "np.ndarray[Any, Any]":
    """An array equal to this one, with another memory layout (see `LAYOUTS`)."""
    if layout == "Fortran":
        return np.array(array, order="F")
    if layout == "reversed" and array.ndim:  # negative strides
        return np.flip(np.array(np.flip(array), order="C"))
    if layout == "every second" and array.ndim:  # gaps between the entries
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    return np.array(array, order="C")
