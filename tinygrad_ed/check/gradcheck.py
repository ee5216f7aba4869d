"""`gradcheck`: is this gradient the derivative of this function?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .compare import Comparison, compare
from .estimate import Method
from .local import Finding, broken_contract, wrong_op
from .maps import BackwardError, FirstOrder, SecondOrder
from .problem import Problem
from .result import GradcheckResult, GradientMismatch, Row

CROOKED = (
    "the numbers agree, but the walk back is not linear: a negative upstream gradient does not "
    "give the negative gradient"
)


def gradcheck(
    fn: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    method: str = "auto",
    directional: bool | str = "auto",
    tolerance: float | None = None,
    names: Sequence[str] | None = None,
    raises: bool = True,
) -> GradcheckResult:
    """Compares the gradient that the tape gives with numeric derivatives of the function.

    Every entry of the Jacobian dy/dx is computed twice: by walking the tape back from each output
    entry, and from values of the function alone. The error is |analytic - numeric| / max(1, the
    largest numeric derivative by that input). The numeric side, by `method`:

        complex   f'(x) = Im f(x + ih)/h with h = 1e-30, on the textbook forms of the ops; to 1e-12
        central   extrapolated central differences, to 1e-6 (order 2: 1e-9); where the slopes from
                  the right and from the left differ, the analytic one must lie between them
        auto      complex steps wherever they run and central differences confirm them, else those

    Args:
        fn: Tensors -> one tensor of any shape. For complex steps it also runs on plain arrays.
        *inputs: float64 arrays and tensors that require a gradient are checked; integer arrays
            (labels, indices), tensors that require none and everything else are constants.
        order: 2 checks the gradient's gradient too: the recorded backward pass against differences
            of the gradient.
        method: "auto", "complex" or "central".
        directional: True compares derivatives along random directions, not entry by entry; "auto"
            does so for big Jacobians. A wrong entry is then searched for.
        tolerance: Replaces the tolerance that belongs to the method.
        names: Names of the inputs for the table.
        raises: Whether a mismatch raises; otherwise look at the result, which is then false.

    Returns:
        The full table, also when all agree; `print` it.

    Raises:
        GradientMismatch: Some derivative is wrong. The message names input, entry, both values,
            the op whose VJP is wrong by itself, and the likely mistake.
        DTypeError: An input or the result is float32: differences need float64.
        ValueError: The function is not finite here, or not the same twice.
        TypeError: It does not return a tensor; or `method="complex"` and it cannot run so.

    Source: Squire, Trapp 1998 (complex step); Ridders 1982 (extrapolation).
    """
    if order not in (1, 2):
        raise ValueError(f"gradcheck: order must be 1 or 2, got {order!r}")
    if method not in ("auto", "complex", "central"):
        raise ValueError(
            f"gradcheck: unknown method {method!r}; one of 'auto', 'complex', 'central'"
        )
    if directional not in (True, False, "auto"):
        raise ValueError(
            f"gradcheck: directional must be True, False or 'auto', got {directional!r}"
        )
    checked = FirstOrder(Problem(fn, inputs, names))
    result = _first_order(checked, Method(method, tolerance), directional, order)
    if raises and not result:
        raise GradientMismatch(result)
    return result


def _first_order(
    checked: FirstOrder, method: Method, directional: bool | str, order: int
) -> GradcheckResult:
    try:
        found = compare(checked, method, directional)
    except BackwardError as error:
        return _blame((), wrong_op(checked.root), failure=_raised(error))
    rows = tuple(found.rows)
    if found.failed:
        return _blame(rows, wrong_op(checked.root), stale=found.stale)
    broken = broken_contract(checked.root)
    if broken is not None:
        return _blame(rows, broken, failure="the numbers agree, but a VJP breaks a rule")
    if found.crooked:
        return _blame(rows, None, failure=CROOKED)
    if order == 1:
        return GradcheckResult(rows)
    return _second_order(checked, found, method, directional)


def _second_order(
    checked: FirstOrder, first: Comparison, method: Method, directional: bool | str
) -> GradcheckResult:
    """After the gradient itself was found right: its own gradient, but not at kinks."""
    rows = tuple(first.rows)
    try:
        second = SecondOrder(checked.problem)
        skip = [*first.kinks, np.zeros(second.inputs[-1].size, dtype=bool)]
        found = compare(second, Method("central", method.tolerance), directional, skip)
    except BackwardError as error:
        return _blame(rows, wrong_op(checked.root, 2), failure=_raised(error))
    rows += tuple(found.rows)
    if found.failed:
        return _blame(rows, wrong_op(checked.root, 2), stale=found.stale)
    if found.crooked:
        return _blame(rows, None, failure=CROOKED + ", in the gradient of the gradient")
    return GradcheckResult(rows)


def _raised(error: BackwardError) -> str:
    return f"the backward pass raised {type(error.__cause__).__name__}: {error}"


def _blame(rows: tuple[Row, ...], blamed: Finding | None, **facts: Any) -> GradcheckResult:
    """The result of a failed check, with the op that is wrong, if one is."""
    if blamed is None:
        return GradcheckResult(rows, **facts)
    return GradcheckResult(rows, op=blamed.op, operand=blamed.operand, guess=blamed.guess, **facts)
