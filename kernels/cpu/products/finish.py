"""What follows a product, as a pass over its result: bias, activation, slope of an activation.

    C = f(C + bias)        or        C = C * f'(y)

The slopes are written in the activation's own value: ReLU 1 where y > 0
and 0 elsewhere, sigmoid y (1 - y), tanh 1 - y².
Every operation rounds on its own (nothing is contracted), so a product that does some of this in
registers gives the same bits as one that leaves it all to this pass.
"""

from numba import njit

from ..elementary import sigmoid, tanh
from .views import INNER, address_of, line, size_of

ACTIVATIONS = {None: 0, "relu": 1, "sigmoid": 2, "tanh": 3}
"""The codes of `activation` and of `gate_kind`."""


@njit(**INNER)
def _add(row, bias):  # type: ignore[no-untyped-def]
    """In place: row + bias."""
    for j in range(row.size):
        row[j] += bias[j]


@njit(**INNER)
def _activate(row, activation):  # type: ignore[no-untyped-def]
    """In place: f(row)."""
    zero = row.dtype.type(0)
    if activation == 1:
        for j in range(row.size):
            z = row[j]
            row[j] = z if z > zero or z != z else zero  # NaN stays NaN
    elif activation == 2:
        for j in range(row.size):
            row[j] = sigmoid(row[j])
    else:
        for j in range(row.size):
            row[j] = tanh(row[j])


@njit(**INNER)
def _times_slope(row, y, kind):  # type: ignore[no-untyped-def]
    """In place: row * f'(z), written with y = f(z)."""
    zero, one = row.dtype.type(0), row.dtype.type(1)
    if kind == 1:
        for j in range(row.size):
            row[j] = row[j] if y[j] > zero else zero
    elif kind == 2:
        for j in range(row.size):
            row[j] = row[j] * y[j] * (one - y[j])
    else:
        for j in range(row.size):
            row[j] *= one - y[j] * y[j]


@njit(**INNER)
def finish(C, bias, activation, gate, gate_kind):  # type: ignore[no-untyped-def]
    """In place: C + bias (unless bias is empty), the activation, times the slope at `gate`.

    Shapes: C (M, N) with unit column stride, bias (N,) or (0,), gate (M, N) or empty, any strides.
    """
    like = C.dtype.type(0)
    size = size_of(like)
    M, N = C.shape
    for i in range(M):
        row = line(like, address_of(C) + i * C.strides[0], N)
        # Views with the stride known beforehand where it is 1: only then are the loops vectors.
        if bias.size and bias.strides[0] == size:
            _add(row, line(like, address_of(bias), N))
        elif bias.size:
            _add(row, bias)
        if activation:
            _activate(row, activation)
        if gate_kind and gate.strides[1] == size:
            _times_slope(row, line(like, address_of(gate) + i * gate.strides[0], N), gate_kind)
        elif gate_kind:
            _times_slope(row, gate[i], gate_kind)
