"""Random bits as a function of the position: Philox-4x32-10, and dropout on top of it.

The formula is `ops/random.py`'s, and so is every bit: the random number of an entry depends on the
seed, the call and the entry's place in C order alone, so the mask is the same for any number of
threads and on every device, and the backward pass draws it again instead of storing it. One counter
gives the words of four entries.

Idea. Ten rounds of two 32-bit multiplications each, whose 64-bit products are all that mixes the
bits. Every number lives in a 64-bit lane; what is above its lower half is left as rubbish, since
the next multiplication looks at the lower half only. So a round is two multiplications, two shifts
and two three-way exclusive ors, for eight counters at a time. Only the counter's lower half differs
from entry to entry: what the first two rounds make of the rest is computed once before the loop.

Prediction. About 17 multiplications and 35 other operations for 32 entries, and as much again to
lead the words to their entries.

Next bottleneck. The same: the arithmetic of the ten rounds, not memory.

Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

import numpy as np
from numba import njit

from ..operands import Flat, FlatOut, Int, Part, Parts, Real
from .compiling import kernel
from .polynomials import EXACT
from .products.views import stretch

LOW = np.uint64(0xFFFFFFFF)
WORD = np.uint64(32)
FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)

SHARED = 16
"""Entries are shared out to threads in multiples of this."""


@njit(**EXACT)
def words(low, high, call, seed):  # type: ignore[no-untyped-def]
    """Four times 32 random bits: the output for the counter (low, high, call, 0) and key `seed`.

    All four are uint64; `low`, `high` and `call` below 2^32. The results are uint64 below 2^32.
    """
    x0, x1, x2, x3 = low, high, call, np.uint64(0)
    k0, k1 = seed & LOW, seed >> WORD
    for _ in range(10):
        p0, p1 = (x0 & LOW) * FACTORS[0], (x2 & LOW) * FACTORS[1]
        x0, x1, x2, x3 = (p1 >> WORD) ^ x1 ^ k0, p1, (p0 >> WORD) ^ x3 ^ k1, p0
        k0, k1 = k0 + KEY_STEPS[0], k1 + KEY_STEPS[1]
    return x0 & LOW, x1 & LOW, x2 & LOW, x3 & LOW


@kernel(split="self", equal=("x = y",), exact=True)
def dropout(x: Flat, y: FlatOut, p: Real, seed: Int, call: Int, part: Part, parts: Parts) -> None:
    """y = x / (1 - p) where the entry is kept, with probability 1 - p, and 0 elsewhere.

    The gradient is the same function of the upstream gradient.

    Shapes: x, y (n,), entry i of the array in C order at i.
    """
    # Shares of whole counters, four entries each.
    share = ((x.size + SHARED - 1) // SHARED + parts - 1) // parts * SHARED
    done, end = min(x.size, part * share), min(x.size, (part + 1) * share)
    threshold = np.uint64(p * 4294967296.0)
    kept, zero = x.dtype.type(1.0 - p), x.dtype.type(0)
    key, calls = np.uint64(seed), np.uint64(call) & LOW
    while end - done >= 4:
        block = np.uint64(done // 4)
        low, high = block & LOW, block >> WORD
        # As far as the counter's upper half stays what it is.
        n = min((end - done) // 4, np.int64(LOW - low) + 1)
        source, target = stretch(x, done, 4 * n), stretch(y, done, 4 * n)
        for i in range(n):
            w0, w1, w2, w3 = words(low + np.uint64(i), high, calls, key)
            target[4 * i] = source[4 * i] / kept if w0 >= threshold else zero
            target[4 * i + 1] = source[4 * i + 1] / kept if w1 >= threshold else zero
            target[4 * i + 2] = source[4 * i + 2] / kept if w2 >= threshold else zero
            target[4 * i + 3] = source[4 * i + 3] / kept if w3 >= threshold else zero
        done += 4 * n
    if done < end:  # the last entries, which do not fill a counter's four words
        block = np.uint64(done // 4)
        last = words(block & LOW, block >> WORD, calls, key)
        for i in range(end - done):
            y[done + i] = x[done + i] / kept if last[i] >= threshold else zero
