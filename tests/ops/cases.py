"""For every op of the rule book, how to draw operands and parameters: the table of its checks.

`smooth` draws from the op's declared domain, away from kinks: complex steps and order 2 hold there.
`wide` draws from everything its computable form takes: saturated, far out, at the border.
`kinks` draws so that ties and zeros are common.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from ops.draw import (
    FAR,
    INDICES,
    NEAR,
    REDUCTIONS,
    SMALL,
    UNIT,
    WHOLE,
    Calls,
    alike,
    along_axis,
    any_of,
    axes_of,
    binary,
    certain_bce,
    chosen,
    gathered,
    joined,
    labelled,
    layers,
    offset,
    on_grid,
    padded,
    powers,
    product_pairs,
    reduction,
    rows,
    scattered,
    soft,
    squeezable,
    then,
    unary,
    wider,
)

from tinygrad_ed.check.strategies import broadcastable_pairs, shapes


@dataclass(frozen=True)
class Case:
    """How an op is checked.

    Attributes:
        smooth: Calls inside the declared domain, away from kinks.
        wide: Calls over everything the computable form takes.
        kinks: Calls with ties and zeros, where left and right slopes differ.
        complex: Whether complex numbers pass through its textbook form (not through a cast).
        nan_from: The operands whose NaN must reach the result; None for an op that may drop it.
    """

    smooth: Calls
    wide: Calls | None = None
    kinks: Calls | None = None
    complex: bool = True
    nan_from: tuple[int, ...] | None = (0,)


def both(**options: Any) -> Any:
    """The two operands' NaN must come out."""
    return {"nan_from": (0, 1), **options}


APART = binary(offset(-3, 3), on_grid(-3, 3, 1 / 8), alike(), reduction=REDUCTIONS)
TIED = binary(WHOLE, WHOLE)
BORDERS = {"low": st.just(-1.0), "high": st.sampled_from([0.5, 1.0, float("inf")])}
PARTIAL = {"delta": st.sampled_from([0.5, 1.0, 2.0]), "reduction": REDUCTIONS}
NO_ZERO = on_grid(-3, 3, avoid=0.0)

