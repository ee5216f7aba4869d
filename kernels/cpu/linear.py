"""A whole layer on the CPU: A = f(X W + b) forward, and all three gradients backward.

Idea. The products go through `matmul`; what is left (adding b, the activation, its slope, the sum
over the batch for db) is one pass over the rows each, instead of one pass for every NumPy call.

Prediction. For narrow layers the passes cost as much as the products; one pass halves that.

Next bottleneck. The pass reads the product back from memory: fuse it into the product's last block.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from .compiling import compiled
from .matmul import matmul

Array = np.ndarray[Any, Any]

ACTIVATIONS = {None: 0, "relu": 1, "sigmoid": 2, "tanh": 3}


def _finish(Z, b, has_bias, activation):  # type: ignore[no-untyped-def]
    """In place: Z + b, then the activation."""
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    for n in range(Z.shape[0]):
        row = Z[n]
        if has_bias:
            for h in range(row.size):
                row[h] += b[h]
        if activation == 1:
            for h in range(row.size):
                z = row[h]
                row[h] = z if z > zero or z != z else zero  # NaN stays NaN
        elif activation == 2:
            for h in range(row.size):
                e = math.exp(-abs(row[h]))
                row[h] = (one if row[h] >= zero else e) / (one + e)
        elif activation == 3:
            for h in range(row.size):
                row[h] = math.tanh(row[h])


def _start(dY, Y, dZ, db, activation):  # type: ignore[no-untyped-def]
    """dZ = dY f'(Z), written with Y = f(Z), and db = its sum over the batch."""
    zero, one = dZ.dtype.type(0), dZ.dtype.type(1)
    for h in range(db.size):
        db[h] = zero
    for n in range(dZ.shape[0]):
        row = dZ[n]
        for h in range(row.size):
            y, dy = Y[n, h], dY[n, h]
            if activation == 1:
                row[h] = dy * (one if y > zero else zero)
            elif activation == 2:
                row[h] = dy * y * (one - y)
            elif activation == 3:
                row[h] = dy * (one - y * y)
            else:
                row[h] = dy
        for h in range(row.size):
            db[h] += row[h]


@functools.cache
def _compiled(name: str, dtype: np.dtype[Any]) -> Callable[..., None]:
    """One of the passes for one number type, compiled once per machine."""
    number = getattr(types, dtype.name)
    ordered, vector = types.Array(number, 2, "C"), types.Array(number, 1, "C")
    strided = types.Array(number, 2, "A", readonly=True)
    strided_vector = types.Array(number, 1, "A", readonly=True)
    if name == "finish":
        return compiled(types.void(ordered, strided_vector, types.boolean, types.int64), _finish)
    return compiled(types.void(strided, strided, ordered, vector, types.int64), _start)


def forward(X: Array, W: Array, b: Array | None, activation: str | None) -> Array:
    """A = f(X W + b).

    Shapes: X (N, D), W (D, H), b (H,) or None -> (N, H); float32 or float64, any strides.
    """
    Z = matmul(X, W, np.empty((X.shape[0], W.shape[1]), X.dtype))
    bias = np.empty(0, X.dtype) if b is None else b
    _compiled("finish", X.dtype)(Z, bias, b is not None, ACTIVATIONS[activation])
    return Z


def backward(
    dY: Array, Y: Array, X: Array, W: Array, activation: str | None, need_dX: bool, need_dW: bool
) -> tuple[Array | None, Array | None, Array]:
    """dX = dZ Wᵀ, dW = Xᵀ dZ, db = Σ_n dZ, with dZ = dY f'(Z).

    Shapes: dY, Y (N, H), X (N, D), W (D, H) -> (N, D), (D, H), (H,).
    """
    dZ, db = np.empty(dY.shape, X.dtype), np.empty(W.shape[1], X.dtype)
    _compiled("start", X.dtype)(dY, Y, dZ, db, ACTIVATIONS[activation])
    dX = matmul(dZ, W.T, np.empty(X.shape, X.dtype)) if need_dX else None
    dW = matmul(X.T, dZ, np.empty(W.shape, X.dtype)) if need_dW else None
    return dX, dW, db
