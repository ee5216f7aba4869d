"""Random bits as a function of the position: Philox-4x32-10, and dropout on top of it.

The formula is `ops/random.py`'s, and so is every bit: the random number of an entry depends on the
seed, the call and the entry's place in C order alone, so the mask is the same for any number of
threads and on every device, and the backward pass draws it again instead of storing it.

Idea. Ten rounds of two 32-bit multiplications each, whose 64-bit products are all that mixes the
bits. Every number lives in a 64-bit lane; what is above its lower half is left as rubbish, since
the next multiplication looks at the lower half only. So a round is two multiplications, two shifts
and two three-way exclusive ors, for eight entries at a time. Only the counter's lower half differs
from entry to entry: what the first two rounds make of the rest is computed once before the loop.

Prediction. About 17 multiplications and 35 other operations for eight entries.

Next bottleneck. The same: the arithmetic of the ten rounds, not memory.

Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from typing import Any

import numpy as np
from numba import njit

from .polynomials import EXACT

LOW = np.uint64(0xFFFFFFFF)
WORD = np.uint64(32)
FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

Number = Any


@njit(**EXACT)
def first_word(low, high, call, seed):  # type: ignore[no-untyped-def]
    """32 random bits: the first output word for the counter (low, high, call, 0), key `seed`.

    All four are uint64; `low`, `high` and `call` below 2^32. The result is a uint64 below 2^32.
    """
    x0, x1, x2, x3 = low, high, call, np.uint64(0)
    k0, k1 = seed & LOW, seed >> WORD
    for _ in range(10):
        p0, p1 = (x0 & LOW) * FACTORS[0], (x2 & LOW) * FACTORS[1]
        x0, x1, x2, x3 = (p1 >> WORD) ^ x1 ^ k0, p1, (p0 >> WORD) ^ x3 ^ k1, p0
        k0, k1 = k0 + KEY_STEPS[0], k1 + KEY_STEPS[1]
    return x0 & LOW


def dropout(x, y, p, seed, call, start):  # type: ignore[no-untyped-def]
    """y = x / (1 - p) where the entry is kept, with probability 1 - p, and 0 elsewhere.

    The gradient is the same function of the upstream gradient. `start` is the place of x[0] in C
    order in the whole array, for a caller that computes a part of it.

    Shapes: x, y (n,) in C order, float32 or float64.
    """
    threshold = np.uint64(p * 4294967296.0)
    kept, zero = x.dtype.type(1.0 - p), x.dtype.type(0)
    key, calls = np.uint64(seed), np.uint64(call) & LOW
    done = 0
    while done < x.size:
        place = np.uint64(start + done)
        low, high = place & LOW, place >> WORD
        # As far as the counter's upper half stays what it is.
        n = min(x.size - done, np.int64(LOW - low) + 1)
        source, target = x[done : done + n], y[done : done + n]
        for i in range(n):
            word = first_word(low + np.uint64(i), high, calls, key)
            target[i] = source[i] / kept if word >= threshold else zero
        done += n
