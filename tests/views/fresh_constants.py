# mypy: ignore-errors
"""Ops that use what stands outside them: constants, other modules, defaults; and ops that cannot
be printed, with the reason.
"""

import functools
import math
from collections import namedtuple
from typing import Any

import numpy
import numpy as np
from numpy import exp, linalg
from views.fresh_ops import made, product, runs, to_power

REFUSED: dict[str, tuple[Any, str]] = {}


def refused(forward, backward, reason, **params):
    op = made(forward, backward)
    REFUSED[forward.__name__] = (lambda x, k: op(x, k, **params)), reason


TABLE = np.array([1.0, 2.0, 3.0, 4.0])
BIG = np.arange(4000.0)
INFINITE = np.float32(np.inf)
ARRAYS = {"a": TABLE}
RATE = 3.0


# --- constants --------------------------------------------------------------------------------


def table_in_a_copy(x, k):
    total = x * 0
    for row in range(2):
        total = total + x * k * TABLE * row
    return total


def table_vjp(dy, y, x, k):
    return dy * k * TABLE, dy * x * TABLE


def big_table_in_a_copy(x, k):
    for _ in range(1):
        x = x * k * BIG[4:8]
    return x


def table_in_line(x, k):
    return x * k * TABLE


runs(table_in_a_copy, table_vjp)
runs(big_table_in_a_copy, table_vjp)
runs(table_in_line, table_vjp)


def in_a_closure(table):
    def closed_over(x, k):
        for _ in range(1):
            x = x * k * table
        return x

    def closed_over_vjp(dy, y, x, k):
        return dy * k * table, dy * x * table

    runs(closed_over, closed_over_vjp)


in_a_closure(TABLE * 2)


def infinite(x, k):
    return np.minimum(x * k, INFINITE)


def numpy_in_full(x, k):
    return numpy.exp(numpy.multiply(x, k)) * numpy.pi


def exp_by_name(x, k):
    return exp(x * k) / linalg.norm(TABLE)


def default_array(x, k, *, table=TABLE):
    for _ in range(1):
        x = x * k * table
    return x


def default_array_vjp(dy, y, x, k, *, table):
    return dy * k * table, dy * x * table


for function in (infinite, numpy_in_full, exp_by_name):
    runs(function, product)
runs(default_array, default_array_vjp)

n = 2.0


def late(x, factor=n):
    for _ in range(1):
        x = x * factor
    return x


def late_default(x, k):
    return late(x) * k


runs(late_default, product)
n = 100.0


def ufunc_as_parameter(x, k, *, f, kind):
    return f(x * k).astype(kind)


def ufunc_vjp(dy, y, x, k, *, f, kind):
    return dy * k, dy * x


runs(ufunc_as_parameter, ufunc_vjp, f=np.tanh, kind=np.float64)


# --- what cannot be printed -------------------------------------------------------------------

Pair = namedtuple("Pair", "a b")
PAIR = Pair(1.0, 2.0)
generator = np.random.default_rng(0)


def dict_of_arrays(x, k):
    return x * k * ARRAYS["a"]


def named_pair(x, k):
    for _ in range(1):
        x = x * k * PAIR.a
    return x


def other_module(x, k):
    return x * math.fsum(k)


def draws(x, k):
    return x * k * generator.random()


def both_own_and_global(x, k):
    total = x * RATE
    return total * sum([RATE * k for RATE in (1.0, 2.0)])


def changes_a_global(x, k):
    global RATE
    RATE = 3.0
    return x * k


@functools.wraps(to_power)
def wrapping(x):
    return x * 2


def uses_a_wrapper(x, k):
    return wrapping(x) * k


def imports_its_own(x, k):
    import tinygrad_ed

    return x * k * len(tinygrad_ed.__name__)


hidden = lambda x: x * 2  # noqa: E731


def uses_a_lambda(x, k):
    return hidden(x) * k


refused(dict_of_arrays, product, "dict of arrays")
refused(named_pair, product, "PAIR: the constant Pair.* cannot be printed")
refused(other_module, product, "module math; only numpy")
refused(draws, product, "generator.*cannot be printed")
refused(both_own_and_global, product, "RATE both for a variable of its own and for a global")
refused(changes_a_global, product, "assigns the global RATE")
refused(uses_a_wrapper, product, "wrapped by a decorator")
refused(imports_its_own, product, "imports tinygrad_ed; only numpy")
refused(uses_a_lambda, product, "a lambda cannot be read")
