"""Products: `matmul`, and `linear`, a whole layer as one node.

Batch rows: `Z = X W + b` with X (N, D), W (D, H), b (H,), so `W` is (in, out) [D1-F1]. The
documents 000, 002 and 004 write one sample as a column, `z = W x + b`; theirs is our W transposed.
"""

import numpy as np

from ..errors import DTypeError, ShapeError
from .activations import relu, relu_vjp, sigmoid, sigmoid_vjp, tanh, tanh_vjp
from .index.rules import linear_rule, product_rule
from .registry import Array, rule
from .shape import expand_dims, squeeze


def _refuse_mixed_floats(name: str, a: Array, b: Array) -> None:
    """A product in two precisions is nearly always a mistake: name both instead of promoting."""
    if a.dtype != b.dtype and "f" in (a.dtype.kind, b.dtype.kind):
        raise DTypeError(
            f"{name}: the operands are {a.dtype} and {b.dtype}; a product does not mix number "
            f"types. Convert one of them: x.astype({str(b.dtype)!r})"
        )


@rule(
    source="D1-F1",
    called="matmul",
    symbol="Z",
    starts_layer=True,
    index=product_rule,
)
def matrix_product(A: Array, B: Array) -> Array:
    """Z = A B for matrices, and for stacks of matrices along leading axes that broadcast.

    Shapes: A (..., N, D), B (..., D, H) -> (..., N, H).
    """
    return A @ B


@matrix_product.vjp
def _(dZ: Array, Z: Array, A: Array, B: Array) -> Array:
    return dZ @ np.swapaxes(B, -1, -2), np.swapaxes(A, -1, -2) @ dZ


@matrix_product.check
def _(A: Array, B: Array) -> None:
    _refuse_mixed_floats("matmul", A, B)
    if A.ndim < 2 or B.ndim < 2 or A.shape[-1] != B.shape[-2]:
        raise ShapeError(
            f"matmul: shapes {A.shape} @ {B.shape} do not fit: the last axis of the first "
            f"({A.shape[-1] if A.ndim else 'none'}) must equal the last but one of the second"
        )


def matmul(a: Array, b: Array) -> Array:
    """A @ b by NumPy's rules: a vector on the left is a row, on the right a column [D1-F1].

    Shapes: (..., N, D) @ (..., D, H) -> (..., N, H); (D,) @ (D, H) -> (H,); (N, D) @ (D,) -> (N,);
        (D,) @ (D,) -> ().

    Raises:
        ShapeError: The inner sizes differ, or an operand has no axis.
        DTypeError: Two different floating types; both are named.
    """
    shapes = [x.shape if hasattr(x, "shape") else np.shape(x) for x in (a, b)]
    if len(shapes[0]) == 2 == len(shapes[1]) and shapes[0][1] == shapes[1][0]:
        return matrix_product(a, b)
    if not shapes[0] or not shapes[1]:
        raise ShapeError(
            f"matmul: shapes {shapes[0]} @ {shapes[1]}: a number has no axis to sum over; use *"
        )
    if shapes[0][-1] != shapes[1][max(0, len(shapes[1]) - 2)]:
        raise ShapeError(
            f"matmul: shapes {shapes[0]} @ {shapes[1]} do not fit: the last axis of the first "
            f"({shapes[0][-1]}) must equal the axis of the second that it meets "
            f"({shapes[1][max(0, len(shapes[1]) - 2)]})"
        )
    row = expand_dims(a, axis=0) if len(shapes[0]) == 1 else a
    column = expand_dims(b, axis=-1) if len(shapes[1]) == 1 else b
    product = matrix_product(row, column)
    if len(shapes[1]) == 1:
        product = squeeze(product, axis=-1)
    if len(shapes[0]) == 1:
        product = squeeze(product, axis=-1 if len(shapes[1]) == 1 else -2)
    return product


ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}
"""What `linear` can apply in the same node: activations whose slope follows from their value."""


@rule(
    source="D1-F1",
    symbol=lambda params: "A" if params["activation"] else "Z",
    starts_layer=True,
    index=linear_rule,
)
def linear(X: Array, W: Array, b: Array | None = None, *, activation: str | None = None) -> Array:
    """A = f(X W + b): product, bias and activation as one node of the tape.

    `activation` is None, "relu", "sigmoid" or "tanh".

    Shapes: X (N, D), W (D, H), b (H,) or None -> (N, H).

    Raises:
        ShapeError: X, W and b do not fit; all three shapes are named.
        DTypeError: Different floating types.
        ValueError: An activation that this op does not fuse.
    """
    Z = X @ W if b is None else X @ W + b
    if activation == "relu":
        return relu(Z)
    if activation == "sigmoid":
        return sigmoid(Z)
    if activation == "tanh":
        return tanh(Z)
    return Z


@linear.vjp
def _(dY: Array, Y: Array, X: Array, W: Array, b: Array, *, activation: str | None) -> Array:
    if activation == "relu":
        dZ = relu_vjp(dY, Y, None)
    elif activation == "sigmoid":
        dZ = sigmoid_vjp(dY, Y, None)
    elif activation == "tanh":
        dZ = tanh_vjp(dY, Y, None)
    else:
        dZ = dY
    return dZ @ np.swapaxes(W, 0, 1), np.swapaxes(X, 0, 1) @ dZ, np.sum(dZ, axis=0)


@linear.composed
def _(X: Array, W: Array, b: Array | None = None, *, activation: str | None = None) -> Array:
    Z = matmul(X, W) if b is None else matmul(X, W) + b
    return Z if activation is None else ACTIVATIONS[activation](Z)


@linear.check
def _(X: Array, W: Array, b: Array | None = None, *, activation: str | None = None) -> None:
    bias = () if b is None else b.shape
    if (
        X.ndim != 2
        or W.ndim != 2
        or X.shape[1] != W.shape[0]
        or (b is not None and bias != W.shape[1:])
    ):
        raise ShapeError(
            f"linear: X {X.shape} @ W {W.shape}{'' if b is None else f' + b {bias}'} do not fit: "
            f"X is (N, D), W is (D, H), in then out, and b is (H,)"
        )
    if activation is not None and activation not in ACTIVATIONS:
        raise ValueError(
            f"linear: unknown activation {activation!r}; one of None, "
            f"{', '.join(map(repr, ACTIVATIONS))}, or apply another one to the result"
        )
    _refuse_mixed_floats("linear", X, W)
    if b is not None:
        _refuse_mixed_floats("linear", X, b)
