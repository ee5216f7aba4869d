"""What `tinygrad-ed xray` runs kernels on: the network just trained, or numbers of given sizes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Operands = tuple[Any, ...]

BATCH = 32
"""Rows of the network's step."""
SIDE = 64
"""What a size is that was not given beside others that were."""
NETWORK = "in the network of `tinygrad-ed train` after an epoch"


class Product(NamedTuple):
    """One product of a training step: its formula, and the kernel's operands but for C."""

    formula: str
    A: Array
    B: Array
    bias: Array | None = None
    activation: int = 0
    gate: Array | None = None
    gate_kind: int = 0


def _batch_and_layers() -> tuple[Array, Array, list[Any]]:
    from .data import breast_cancer
    from .nn import Sequential
    from .train.binary import train_binary

    found = train_binary(breast_cancer(), device="numpy", epochs=1, progress=False)
    assert isinstance(found.model, Sequential)
    return found.data.X_train[:BATCH], found.data.y_train[:BATCH], list(found.model)


def products() -> dict[str, Product]:
    """The products of the next training step: Z1, Z2, Z3, dW3, dZ2, dW2, dZ1, dW1."""
    X, t, layers = _batch_and_layers()
    found: dict[str, Product] = {}
    A, of = [X], ["X"]
    for n, layer in enumerate(layers, 1):
        W, b, hidden = layer.W.numpy(), layer.b.numpy(), n < len(layers)
        formula = f"{of[-1]} W{n} + b{n}"
        formula = f"A{n} = relu({formula})" if hidden else f"Z{n} = {formula}"
        found[f"Z{n}"] = Product(formula, A[-1], W, b, int(hidden))
        Z = A[-1] @ W + b
        A.append(np.maximum(Z, 0) if hidden else Z)
        of.append(f"A{n}")
    dZ = (1 / (1 + np.exp(-A[-1])) - t) / np.float32(len(X))
    for n in range(len(layers), 0, -1):
        found[f"dW{n}"] = Product(f"dW{n} = {of[n - 1]}ᵀ dZ{n}", A[n - 1].T, dZ)
        if n > 1:
            WT, gate = layers[n - 1].W.numpy().T, A[n - 1]
            formula = f"dZ{n - 1} = dZ{n} W{n}ᵀ where {of[n - 1]} > 0"
            found[f"dZ{n - 1}"] = Product(formula, dZ, WT, None, 0, gate, 1)
            dZ = (dZ @ WT) * (gate > 0)
    return found


def product_operands(
    name: str | None, sizes: tuple[int | None, ...], dtype: str
) -> tuple[str, Operands]:
    """Which product it is, in words, and the kernel's operands.

    Args:
        name: One of the network's; None: the first.
        sizes: M, K and N of another one, of random numbers; all None for the network's.
        dtype: The number type.

    Raises:
        ValueError: The network has no such product; those that it has are listed.
    """
    if any(sizes):
        M, K, N = (size or SIDE for size in sizes)
        rng = np.random.default_rng(0)
        found, where = Product("C = A B", rng.normal(size=(M, K)), rng.normal(size=(K, N))), ""
    else:
        of_network, name, where = products(), name or "Z1", f", {NETWORK}"
        if name not in of_network:
            raise ValueError(f"the network has no product {name!r}; it has {', '.join(of_network)}")
        found = of_network[name]

    def typed(array: Array | None) -> Array | None:
        return None if array is None else array.astype(dtype, order="K")  # a view stays transposed

    C = np.empty((len(found.A), found.B.shape[1]), dtype)
    what = f"{found.formula}, {found.A.shape} @ {found.B.shape}{where}"
    given = typed(found.A), typed(found.B), C, typed(found.bias), found.activation
    return what, (*given, typed(found.gate), found.gate_kind)


def matrix_operands(kernel: str, sizes: tuple[int | None, ...], dtype: str) -> tuple[str, Operands]:
    """What a kernel of `DRAWN` works on, in words, and its operands.

    Args:
        kernel: Its name.
        sizes: Rows and columns; all None for the first hidden layer of the network.
        dtype: The number type.
    """
    if any(sizes):
        M, N = (size or SIDE for size in sizes)
        what, x = "normal numbers", np.random.default_rng(0).normal(size=(M, N))
    else:
        what, x = f"A1, {NETWORK}", products()["Z2"].A
    return f"{what}, {x.shape}", DRAWN[kernel](x.astype("uint8" if kernel == "gather" else dtype))


def _loss(x: Array) -> tuple[Array, Array, Array]:
    """A place for the loss, one for the gradient, and the loss's own gradient, 1."""
    return np.zeros(1, x.dtype), np.zeros_like(x), np.ones(1, x.dtype)


DRAWN: dict[str, Callable[[Array], Operands]] = {
    "slope": lambda x: (0 * x, x, x, 1),
    "slope_of_dropped": lambda x: (0 * x, x, x, 0.5),
    "advance": lambda x: (np.zeros(1, np.int64), 1),
    "dropout": lambda x: (x, 0 * x, 0.5, 0, 0),
    "gather": lambda x: (0 * x, x, np.arange(len(x))[::-1].copy(), 0, len(x)),
    "ordered": lambda x: (0 * x, x.T),
    "sum_all": lambda x: (x, x[0, :1].copy(), 0),
    "sum_columns": lambda x: (x, x[:, 0].copy(), x.shape[1], 0),
    "sum_rows": lambda x: (x, x[0].copy(), 0),
    "spread": lambda x: (0 * x, x[0].copy(), x.shape[1], 0),
    "softmax_rows": lambda x: (x, 0 * x, x.shape[1]),
    "softmax_rows_vjp": lambda x: (0 * x, x, x, x.shape[1]),
    "log_softmax_rows": lambda x: (x, 0 * x, x.shape[1]),
    "log_softmax_rows_vjp": lambda x: (0 * x, x, x, x.shape[1]),
    "bce_with_logits": lambda x: (x, (x > 0).astype(x.dtype), *_loss(x), 1.0, 1),
    "mse": lambda x: (x, 0 * x, *_loss(x), 1),
    "cross_entropy_labels": lambda x: (
        *(x, np.arange(len(x)) % x.shape[1], *_loss(x), x.shape[1], 1),
    ),
}
"""Kernel -> its operands, made from a matrix (M, N)."""
