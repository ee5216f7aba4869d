"""Randomness as a formula: a counter-based generator, and dropout on top of it.

The random number of an entry is a pure function of (seed, call, position of the entry in C order):
no state, no order of execution, so every device, thread and tile draws the same mask, and the
backward pass recomputes it instead of storing it.
"""

import numpy as np

from .registry import Array, rule

_LOW = 0xFFFFFFFF


def philox(counter: Array, call: int, seed: int) -> Array:
    """Four times 32 random bits per counter: Philox-4x32-10 (Salmon et al. 2011).

    The four counter words are (counter low, counter high, call, 0) and the key is the 64-bit seed.

    Shapes: counter (n,) uint64 -> (n, 4) uint64 below 2^32.
    """
    x0, x1 = counter & _LOW, counter >> 32
    x2, x3 = 0 * counter + (call & _LOW), 0 * counter
    k0, k1 = seed & _LOW, (seed >> 32) & _LOW
    for _ in range(10):
        p0, p1 = x0 * 0xD2511F53, x2 * 0xCD9E8D57
        x0, x1, x2, x3 = (p1 >> 32) ^ x1 ^ k0, p1 & _LOW, (p0 >> 32) ^ x3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    return np.stack([x0, x1, x2, x3], axis=-1)


def keep_mask(x: Array, p: float, seed: int, call: int) -> Array:
    """True with probability 1 - p for each entry of x, by its position in C order.

    Counter 0 gives the words of the first four entries, counter 1 those of the next four, and so
    on.
    """
    counter = np.cumsum(np.ones_like(x, shape=((x.size + 3) // 4,), dtype="uint64")) - 1
    words = philox(counter, call, seed).reshape(-1)[: x.size]
    return (words >= int(p * 2**32)).reshape(x.shape)


@rule(source="Srivastava et al. 2014; D4-P1")
def dropout(x: Array, *, p: float, seed: int, call: int = 0) -> Array:
    """Zero with probability p, x / (1 - p) otherwise, so that the expectation stays x."""
    return np.where(keep_mask(x, p, seed, call), x / (1 - p), 0)


@dropout.vjp
def _(dy: Array, y: Array, x: Array, *, p: float, seed: int, call: int) -> Array:
    return dropout(dy, p=p, seed=seed, call=call)


@dropout.check
def _(x: Array, *, p: float, seed: int, call: int) -> None:
    if not 0 <= p < 1:
        raise ValueError(f"dropout: p is the chance of a zero and must lie in [0, 1), got {p}")
