"""Guesses about softmax and the losses of classes: what p, t and the labels give away."""

from collections.abc import Iterator

import numpy as np

from .evidence import Array, Evidence, Guess, close, multiple_of


def _softmax(z: Array) -> Array:
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return np.asarray(e / np.sum(e, axis=-1, keepdims=True))


def _labels(e: Evidence) -> Array | None:
    """Integer labels of the rows of the input, if the op has some."""
    for value in e.values.values():
        v = np.asarray(value)
        fits = v.dtype.kind in "iu" and v.shape == e.in_shape[:-1] and len(e.in_shape) > 0
        if fits and np.all((v >= 0) & (v < e.in_shape[-1])):
            return v
    return None


def without_sum(e: Evidence) -> Iterator[Guess]:
    """softmax's y dy alone: the sum that it divides by was held fixed."""
    y = e.values.get("y")
    if y is None or np.shape(y) != e.in_shape or e.out_shape != e.in_shape or e.diagonal:
        return
    if close(e.analytic, np.diag(np.reshape(np.asarray(y, dtype=float), -1))):
        yield Guess(
            "without-sum",
            "only the part through the entry itself is there: the sum that every entry is divided "
            "by depends on it too, so - y Σ dy * y is missing",
        )


def target(e: Evidence) -> Iterator[Guess]:
    """p - t of a cross-entropy, with t missing or at another class."""
    if len(e.analytic) != 1 or not e.in_shape:
        return
    off = (e.analytic - e.numeric).reshape(e.in_shape)
    labels = _labels(e)
    targets = [v.reshape(e.in_shape) for v in e.like_input().values()]
    if labels is not None:
        targets.append(np.eye(e.in_shape[-1])[labels])
    for t in targets:
        c = multiple_of(off, t)
        balanced = np.allclose(np.sum(e.numeric.reshape(e.in_shape), axis=-1), 0, atol=1e-8)
        if c is not None and c > 0 and balanced:
            yield Guess(
                "target-missing",
                "this is the gradient without its target: softmax with cross-entropy has the "
                "slope p - t, whose rows sum to 0, and here t is not subtracted",
            )
            return
    if labels is not None and np.any(off):
        steps = off / np.max(off)
        here = np.eye(e.in_shape[-1])[labels]
        elsewhere = np.sum(np.isclose(steps, -1), axis=-1) == 1
        if np.all(elsewhere) and close(np.maximum(steps, 0), here):
            yield Guess(
                "wrong-label",
                "the target is subtracted at another class than the label's: labels counted from "
                "1 where classes are counted from 0?",
            )


def softmax_twice(e: Evidence) -> Iterator[Guess]:
    """p - t with p = softmax(softmax(z))."""
    if len(e.analytic) != 1 or not e.in_shape:
        return
    for v in e.like_input().values():
        once = _softmax(v.reshape(e.in_shape))
        twice = (_softmax(once) - once).reshape(e.analytic.shape)
        if multiple_of(e.analytic - e.numeric, twice):
            yield Guess(
                "softmax-twice",
                "softmax is applied twice: the scores have been through one already, or the loss "
                "applies its own",
            )
            return


def logits_as_probabilities(e: Evidence) -> Iterator[Guess]:
    """z - t where σ(z) - t belongs."""
    off = np.sum(e.analytic - e.numeric, axis=0)
    for name, v in e.like_input().items():
        if multiple_of(off, v - 1 / (1 + np.exp(-v))):
            yield Guess(
                "logits-as-probabilities",
                f"{name} stands where σ({name}) belongs: a score (logit) is used as if it were a "
                f"probability",
            )
            return


def bce_half(e: Evidence) -> Iterator[Guess]:
    """-t/y alone: the term of the zeros is missing, as in the documents [D4-L2]."""
    a, n = np.sum(e.analytic, axis=0), np.sum(e.numeric, axis=0)
    values = e.like_input()
    for p in values.values():
        for t in values.values():
            ones, zeros = -t / p, (1 - t) / (1 - p)
            c = multiple_of(n, ones + zeros)
            if c is not None and p is not t and (close(a, c * ones) or close(a, c * zeros)):
                yield Guess(
                    "half-of-bce",
                    "one half of the binary cross-entropy: a sample teaches by -t/y and by "
                    "(1 - t)/(1 - y), and one of the two is missing [D4-L2]",
                )
                return
