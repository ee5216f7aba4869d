"""Ourselves, by public names only: captured, an epoch a call, and eager."""

import functools
import os
from typing import Any

import numpy as np
from elementwise_cases import FUNCTIONS, numbers
from mnist_files import Digits
from networks import chain, network, step_of, waiting
from place import DEVICE, TF32
from worker import Job
from workloads import CASES, Array, Case, Product, data, in_batches, orders

import tinygrad_ed as tg


def train_step(name: str, mode: str) -> Job:
    """One checked call a step on tensors in memory, or one call (on a GPU one launch) an epoch."""
    case, (way, _, rung) = CASES[name], mode.partition("-on-")
    if rung or TF32:
        on_rung(rung or "tf32")
    step = step_of(case, network(case, DEVICE, separate=way == "eager-separate"))
    if way in ("captured", "epoch", "persistent"):
        step = tg.capture(step, device=DEVICE, persistent=way == "persistent")
    if way in ("epoch", "persistent"):
        return epochs(step, case, *data(case))
    batches = [
        (tg.tensor(X, device=DEVICE), tg.tensor(y, device=DEVICE))
        for X, y in in_batches(*data(case), case)
    ]

    def one(i: int) -> Any:
        return step(*batches[i % len(batches)])

    return Job(one, finish=waiting(DEVICE))


@functools.cache
def on_rung(rung: str) -> None:
    """Products of this process take a rung of the ladder from now on.

    A context entered and left around each step would cost a captured one its short way.
    """
    tg.use_kernel("matmul", rung).__enter__()


def epochs(step: Any, case: Case, X: Array, y: Array) -> Job:
    """An epoch a call, in a new order each time; the losses of its steps come back."""
    rows, (X_all, y_all) = orders(case), (tg.tensor(a, device=DEVICE) for a in (X, y))

    def one(i: int) -> Array:
        return np.asarray(step.run(X_all, y_all, rows[i % len(rows)], batch_size=case.batch))

    return Job(one, per_call=case.batches, finish=waiting(DEVICE), warm=2)


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
    model = chain(case, DEVICE)
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
