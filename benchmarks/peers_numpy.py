"""NumPy: a training step as one would write it by hand, with care, for one network.

All parameters lie in one array and all gradients in another, so that the optimiser is a handful of
calls; results go into arrays that are there already where NumPy lets them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from elementwise_cases import FUNCTIONS, numbers
from numpy.typing import NDArray
from worker import Job
from workloads import CASES, Case, Product, branch_parameters, data, first_weights, in_batches

Array = NDArray[Any]


def flat(arrays: list[Array]) -> tuple[Array, list[Array]]:
    """One array that holds all of these end to end, and its views in their shapes."""
    whole = np.concatenate([array.ravel() for array in arrays])
    ends = np.cumsum([array.size for array in arrays])
    parts = np.split(whole, ends[:-1].tolist())
    return whole, [part.reshape(array.shape) for part, array in zip(parts, arrays, strict=True)]


def updater(case: Case, theta: Array, gradient: Array) -> Callable[[], None]:
    """SGD or Adam over the whole array."""
    lr = np.float32(case.lr)
    change, root = np.empty_like(theta), np.empty_like(theta)
    if case.optimizer == "sgd":

        def sgd() -> None:
            np.multiply(gradient, lr, out=change)
            np.subtract(theta, change, out=theta)

        return sgd

    m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0
    beta1, beta2 = np.float32(0.9), np.float32(0.999)

    def adam() -> None:
        nonlocal t, m, v
        t += 1
        m *= beta1
        np.multiply(gradient, 1 - beta1, out=change)
        m += change
        v *= beta2
        np.multiply(gradient, gradient, out=change)
        np.multiply(change, 1 - beta2, out=change)
        v += change
        np.sqrt(v, out=root)
        np.divide(root, np.float32((1 - 0.999**t) ** 0.5), out=root)
        np.add(root, np.float32(1e-8), out=root)
        np.divide(m, root, out=change)
        np.multiply(change, np.float32(case.lr / (1 - 0.9**t)), out=change)
        np.subtract(theta, change, out=theta)

    return adam


def sigmoid(z: Array) -> Array:
    """Stable for every z."""
    found: Array = np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * z))
    return found


def loss_and_gradient(case: Case, z: Array, y: Array) -> tuple[float, Array]:
    """The mean loss of a batch, and its gradient by the network's output z."""
    if case.loss == "mse":
        difference = z - y
        return float(np.vdot(difference, difference)) / z.size, difference * np.float32(2 / z.size)
    if case.loss == "bce":
        each = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        return float(each.mean()), (sigmoid(z) - y) * np.float32(1 / z.size)
    rows = np.arange(len(z))
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    loss = float((np.log(total)[:, 0] - shifted[rows, y]).mean())
    dz = e / total
    dz[rows, y] -= 1
    return loss, dz * np.float32(1 / len(z))


def activate(kind: str, z: Array) -> Array:
    """The hidden layer's activation, in place where that is possible."""
    if kind == "relu":
        return np.maximum(z, 0, out=z)
    return np.tanh(z, out=z) if kind == "tanh" else sigmoid(z)


def chain_step(case: Case, P: list[Array], G: list[Array]) -> Callable[[Array, Array], float]:
    """Forward and backward through layers in a chain; the gradients are left in G."""
    rng, scale = np.random.default_rng(0), np.float32(1 / (1 - case.dropout))
    layers = len(P) // 2
    assert case.hidden == "relu" or not case.dropout  # a slope is read from what dropout left

    def step(X: Array, y: Array) -> float:
        A, masks = [X], []
        for k in range(layers):
            z = A[-1] @ P[2 * k]
            z += P[2 * k + 1]
            if k < layers - 1:
                z = activate(case.hidden, z)
                if case.dropout:
                    mask = (rng.random(z.shape, dtype=np.float32) >= case.dropout) * scale
                    masks.append(mask)
                    z *= mask
            A.append(z)
        loss, dz = loss_and_gradient(case, A[-1], y)
        for k in reversed(range(layers)):
            np.matmul(A[k].T, dz, out=G[2 * k])
            np.sum(dz, axis=0, out=G[2 * k + 1])
            if k:
                dz = dz @ P[2 * k].T
                if case.hidden == "relu":
                    dz *= A[k] > 0  # also where dropout left a zero
                else:
                    dz *= A[k] * (1 - A[k])
                if case.dropout:
                    dz *= masks[k - 1]
        return loss

    return step


def branches_step(case: Case, P: list[Array], G: list[Array]) -> Callable[[Array, Array], float]:
    """Forward and backward through network h; the gradients are left in G."""
    names = list(branch_parameters(case))
    p, g = dict(zip(names, P, strict=True)), dict(zip(names, G, strict=True))

    def step(X: Array, y: Array) -> float:
        u = np.tanh(X @ p["W"] + p["b"])
        left, right = np.tanh(u @ p["S"] + p["p"]), np.tanh(u @ p["V"] + p["q"])
        joined = left * right + u
        s = np.tanh(joined @ p["S"] + p["r"])
        loss, dz = loss_and_gradient(case, s @ p["O"] + p["o"], y)
        np.matmul(s.T, dz, out=g["O"])
        np.sum(dz, axis=0, out=g["o"])
        ds = (dz @ p["O"].T) * (1 - s * s)
        np.sum(ds, axis=0, out=g["r"])
        dj = ds @ p["S"].T
        dl, dr = dj * right * (1 - left * left), dj * left * (1 - right * right)
        g["S"][...] = u.T @ dl + joined.T @ ds
        np.sum(dl, axis=0, out=g["p"])
        np.matmul(u.T, dr, out=g["V"])
        np.sum(dr, axis=0, out=g["q"])
        du = (dj + dl @ p["S"].T + dr @ p["V"].T) * (1 - u * u)
        np.matmul(X.T, du, out=g["W"])
        np.sum(du, axis=0, out=g["b"])
        return loss

    return step


def train_step(name: str, mode: str) -> Job:
    """One training step on batches that are arrays in memory."""
    case = CASES[name]
    theta, P = flat(first_weights(case))
    gradient, G = flat([np.zeros_like(array) for array in P])
    run = (branches_step if case.branches else chain_step)(case, P, G)
    update = updater(case, theta, gradient)
    batches = list(in_batches(*data(case), case))

    def step(i: int) -> float:
        loss = run(*batches[i % len(batches)])
        update()
        return loss

    return Job(step)


def matmul(key: str, mode: str) -> Job:
    """numpy.matmul into an existing result; a transpose is a view."""
    product = Product.parse(key)
    A, B = product.factors(*product.operands())
    C = np.empty((product.M, product.N), product.dtype)

    def step(i: int) -> None:
        np.matmul(A, B, out=C)

    return Job(step)


def elementwise(key: str, mode: str) -> Job:
    """A function of an array, each operation a call."""
    function, x = FUNCTIONS[key.partition(":")[0]], numbers(key)

    def step(i: int) -> None:
        function(np, x)

    return Job(step)
