"""Guesses about places: transposes, missing sums, masks, entries that meet or are lost."""

import itertools
from collections.abc import Iterator

import numpy as np

from .evidence import Evidence, Guess, close


def off_diagonal(e: Evidence) -> Iterator[Guess]:
    """Only the diagonal of a Jacobian that is full."""
    if e.out_shape != e.in_shape or e.analytic.shape[0] < 2:
        return
    off = ~np.eye(e.analytic.shape[0], dtype=bool)
    if np.any(e.analytic[off]) or close(e.numeric[off], 0 * e.numeric[off]):
        return
    if close(np.diag(e.analytic), np.diag(e.numeric)):
        yield Guess(
            "diagonal-softmax",
            "an elementwise VJP for a function that is not (an elementwise softmax): only the "
            "diagonal of the Jacobian is there, but every result depends on the whole row, so the "
            "VJP is y * (dy - Σ dy * y) and not dy * y * (1 - y)",
        )


def transposed(e: Evidence) -> Iterator[Guess]:
    """The axes of operand, result or gradient in another order."""
    shape, outs = e.out_shape + e.in_shape, len(e.out_shape)
    if len(shape) > 8:
        return
    a, n = e.analytic.reshape(shape), e.numeric.reshape(shape)
    for first, second in itertools.combinations(range(len(shape)), 2):
        same_size = shape[first] == shape[second] and shape[first] > 1
        if not same_size or not close(a, np.swapaxes(n, first, second)):
            continue
        if second < outs and len(e.in_shape) < outs:
            yield Guess(
                "wrong-axis",
                f"the upstream gradient is summed over another axis than the operand was repeated "
                f"along: axes {first} and {second} of the result {e.out_shape} have one size, so "
                f"the shape fits",
            )
        else:
            yield Guess(
                "transposed",
                "an operand of the product is transposed (or is not, and should be): "
                "dA = dZ Bᵀ and dB = Aᵀ dZ"
                if first < outs <= second
                else "the gradient is transposed: its axes come in another order",
            )
        return
    for order in itertools.permutations(range(len(shape))) if len(shape) <= 6 else ():
        if tuple(shape[k] for k in order) == shape and close(a, np.transpose(n, order)):
            yield Guess(
                "transposed",
                "the axes come in another order: factors of a product exchanged, or the axes of a "
                "transpose where their inverse belongs",
            )
            return


def missing_sum(e: Evidence) -> Iterator[Guess]:
    """Of the copies of a broadcast operand, one contributes."""
    shape = (*e.out_shape, e.numeric.shape[1])
    a, n = e.analytic.reshape(shape), e.numeric.reshape(shape)
    for axis, size in enumerate(e.out_shape):
        for k in range(size) if size > 1 else ():
            only = np.zeros_like(n)
            index = (slice(None),) * axis + (slice(k, k + 1),)
            only[index] = n[index]
            if close(a, only):
                yield Guess(
                    "missing-sum",
                    f"a missing sum over the broadcast axis {axis} of the result {e.out_shape}: "
                    f"only its entry {k} contributes, but the operand was used {size} times along "
                    f"that axis, so the upstream gradient is summed over it",
                )
                return


def not_blocked(e: Evidence) -> Iterator[Guess]:
    """Right where it should flow, and it flows where it should not."""
    blocked = np.abs(e.numeric) <= 1e-9 * max(1.0, float(np.max(np.abs(e.numeric))))
    extra = blocked & (e.analytic != 0)
    passed = e.numeric[~blocked]
    if not np.any(extra) or not len(passed) or not close(e.analytic[~blocked], passed):
        return
    if np.all(np.min(np.abs(np.subtract.outer(e.analytic[extra], passed)), axis=1) < 1e-6):
        yield Guess(
            "not-blocked",
            f"the gradient is passed on unchanged to {np.sum(extra)} entries on which the result "
            f"does not depend: a mask or a choice of the forward pass is missing in the VJP",
        )


def rows_mixed(e: Evidence) -> Iterator[Guess]:
    """Rows meet that the function keeps apart."""
    shape = e.out_shape + e.in_shape
    a, n = e.analytic.reshape(shape), e.numeric.reshape(shape)
    for axis, size in enumerate(e.out_shape[: len(e.in_shape)]):
        if size < 2 or e.in_shape[axis] != size:
            continue
        apart = ~np.eye(size, dtype=bool)
        both = [np.moveaxis(x, (axis, len(e.out_shape) + axis), (0, 1))[apart] for x in (a, n)]
        if np.allclose(both[1], 0, atol=1e-9) and not np.allclose(both[0], 0, atol=1e-9):
            yield Guess(
                "rows-mixed",
                f"entries meet that the function keeps apart along axis {axis}: a reduction "
                f"without keepdims=True broadcasts its result along another axis",
            )
            return


def not_centred(e: Evidence) -> Iterator[Guess]:
    """Right once its own mean is subtracted."""
    shape = (len(e.analytic), *e.in_shape)
    a, n = e.analytic.reshape(shape), e.numeric.reshape(shape)
    every = tuple(range(1, len(shape)))
    for axes in (every, *((k,) for k in every)):
        sums = np.sum(n, axis=axes)
        size = max(1.0, float(np.max(np.abs(n), initial=0.0)))
        balanced = np.size(n) and np.allclose(sums, 0, atol=1e-8 * size)
        if balanced and close(a - np.mean(a, axis=axes, keepdims=True), n):
            yield Guess(
                "not-centred",
                "right after subtracting its own mean: the function subtracts a mean, which "
                "depends on every entry too, and the VJP does not",
            )
            return


def wrong_places(e: Evidence) -> Iterator[Guess]:
    """The same numbers in another order."""
    if close(np.sort(e.analytic, axis=None), np.sort(e.numeric, axis=None)):
        yield Guess(
            "places",
            "the right numbers stand in the wrong places: a reshape where a transpose belongs, or "
            "axes or indices in another order",
        )


def partly_missing(e: Evidence) -> Iterator[Guess]:
    """Zero at some entries, right at the others."""
    zero = np.abs(e.analytic) <= 1e-12
    lost = zero & ~(np.abs(e.numeric) <= 1e-8)
    if np.any(lost) and close(e.analytic, np.where(zero, 0, e.numeric)):
        yield Guess(
            "contributions",
            f"{int(np.sum(lost))} contributions are missing, the others are right: entries that "
            f"are used several times (a repeated index, a tie, two paths) get one contribution "
            f"only",
        )
