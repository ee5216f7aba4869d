"""Elementary functions of one number, made so that a plain loop over them becomes vector code.

Idea. The C library's functions are calls, and a loop with a call in it stays scalar. These have no
call and no branch: the argument is reduced with a few multiply-adds and bit operations, a
polynomial does the rest, special cases are selections. The compiler then runs the loop with 4 to 16
numbers at a time. In a kernel they serve float32 and float64; in plain Python they are NumPy's.

Prediction. `exp` of float32 takes about a dozen multiply-adds: around a number a cycle.

Next bottleneck. Memory, for a loop that does nothing else.

Errors are in units in the last place (ULP) of the exact result, over all arguments of the type.
NaN gives NaN, infinities and signed zeros are NumPy's. Denormal results are rounded correctly
where the processor keeps denormals, and 0 where it flushes them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from .polynomials import (
    DOUBLE,
    EXACT,
    SINGLE,
    Constants,
    fma,
    halves,
    lowest_bits,
    polynomial,
    power_of_two,
    split,
    to_real,
    with_sign,
)

Number = Any
"""float32 or float64 in a kernel; anything NumPy takes in plain Python."""

Build = Callable[[Constants], Callable[..., Any]]


def compiled_as(function: Callable[..., Any]) -> Callable[[Build], Build]:
    """Registers what a function of one number is in a kernel, built from its type's constants."""

    def register(build: Build) -> Build:
        def choose(x):  # type: ignore[no-untyped-def]
            if x == types.float32:
                return build(SINGLE)
            return build(DOUBLE) if x == types.float64 else None

        overload(function, jit_options=EXACT)(choose)
        return build

    return register


def exp(x: Number) -> Number:
    """e^x = 2^n e^r with n = round(x / ln 2); within 1 ULP."""
    return np.exp(x)


def expm1(x: Number) -> Number:
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1); within 2 ULP."""
    return np.expm1(x)


def log(x: Number) -> Number:
    """Ln x = k ln 2 + ln m with √½ <= m < √2; within 1 ULP; -inf at 0, NaN below."""
    return np.log(x)


def log1p(x: Number) -> Number:
    """ln(1 + x), without rounding 1 + x; within 1.5 ULP; -inf at -1, NaN below."""
    return np.log1p(x)


def tanh(x: Number) -> Number:
    """tanh x: a polynomial near 0, 1 - 2 / (e^2x + 1) elsewhere; within 1.5 ULP."""
    return np.tanh(x)


def sigmoid(x: Number) -> Number:
    """σ(x) = (1 if x >= 0 else e) / (1 + e) with e = e^-|x|, as in the op; within 2 ULP.

    The formula alone, rounded step by step, is off by up to 2.3: here the rounding of 1 + e and of
    the division is taken back. (Processors without a multiply-add stay within 2.5.)
    """
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x: Number) -> Number:
    """ln(1 + e^x) = max(x, 0) + log1p(e^-|x|), as in the op; within 2 ULP."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sin(x: Number) -> Number:
    """Sin x by the C library, one number at a time; within 1 ULP."""
    return np.sin(x)


def cos(x: Number) -> Number:
    """Cos x by the C library, one number at a time; within 1 ULP."""
    return np.cos(x)


def absolute(x: Number) -> Number:
    """|x|, exact."""
    return np.absolute(x)


def sign(x: Number) -> Number:
    """-1, 0 or 1; NaN of NaN."""
    return np.sign(x)


def maximum(a: Number, b: Number) -> Number:
    """The larger of two numbers of one type; NaN if either is NaN."""
    return np.maximum(a, b)


def minimum(a: Number, b: Number) -> Number:
    """The smaller of two numbers of one type; NaN if either is NaN."""
    return np.minimum(a, b)


def where(condition: Any, a: Number, b: Number) -> Number:
    """`a` where the condition holds, else `b`; both have been computed, so nothing branches."""
    return np.where(condition, a, b)


@njit(**EXACT)
def _reduced(C, x):  # type: ignore[no-untyped-def]
    """n, r and e^r - 1 - r, where x = n ln 2 + r and n is an integer."""
    shifted = fma(x, C.log2_e, C.shift)
    n = shifted - C.shift
    rough = fma(n, -C.ln2_high, x)
    r = fma(n, -C.ln2_low, rough)
    lost = fma(n, -C.ln2_low, rough - r)  # what rounding r took away
    return lowest_bits(shifted, C.shift), r, fma(r * r, polynomial(r, C.expm1), lost)


