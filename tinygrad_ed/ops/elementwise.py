"""Elementwise rules: arithmetic, powers, exponentials, comparisons.

Shapes broadcast as in NumPy. Each VJP is written for equal shapes: where an operand was broadcast,
the tape sums its gradient over the axes it was spread along, as a step of its own.
"""

from functools import partial

import numpy as np

from .registry import Array, rule

elementwise = partial(rule, elementwise=True)


@elementwise()
def add(a: Array, b: Array) -> Array:
    """y = a + b."""
    return a + b


@add.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    return dy, dy


@elementwise()
def subtract(a: Array, b: Array) -> Array:
    """y = a - b."""
    return a - b


@subtract.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    return dy, -dy


@elementwise()
def multiply(a: Array, b: Array) -> Array:
    """y = a * b, entry by entry."""
    return a * b


@multiply.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    return dy * b, dy * a


@elementwise()
def divide(a: Array, b: Array) -> Array:
    """y = a / b."""
    return a / b


@divide.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    return dy / b, -dy * y / b


@elementwise()
def negative(x: Array) -> Array:
    """y = -x."""
    return -x


@negative.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return -dy


@elementwise()
def constant_power(x: Array, *, n: float) -> Array:
    """y = x^n with a plain number n: n x^(n-1) needs no logarithm, so any x will do."""
    return x**n


@constant_power.vjp
def _(dy: Array, y: Array, x: Array, *, n: float) -> Array:
    if n == 0:
        return 0 * dy
    if n == 2:
        return dy * (2 * x)
    return dy * (n * x ** (n - 1))


@elementwise()
def power(a: Array, b: Array) -> Array:
    """y = a^b with both varying; the slope in b needs a > 0 (or a = 0 < b)."""
    return a**b


@power.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    flat = np.logical_and(a == 0, b == 0)  # there b a^(b-1) would be 0 times infinity
    slope_in_a = b * a ** np.where(flat, 0, b - 1)
    slope_in_b = np.where(a == 0, 0, y * np.log(np.where(a == 0, 1, a)))
    return dy * slope_in_a, dy * slope_in_b


@elementwise()
def exp(x: Array) -> Array:
    """y = e^x."""
    return np.exp(x)


@exp.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy * y


@elementwise()
def expm1(x: Array) -> Array:
    """y = e^x - 1, exact for small x too."""
    return np.expm1(x)


@expm1.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy * (y + 1)


@expm1.textbook
def _(x: Array) -> Array:
    return np.exp(x) - 1


@elementwise()
def log(x: Array) -> Array:
    """y = ln x, for x > 0."""
    return np.log(x)


@log.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy / x


@elementwise()
def log1p(x: Array) -> Array:
    """y = ln(1 + x), exact for small x too, for x > -1."""
    return np.log1p(x)


@log1p.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy / (1 + x)


@log1p.textbook
def _(x: Array) -> Array:
    return np.log(1 + x)


@elementwise()
def sqrt(x: Array) -> Array:
    """y = √x; its slope at 0 is infinite."""
    return np.sqrt(x)


@sqrt.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy / (2 * y)


@elementwise()
def square(x: Array) -> Array:
    """y = x²."""
    return x * x


@square.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy * (2 * x)


@elementwise()
def absolute(x: Array) -> Array:
    """y = |x|; the slope at the kink is taken as 0."""
    return np.abs(x)


@absolute.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy * np.sign(x)


@absolute.textbook
def _(x: Array) -> Array:
    return np.sqrt(x * x)


@elementwise()
def sin(x: Array) -> Array:
    """y = sin x."""
    return np.sin(x)


@sin.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return dy * np.cos(x)


@elementwise()
def cos(x: Array) -> Array:
    """y = cos x."""
    return np.cos(x)


@cos.vjp
def _(dy: Array, y: Array, x: Array) -> Array:
    return -dy * np.sin(x)


@elementwise()
def maximum(a: Array, b: Array) -> Array:
    """y = max(a, b); where they tie, each gets half of the gradient."""
    return np.maximum(a, b)


@maximum.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    tied = np.where(a == b, dy / 2, 0)
    return np.where(a > b, dy, tied), np.where(b > a, dy, tied)


@elementwise()
def minimum(a: Array, b: Array) -> Array:
    """y = min(a, b); where they tie, each gets half of the gradient."""
    return np.minimum(a, b)


@minimum.vjp
def _(dy: Array, y: Array, a: Array, b: Array) -> Array:
    tied = np.where(a == b, dy / 2, 0)
    return np.where(a < b, dy, tied), np.where(b < a, dy, tied)


@elementwise()
def clip(x: Array, *, low: float, high: float) -> Array:
    """y = min(max(x, low), high); the slope is 1 from low to high, both included."""
    return np.minimum(np.maximum(x, low), high)


@clip.vjp
def _(dy: Array, y: Array, x: Array, *, low: float, high: float) -> Array:
    return dy * ((x >= low) & (x <= high))


@clip.check
def _(x: Array, *, low: float, high: float) -> None:
    if not low <= high:
        raise ValueError(f"clip needs low <= high, got low={low}, high={high}")


@elementwise()
def where(condition: Array, a: Array, b: Array) -> Array:
    """y = a where the condition holds, else b; the condition carries no gradient."""
    return np.where(condition, a, b)


@where.vjp
def _(dy: Array, y: Array, condition: Array, a: Array, b: Array) -> Array:
    return None, np.where(condition, dy, 0), np.where(condition, 0, dy)


@elementwise()
def astype(x: Array, *, dtype: str) -> Array:
    """y = x as another floating type; the gradient is cast back."""
    return x.astype(dtype)


@astype.vjp
def _(dy: Array, y: Array, x: Array, *, dtype: str) -> Array:
    return dy