CASES: dict[str, Case] = {
    "add": Case(binary(NEAR, NEAR), **both()),
    "subtract": Case(binary(NEAR, NEAR), **both()),
    "multiply": Case(binary(NEAR, NEAR), **both()),
    "divide": Case(binary(NEAR, on_grid(-3, 3, avoid=0.0)), **both()),
    "negative": Case(unary(NEAR)),
    "constant_power": Case(then(SMALL, powers), unary(WHOLE, n=st.sampled_from([0, 1, 2, 3])),
                           nan_from=None),
    "power": Case(
        binary(on_grid(1 / 4, 3), on_grid(-2, 2)),
        binary(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.sampled_from([1.0, 2.0, 3.0])),
        nan_from=None,
    ),
    "exp": Case(unary(NEAR), unary(on_grid(-40, 5, 1.0))),
    "expm1": Case(unary(NEAR), unary(st.sampled_from([-40.0, -1e-9, 0.0, 1e-9, 3.0]))),
    "log": Case(unary(on_grid(1 / 8, 4)), unary(st.sampled_from([1e-8, 0.01, 1.0, 1e6]))),
    "log1p": Case(unary(on_grid(-3 / 4, 3)), unary(st.sampled_from([-0.99, -1e-9, 0.0, 1e6]))),
    "sqrt": Case(unary(on_grid(1 / 8, 4)), unary(st.sampled_from([1e-8, 0.01, 1.0, 1e6]))),
    "square": Case(unary(NEAR), unary(on_grid(-100, 100, 1.0))),
    "absolute": Case(unary(NO_ZERO), kinks=unary(WHOLE)),
    "sin": Case(unary(NEAR), unary(on_grid(-100, 100, 1.0))),
    "cos": Case(unary(NEAR), unary(on_grid(-100, 100, 1.0))),
    "maximum": Case(binary(offset(-3, 3), on_grid(-3, 3, 1 / 8)), kinks=TIED, **both()),
    "minimum": Case(binary(offset(-3, 3), on_grid(-3, 3, 1 / 8)), kinks=TIED, **both()),
    "clip": Case(unary(offset(-3, 3), **BORDERS), kinks=unary(on_grid(-2, 2, 0.5), **BORDERS)),
    "where": Case(then(broadcastable_pairs(2, max_side=3), chosen), nan_from=None),
    "astype": Case(unary(NEAR, dtype=st.just("float64")), complex=False),
    "sigmoid": Case(unary(NEAR), unary(FAR)),
    "tanh": Case(unary(NEAR), unary(FAR)),
    "relu": Case(unary(NO_ZERO), unary(FAR), unary(WHOLE)),
    "leaky_relu": Case(unary(NO_ZERO, slope=st.sampled_from([0.0, 0.01, 0.3])), unary(FAR),
                       unary(WHOLE, slope=st.sampled_from([0.01, 2.0]))),
    "softplus": Case(unary(NEAR), unary(FAR)),
    "gelu": Case(unary(NEAR), unary(on_grid(-20, 20, 1.0))),
    "silu": Case(unary(NEAR), unary(FAR)),
    "matrix_product": Case(binary(NEAR, NEAR, product_pairs()), **both()),
    "linear": Case(
        layers(st.sampled_from([None, "relu", "sigmoid", "tanh"]), NEAR, clear=True),
        kinks=layers(st.just("relu"), on_grid(-1, 1, 1.0), clear=False),
        **both(),
    ),
    "sum": Case(reduction(NEAR, min_side=0)),
    "mean": Case(reduction(NEAR)),
    "var": Case(reduction(NEAR, min_side=2, ddof=st.sampled_from([0, 1])).filter(
        lambda drawn: drawn[0][0].ndim > 0)),
    "max": Case(reduction(NEAR, distinct=True), kinks=reduction(WHOLE)),
    "min": Case(reduction(NEAR, distinct=True), kinks=reduction(WHOLE)),
    "prod": Case(reduction(on_grid(-2, 2, 1 / 2))),
    "logsumexp": Case(reduction(NEAR), reduction(FAR)),
    "softmax": Case(along_axis(NEAR), along_axis(FAR)),
    "log_softmax": Case(along_axis(NEAR), along_axis(FAR)),
    "mse": Case(binary(NEAR, NEAR, alike(), reduction=REDUCTIONS), **both()),
    "half_squared_error": Case(binary(NEAR, NEAR, alike(), reduction=REDUCTIONS), **both()),
    "l1": Case(APART, kinks=binary(WHOLE, WHOLE, alike(), reduction=REDUCTIONS),
               **both()),
    "huber": Case(
        binary(offset(-3, 3), on_grid(-3, 3, 1 / 8), alike(), **PARTIAL),
        kinks=binary(WHOLE, WHOLE, alike(), **PARTIAL),
        **both(),
    ),
    "bce": Case(binary(UNIT, st.one_of(UNIT, st.sampled_from([0.0, 1.0])), alike(),
                       reduction=REDUCTIONS), then(SMALL.filter(np.prod), certain_bce)),
    "bce_with_logits": Case(soft(NEAR), soft(FAR)),
    "cross_entropy_labels": Case(labelled(NEAR), labelled(FAR)),
    "cross_entropy_soft": Case(rows(NEAR, UNIT), rows(FAR, on_grid(0, 1, 1 / 4)), **both()),
    "nll_labels": Case(labelled(on_grid(-3, 0)), nan_from=None),
    "kl_div": Case(rows(on_grid(-3, 0), UNIT), rows(on_grid(-3, 0), on_grid(0, 1, 1 / 4), True),
                   **both()),
    "reshape": Case(any_of(shapes(), lambda draw, s: {
        "shape": draw(st.sampled_from([(-1,), s[::-1], (1, *s)])) if np.prod(s) else s[::-1]})),
    "transpose": Case(any_of(shapes(), lambda draw, s: {
        "axes": draw(st.one_of(st.none(), st.permutations(range(-len(s), 0)).map(tuple)))})),
    "swapaxes": Case(any_of(shapes(min_dims=1), lambda draw, s: {
        "axis1": draw(st.integers(-len(s), len(s) - 1)),
        "axis2": draw(st.integers(0, len(s) - 1))})),
    "broadcast_to": Case(then(broadcastable_pairs(2, max_side=3), wider)),
    "expand_dims": Case(any_of(shapes(max_dims=2), lambda draw, s: {
        "axis": draw(st.one_of(st.integers(-1, len(s)), st.just((0, len(s) + 1))))})),
    "squeeze": Case(then(shapes(max_dims=2, min_side=2), squeezable)),
    "concat": Case(then(shapes(min_dims=1, max_dims=3, max_side=3), joined)),
    "getitem": Case(any_of(st.just((3, 3)), lambda draw, s: {
        "index": draw(st.sampled_from(INDICES))}), nan_from=None),
    "scatter": Case(then(st.just(()), scattered)),
    "take_along_axis": Case(gathered(back=False), nan_from=None),
    "scatter_along_axis": Case(gathered(back=True)),
    "pad": Case(any_of(shapes(min_dims=1, max_dims=2, max_side=3), padded)),
    "flip": Case(any_of(shapes(), lambda draw, s: {"axis": axes_of(draw, s)})),
    "dropout": Case(unary(NEAR, p=st.sampled_from([0.0, 0.5, 0.9]), seed=st.integers(0, 2**40),
                          call=st.integers(0, 5)), nan_from=None),
}  # fmt: skip