@njit(**EXACT)
def _log_of(C, k, f):  # type: ignore[no-untyped-def]
    """ln(2^k (1 + f)) for √½ <= 1 + f < √2: with s = f / (2 + f), ln(1 + f) = 2 atanh s."""
    s = f / (C.two + f)
    z = s * s
    h = C.half * f * f
    rest = fma(s, fma(z, polynomial(z, C.log), h), k * C.ln2_low)
    return fma(k, C.ln2_high, f - (h - rest))


@compiled_as(exp)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        x = C.exp_high if C.exp_high < x else x  # written so that NaN stays
        x = C.exp_low if x < C.exp_low else x
        n, r, rest = _reduced(C, x)
        y = C.one + r
        y = y + ((r - (y - C.one)) + rest)  # 1 + r + rest with almost no error but the last
        # 2^n in two factors, normal numbers even where 2^n is none: a result out of range becomes
        # infinite or denormal in the last multiplication, with one rounding.
        first, second = halves(n)
        return y * power_of_two(first, x) * power_of_two(second, x)

    return implementation


@compiled_as(expm1)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        y = C.exp_high if C.exp_high < x else x
        y = C.expm1_low if y < C.expm1_low else y
        n, r, rest = _reduced(C, y)
        p = r + rest
        # Half of the result first, since 2^n itself is out of range for the largest arguments.
        scale = power_of_two(n - 1, x)
        y = C.two * fma(p, scale, scale - C.half)
        return with_sign(p if n == 0 else y, x)

    return implementation


@compiled_as(log)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        denormal = x < C.smallest_normal
        k, m = split(x * C.grow if denormal else x)
        k = to_real(k, x) - (C.grow_exponent if denormal else C.zero)
        y = _log_of(C, k, m - C.one)
        y = y if x < C.inf else x  # infinity and NaN
        y = -C.inf if x == C.zero else y
        return C.nan if x < C.zero else y

    return implementation


@compiled_as(log1p)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        k, _ = split(C.one + x)
        # f = 2^-k (1 + x) - 1 from x itself, so that nothing of a small x is lost.
        first, second = halves(k)
        scale, rest = power_of_two(-first, x), power_of_two(-second, x)
        f = fma(x * scale, rest, scale * rest - C.one)
        y = with_sign(_log_of(C, to_real(k, x), f), x)  # -0 stays -0
        y = y if x < C.inf else x
        y = -C.inf if x == -C.one else y
        return C.nan if x < -C.one else y

    return implementation


@compiled_as(tanh)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        a = abs(x)
        z = a * a
        near = fma(a * z, polynomial(z, C.tanh), a)
        far = C.one - C.two / (exp(a + a) + C.one)
        return with_sign(near if a < C.tanh_near else far, x)

    return implementation


@compiled_as(sigmoid)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        e = exp(-abs(x))
        top, bottom = C.one if x >= C.zero else e, C.one + e
        lost = e - (bottom - C.one)  # what rounding 1 + e took away
        inverse = C.one / bottom
        y = top * inverse
        remainder = fma(-y, lost, fma(-y, bottom, top))
        return fma(remainder, inverse, y)

    return implementation


@compiled_as(softplus)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        return maximum(x, C.zero) + log1p(exp(-abs(x)))

    return implementation


@compiled_as(sin)
def _(C: Constants) -> Callable[..., Any]:
    return lambda x: math.sin(x)


@compiled_as(cos)
def _(C: Constants) -> Callable[..., Any]:
    return lambda x: math.cos(x)


@compiled_as(absolute)
def _(C: Constants) -> Callable[..., Any]:
    return lambda x: abs(x)


@compiled_as(sign)
def _(C: Constants) -> Callable[..., Any]:
    def implementation(x):  # type: ignore[no-untyped-def]
        y = C.one if x > C.zero else x  # 0 and NaN are as they were
        y = -C.one if x < C.zero else y
        return C.zero if x == C.zero else y

    return implementation


@overload(maximum, jit_options=EXACT)
def _(a, b):  # type: ignore[no-untyped-def]
    if a == b and isinstance(a, types.Float):
        return lambda a, b: b if (a < b) | (b != b) else a
    return None


@overload(minimum, jit_options=EXACT)
def _(a, b):  # type: ignore[no-untyped-def]
    if a == b and isinstance(a, types.Float):
        return lambda a, b: b if (b < a) | (b != b) else a
    return None


@overload(where, jit_options=EXACT)
def _(condition, a, b):  # type: ignore[no-untyped-def]
    return lambda condition, a, b: a if condition else b
