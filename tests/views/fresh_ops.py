# mypy: ignore-errors
"""Ops as people write them, for the tests that print them: each kind of Python that may stand in
one. An op is made from a forward formula and its VJP, and runs on x and k of shape (4,).
"""

from typing import Any

import numpy as np

import tinygrad_ed as tg

RUNS: dict[str, Any] = {}


def made(forward, backward):
    made_op = tg.op(forward)
    made_op.vjp(backward)
    return made_op


def runs(forward, backward, **params):
    op = made(forward, backward)
    RUNS[forward.__name__] = lambda x, k: op(x, k, **params)


def product(dy, y, x, k):
    return dy * k, dy * x


OPTIONS = {"power": 2.0}
RATE = 3.0


# --- writing into arrays and views -----------------------------------------------------------


def writes_a_view(x, k):
    return x * k


def writes_a_view_vjp(dy, y, x, k):
    da = np.zeros_like(x)
    head = da[:2]
    head[...] = (dy * k)[:2]
    tail = da[2:]
    tail[...] = (dy * k)[2:]
    return da, dy * x


runs(writes_a_view, writes_a_view_vjp)


def fill(out, value):
    out[...] = value
    return 1.0


def reads_then_writes(x, k):
    out = x * 1
    return np.sum(out) + fill(out, k) + np.sum(out)


def reads_then_writes_vjp(dy, y, x, k):
    return dy * np.ones_like(x), dy * np.ones_like(k)


runs(reads_then_writes, reads_then_writes_vjp)


def returns_what_it_wrote(x, k):
    out = np.zeros_like(x)
    out[...] = 0.5
    out[...] = x * k
    return out[...]


runs(returns_what_it_wrote, product)


def appends(x, k):
    parts = []
    parts.append(x * k)
    parts.append(x)
    return np.concatenate(parts)[:4]


runs(appends, product)


def pops(x, k):
    parts = [1.0, 2.0]
    last = parts.pop()
    return x * k * last * parts[0]


def pops_vjp(dy, y, x, k):
    return dy * k * 2.0, dy * x * 2.0


runs(pops, pops_vjp)


# --- what helpers are called with, and what they ask ------------------------------------------


def to_power(x, power=1.0):
    return x**power


def keywords_from_a_dict(x, k):
    return to_power(x, **OPTIONS) * k


def keywords_from_a_dict_vjp(dy, y, x, k):
    return dy * 2 * x * k, dy * to_power(x, **OPTIONS)


runs(keywords_from_a_dict, keywords_from_a_dict_vjp)


def asks_isinstance(x, k):
    return x * k if isinstance(x, np.ndarray) else x * 0


def asks_type(x, k):
    if type(x) is np.ndarray:
        return x * k
    return x * 0


def asks_hasattr(x, k):
    return x * k if hasattr(x, "flags") else x * 0


def asks_getattr(x, k):
    flags = getattr(x, "flags", None)
    return x * 0 if flags is None else x * k


def is_array(x):
    try:
        return x.flags is not None
    except Exception:
        return False


def asks_by_trying(x, k):
    return x * k if is_array(x) else x * 0


def same(x, k):
    return x * k * (2 if x is k else 1)


for question in (asks_isinstance, asks_type, asks_hasattr, asks_getattr, asks_by_trying, same):
    runs(question, product)


def own_parameter_of_a_lambda(x, k):
    scale = lambda RATE: RATE * 2  # noqa: E731
    return x * k * scale(0.5)


def lambda_in_place(x, k):
    return (lambda RATE: RATE * k)(x)


def comprehension(x, k):
    return np.sum(np.stack([x * entry for entry in (k, 2 * k)]), axis=0) / 3


def walrus(x, k):
    return (z := x * k) + 0 * z


def nested_def(x, k):
    def inner(a):
        return a * k

    return inner(x)


def imports_inside(x, k):
    import math

    from numpy import multiply as times

    return times(x, k) * math.cos(0)


for function in (
    own_parameter_of_a_lambda,
    lambda_in_place,
    comprehension,
    walrus,
    nested_def,
    imports_inside,
):
    runs(function, product)


def known_ahead(x, k):
    return x * k * sum([RATE for RATE in (1.0, 2.0)]) * RATE


def helper_in_a_list(x, k):
    return sum(to_power(e, power=3) for e in (x, k)) * 0 + x * k


def shadows(x, k):
    scale = _scale(2)
    for _ in range(1):
        x = x * scale
    return x * k


def scale(x):
    return x * 3.0


_scale = scale


def out_is_written(x, k):
    buffer = np.empty_like(x)
    np.multiply(x, k, out=buffer)
    y = buffer + 0
    np.add.at(buffer, np.array([0, 0]), 5.0)
    buffer.fill(7)
    return y


def twice(x, k):
    return three_times(x * k) + three_times(k * x)


def three_times(a):
    for _ in range(2):
        a = a + a
    return a


def either(x, k):
    return x * k if np.any(x > 100) else three_times(x) * k


for function in (known_ahead, helper_in_a_list, shadows, out_is_written, twice, either):
    runs(function, product)
