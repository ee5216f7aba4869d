"""How to draw calls of ops: operands and parameters that fit together. `cases.py` uses it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tinygrad_ed.check.strategies import arrays, broadcastable_pairs, matmul_pairs, shapes

Array = np.ndarray[Any, Any]
Call = tuple[list[Any], dict[str, Any]]
Calls = SearchStrategy[Call]


@dataclass(frozen=True)
class Fixed:
    """An operand that is held constant in a check, a target at the border of its range."""

    array: Array


def on_grid(low: float, high: float, step: float = 1 / 64, avoid: float | None = None) -> Any:
    """Multiples of a step between two bounds, none nearer than 1/8 to what is to be avoided."""
    grid = st.integers(int(np.ceil(low / step)), int(np.floor(high / step))).map(lambda k: k * step)
    return grid if avoid is None else grid.filter(lambda x: abs(x - avoid) >= 1 / 8)


def offset(low: float, high: float) -> Any:
    """Odd multiples of 1/16: never equal to a multiple of 1/8."""
    return on_grid(low, high, 1 / 8).map(lambda x: x + 1 / 16)


NEAR = on_grid(-3, 3)
WHOLE = on_grid(-2, 2, 1.0)
FAR = st.one_of(NEAR, st.sampled_from([-800.0, -300.0, -37.0, -20.0, 20.0, 37.0, 300.0, 800.0]))
UNIT = on_grid(1 / 16, 15 / 16)
SMALL = shapes(max_dims=2, max_side=3)
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


def call(*operands: Any, **params: Any) -> Calls:
    """A call from strategies for operands and parameters."""
    return st.tuples(st.tuples(*operands).map(list), st.fixed_dictionaries(params))


def unary(elements: Any, shape: Any = SMALL, **params: Any) -> Calls:
    """A call with one operand."""
    return call(arrays(shape, elements=elements), **params)


def binary(first: Any, second: Any, pairs: Any = None, **params: Any) -> Calls:
    """A call with two operands whose shapes broadcast (or come from the given pairs)."""
    pairs = broadcastable_pairs(max_dims=2, max_side=3) if pairs is None else pairs
    return pairs.flatmap(
        lambda pair: call(
            arrays(pair[0], elements=first), arrays(pair[1], elements=second), **params
        )
    )


def alike(min_side: int = 1) -> Any:
    """Two equal shapes."""
    return shapes(max_dims=2, min_side=min_side, max_side=3).map(lambda s: (s, s))


def then(shape: Any, build: Callable[[Any], Any]) -> Calls:
    """A call drawn for a shape: `build(draw, shape)` gives operands and parameters."""

    @st.composite
    def made(draw: Any) -> Call:
        return build(draw, draw(shape))  # type: ignore[call-arg]

    return made()


def axes_of(draw: Any, shape: tuple[int, ...]) -> Any:
    """None, one axis, or several, counted from either end."""
    if not shape:
        return None
    n = len(shape)
    one = st.integers(-n, n - 1)
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True).map(tuple)
    return draw(st.one_of(st.none(), one, some))


def reduction(elements: Any, min_side: int = 1, distinct: bool = False, **params: Any) -> Calls:
    """A call of a reduction over any axes."""

    def build(draw: Any, shape: Any) -> Call:
        x = draw(arrays(shape, elements=elements))
        if distinct:
            x = np.array([k / 4 - 1 for k in draw(st.permutations(range(x.size)))]).reshape(shape)
        drawn = {k: draw(v) for k, v in params.items()}
        keepdims = draw(st.booleans())
        return [x], {"axis": axes_of(draw, shape), "keepdims": keepdims, **drawn}

    return then(shapes(max_dims=3, min_side=min_side, max_side=3), build)


def along_axis(elements: Any) -> Calls:
    """A call of the softmax family: one axis."""

    def build(draw: Any, shape: Any) -> Call:
        axis = draw(st.integers(-len(shape), len(shape) - 1))
        return [draw(arrays(shape, elements=elements))], {"axis": axis}

    return then(shapes(min_dims=1, max_dims=3, min_side=1, max_side=3), build)


def powers(draw: Any, shape: Any) -> Call:
    n = draw(st.sampled_from([0, 1, 2, 3, -1, -2, 0.5, 1.5, 2.0]))
    elements = on_grid(1 / 4, 3) if n != int(n) else on_grid(-3, 3, avoid=0.0)
    return [draw(arrays(shape, elements=elements))], {"n": n}


def layers(activations: Any, elements: Any, clear: bool) -> Calls:
    """A call of `linear`, with or without b; `clear` keeps Z away from 0."""

    def build(draw: Any, sizes: Any) -> Call:
        n, d, h = sizes
        X, W, b = (draw(arrays(s, elements=elements)) for s in ((n, d), (d, h), (h,)))
        with_b = draw(st.booleans())
        activation = draw(activations)
        if clear and activation == "relu":
            assume(np.all(np.abs(X @ W + b * with_b) > 1e-2))
        return [X, W, b if with_b else None], {"activation": activation}

    return then(st.tuples(*[st.integers(0, 3)] * 3), build)


def labelled(elements: Any) -> Calls:
    """Scores (..., K) with integer labels."""

    def build(draw: Any, shape: Any) -> Call:
        z = draw(arrays(shape, elements=elements))
        labels = draw(arrays(shape[:-1], np.int64, domain=(0, shape[-1] - 1)))
        return [z, labels], {"reduction": draw(REDUCTIONS)}

    return then(shapes(min_dims=1, max_dims=3, min_side=1, max_side=3), build)


def rows(first: Any, second: Any, fixed: bool = False) -> Calls:
    """Two arrays of one shape (..., K), the second held constant or not."""

    def build(draw: Any, shape: Any) -> Call:
        a, b = draw(arrays(shape, elements=first)), draw(arrays(shape, elements=second))
        return [a, Fixed(b) if fixed else b], {"reduction": draw(REDUCTIONS)}

    return then(shapes(min_dims=1, max_dims=2, min_side=1, max_side=3), build)


def chosen(draw: Any, pair: Any) -> Call:
    a, b = (draw(arrays(shape, elements=NEAR)) for shape in pair)
    return [draw(arrays(pair[0], bool)), a, b], {}


def certain_bce(draw: Any, shape: Any) -> Call:
    """Probabilities that are exactly 0 or 1 where the target says so too."""
    t = draw(arrays(shape, elements=st.sampled_from([0.0, 0.5, 1.0])))
    y = draw(arrays(shape, elements=UNIT))
    sure = draw(arrays(shape, bool))
    return [np.where(sure & (t != 0.5), t, y), Fixed(t)], {"reduction": draw(REDUCTIONS)}


def any_of(shape: Any, build: Callable[[Any, tuple[int, ...]], dict[str, Any]]) -> Calls:
    """A call of a shape op on an array: `build` draws the parameters for its shape."""
    return then(shape, lambda draw, s: ([draw(arrays(s, elements=NEAR))], build(draw, s)))


def squeezable(draw: Any, shape: Any) -> Call:
    axis = draw(st.integers(0, len(shape)))
    x = draw(arrays((*shape[:axis], 1, *shape[axis:]), elements=NEAR))
    return [x], {"axis": draw(st.sampled_from([None, axis, (axis,)]))}


def joined(draw: Any, shape: Any) -> Call:
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
    wanted = []
    for n in sizes:
        s = list(shape)
        s[axis] = n
        wanted.append(draw(arrays(tuple(s), elements=NEAR)))
    return wanted, {"axis": axis}


INDICES = [
    0, -1, slice(None, None, -1), slice(0, 2), ..., (slice(None), 1), (..., None, 0),
    np.array([0, 2, 0]), (np.array([0, 1, 0]), np.array([2, 2, 2])), (slice(1, None), [1, 1]),
    np.arange(9).reshape(3, 3) % 2 == 0,
]  # fmt: skip
"""Indices of a (3, 3) array: numbers, slices, new axes, repeated rows and entries, a mask."""


def scattered(draw: Any, shape: Any) -> Call:
    index = draw(st.sampled_from(INDICES))
    x = draw(arrays(np.empty((3, 3))[index].shape, elements=NEAR))
    return [x], {"index": index, "shape": (3, 3)}


def gathered(back: bool) -> Any:
    def build(draw: Any, shape: Any) -> Call:
        axis = draw(st.integers(-len(shape), len(shape) - 1))
        picked = list(shape)
        picked[axis] = draw(st.integers(0, 3))
        indices = draw(arrays(tuple(picked), np.int64, domain=(0, shape[axis] - 1)))
        x = draw(arrays(tuple(picked) if back else shape, elements=NEAR))
        return [x, indices], {"axis": axis, **({"size": shape[axis]} if back else {})}

    return then(shapes(min_dims=1, max_dims=2, min_side=1, max_side=3), build)


def padded(draw: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    side = st.integers(0, 2)
    return {"width": tuple((draw(side), draw(side)) for _ in shape), "value": draw(WHOLE)}


def wider(draw: Any, pair: Any) -> Call:
    return [draw(arrays(pair[1], elements=NEAR))], {"shape": np.broadcast_shapes(*pair)}


def product_pairs() -> Any:
    """Two matrices, or stacks of them."""
    return matmul_pairs(max_side=3).filter(lambda pair: len(pair[0]) > 1 and len(pair[1]) > 1)


def soft(elements: Any) -> Calls:
    """Logits with targets in [0, 1], 0 and 1 among them."""
    target = st.one_of(UNIT, st.sampled_from([0.0, 1.0]))
    weights = st.sampled_from([1.0, 3.0])
    return binary(elements, target, alike(), pos_weight=weights, reduction=REDUCTIONS)
