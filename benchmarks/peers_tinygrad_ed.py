"""Ourselves, by public names only: captured, an epoch a call, and eager."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from elementwise_cases import FUNCTIONS, numbers
from mnist_files import Digits
from worker import Job
from workloads import (
    CASES,
    Array,
    Case,
    Product,
    branch_parameters,
    data,
    first_weights,
    in_batches,
    orders,
)

import tinygrad_ed as tg

DEVICE = "cpu"
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "bce": tg.bce_with_logits,
    "ce": tg.cross_entropy,
    "mse": tg.mse,
}
OPTIMISERS: dict[str, Callable[..., tg.optim.Optimizer]] = {
    "sgd": tg.optim.SGD,
    "adam": tg.optim.Adam,
}
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": tg.relu,
    "sigmoid": tg.sigmoid,
    "tanh": tg.tanh,
}


def chain(case: Case) -> tg.nn.Module:
    """Linear layers with their activations inside, and dropout between them."""
    weights = first_weights(case)
    layers: list[tg.nn.Module] = []
    for k in range(0, len(weights), 2):
        W, b = weights[k], weights[k + 1]
        hidden = k + 2 < len(weights)
        activation = case.hidden if hidden else None
        layers.append(tg.nn.Linear.from_torch_layout(W.T, b, activation=activation, device=DEVICE))
        if hidden and case.dropout:
            layers.append(tg.nn.Dropout(case.dropout, seed=k))
    return tg.nn.Sequential(*layers)


class Separate(tg.nn.Module):
    """The same chain with a matrix product, a sum and an activation as operators of their own."""

    def __init__(self, case: Case) -> None:
        self.parts = [tg.nn.Parameter(array, device=DEVICE) for array in first_weights(case)]
        self.activation = ACTIVATIONS[case.hidden]
        self.dropout = tg.nn.Dropout(case.dropout, seed=0)

    def forward(self, X: Any) -> Any:
        """Shapes: X (N, inputs) -> (N, outputs)."""
        last = len(self.parts) - 2
        for k in range(0, len(self.parts), 2):
            X = X @ self.parts[k] + self.parts[k + 1]
            if k < last:
                X = self.dropout(self.activation(X))
        return X


class Branches(tg.nn.Module):
    """Network h of `workloads.branch_parameters`; `separate` as in `Separate`."""

    def __init__(self, case: Case, separate: bool) -> None:
        for name, array in branch_parameters(case).items():
            setattr(self, name, tg.nn.Parameter(array, device=DEVICE))
        self.separate = separate

    def layer(self, X: Any, W: Any, b: Any) -> Any:
        """tanh(X W + b)."""
        if self.separate:
            return tg.tanh(X @ W + b)
        return tg.linear(X, W, b, activation="tanh")

    def forward(self, X: Any) -> Any:
        """Shapes: X (N, 32) -> (N, 4)."""
        p: Any = self
        u = self.layer(X, p.W, p.b)
        left, right = self.layer(u, p.S, p.p), self.layer(u, p.V, p.q)
        joined = left * right + u
        s = self.layer(joined, p.S, p.r)
        return s @ p.O + p.o if self.separate else tg.linear(s, p.O, p.o)


def network(case: Case, separate: bool) -> tg.nn.Module:
    """The network of a case; `separate` as in `Separate`."""
    if case.branches:
        return Branches(case, separate)
    return Separate(case) if separate else chain(case)


def step_of(case: Case, model: tg.nn.Module) -> Callable[[Any, Any], Any]:
    """The five-line loop's body: forward, loss, zero_grad, backward, step."""
    optimizer = OPTIMISERS[case.optimizer](model.parameters(), lr=case.lr)
    loss_of = LOSSES[case.loss]

    def step(X: Any, y: Any) -> Any:
        loss = loss_of(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def train_step(name: str, mode: str) -> Job:
    """One checked call a step on tensors in memory, or one call an epoch."""
    case = CASES[name]
    step = step_of(case, network(case, separate=mode == "eager-separate"))
    if mode in ("captured", "epoch"):
        step = tg.capture(step)
    if mode == "epoch":
        return epochs(step, case, *data(case))
    batches = [
        (tg.tensor(X, device=DEVICE), tg.tensor(y, device=DEVICE))
        for X, y in in_batches(*data(case), case)
    ]

    def one(i: int) -> Any:
        return step(*batches[i % len(batches)])

    return Job(one)


def epochs(step: Any, case: Case, X: Array, y: Array) -> Job:
    """An epoch a call, in a new order each time; the losses of its steps come back."""
    rows = orders(case)

    def one(i: int) -> Array:
        return np.asarray(step.run(X, y, rows[i % len(rows)], batch_size=case.batch))

    return Job(one, per_call=case.batches, warm=2)


def matmul(key: str, mode: str) -> Job:
    """A rung of the ladder on arrays, or `A @ B` of tensors, which makes its result."""
    product = Product.parse(key)
    A, B = product.operands()
    if mode == "operator":
        a, b = tg.tensor(A, device=DEVICE), tg.tensor(B, device=DEVICE)

        def operator(i: int) -> None:
            with tg.no_grad():
                left, right = product.factors(a, b)
                left @ right

        return Job(operator)
    if os.environ["TINYGRAD_ED_THREADS"] != "1":
        return in_the_engine(mode, *product.factors(A, B))
    from tinygrad_ed.kernels.cpu.products import multiply  # compiles: only this way needs it

    flip_a, flip_b = product.transposed
    C = np.empty((product.M, product.N), product.dtype)

    def rung(i: int) -> None:
        multiply(A, B, C, trans_a=flip_a, trans_b=flip_b, rung=mode)

    return Job(rung, warm=2)


def in_the_engine(rung: str, A: Array, B: Array) -> Job:
    """A rung as the engine runs it, which is what shares a product out to threads."""
    a, b = tg.tensor(A, device=DEVICE), tg.tensor(B, device=DEVICE)

    def step(i: int) -> None:
        with tg.use_kernel("matmul", rung), tg.no_grad():
            a @ b

    return Job(step)


def elementwise(key: str, mode: str) -> Job:
    """A function of a tensor: each operation a node, or all of them captured."""
    function, x = FUNCTIONS[key.partition(":")[0]], tg.tensor(numbers(key), device=DEVICE)

    def eager(x: Any) -> Any:
        with tg.no_grad():
            return function(tg, x)

    run = tg.capture(lambda x: function(tg, x)) if mode == "captured" else eager

    def step(i: int) -> None:
        run(x)

    return Job(step)


def mnist(name: str, mode: str) -> Job:
    """An epoch of network d over all images, shuffled."""
    case = CASES["d"]
    train, test = Digits.load("train"), Digits.load("t10k")
    model = chain(case)
    step = step_of(case, model)
    captured = tg.capture(step) if mode == "captured" else None
    X, y = train.pixels(), train.labels
    rng = np.random.default_rng(0)

    def epoch(i: int) -> None:
        order = rng.permutation(len(y))
        if captured is not None:
            captured.run(X, y, order, batch_size=case.batch)
            return
        for k in range(0, len(y), case.batch):
            rows = order[k : k + case.batch]
            step(tg.tensor(X[rows], device=DEVICE), tg.tensor(y[rows], device=DEVICE))

    def score() -> float:
        with tg.nn.evaluation(model), tg.no_grad():
            z = model(tg.tensor(test.pixels(), device=DEVICE)).numpy()
        return float((z.argmax(axis=1) == test.labels).mean())

    return Job(epoch, warm=0, score=score)
