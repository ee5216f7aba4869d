"""One training step written out by hand: what tape and optimiser do for two layers."""

from typing import Any

import numpy as np

from ..ops import sigmoid

Array = Any


def training_step(
    X: Array, T: Array, W1: Array, b1: Array, W2: Array, b2: Array, *, lr: float
) -> tuple[Array, Array, Array, Array]:
    """One step of gradient descent for two sigmoid layers: forward, backward, update.

    The loss is the binary cross-entropy, summed over outputs and averaged over samples, so
    dL/dZ2 = (Y - T) / N [D3-B1]; then dW = Aᵀ dZ, db = Σ dZ, dA = dZ Wᵀ [D3-B2], and
    W <- W - lr dW [D3-U1].

    Args:
        X, T: Samples and their targets.
        W1, b1, W2, b2: Weights and biases of the two layers.
        lr: Learning rate.

    Returns:
        The new W1, b1, W2 and b2.

    Shapes:
        X (N, D), T (N, K), W1 (D, H), b1 (H,), W2 (H, K), b2 (K,).

    Source:
        [D3-E1], with the samples of a batch as rows.
    """
    A1 = sigmoid(X @ W1 + b1)
    Y = sigmoid(A1 @ W2 + b2)

    dZ2 = (Y - T) / len(X)
    dW2 = A1.T @ dZ2
    db2 = np.sum(dZ2, axis=0)
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * A1 * (1 - A1)
    dW1 = X.T @ dZ1
    db1 = np.sum(dZ1, axis=0)

    W1 = W1 - lr * dW1
    b1 = b1 - lr * db1
    W2 = W2 - lr * dW2
    b2 = b2 - lr * db2
    return W1, b1, W2, b2
