"""JAX: the whole step compiled, and an epoch of steps in one compiled call."""

import os
from typing import Any

from place import DEVICE, TF32

os.environ["JAX_PLATFORMS"] = "cuda" if DEVICE == "cuda" else "cpu"

import jax
import jax.numpy as jnp
from elementwise_cases import FUNCTIONS, numbers
from jax import lax
from worker import Job
from workloads import CASES, Case, Product, branch_parameters, data, in_batches, orders
from workloads import first_weights as weights_of

Params = Any
configuration: Any = jax.config
if DEVICE == "cuda":  # without it float32 products are TF32 ones
    configuration.update("jax_default_matmul_precision", "tensorfloat32" if TF32 else "highest")
wait: Any = jax.block_until_ready
ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}


def dropped(case: Case, A: Any, key: Any) -> Any:
    """Dropout with the generator that JAX has by default."""
    keep = jax.random.bernoulli(key, 1 - case.dropout, A.shape)
    return jnp.where(keep, A / (1 - case.dropout), jnp.zeros_like(A))


def logits(case: Case, params: Params, X: Any, key: Any) -> Any:
    """The network's output."""
    if case.branches:
        P = dict(zip(branch_parameters(case), params, strict=True))
        u = jnp.tanh(X @ P["W"] + P["b"])
        left = jnp.tanh(u @ P["S"] + P["p"])
        right = jnp.tanh(u @ P["V"] + P["q"])
        joined = left * right + u
        return jnp.tanh(joined @ P["S"] + P["r"]) @ P["O"] + P["o"]
    A = X
    for k in range(0, len(params), 2):
        A = A @ params[k] + params[k + 1]
        if k + 2 < len(params):
            A = ACTIVATIONS[case.hidden](A)
            if case.dropout:
                key, of_this_layer = jax.random.split(key)
                A = dropped(case, A, of_this_layer)
    return A


def loss_of(case: Case, params: Params, X: Any, y: Any, key: Any) -> Any:
    """The mean loss of a batch."""
    z = logits(case, params, X, key)
    if case.loss == "mse":
        return jnp.mean((z - y) ** 2)
    if case.loss == "bce":
        return jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z))))
    chosen = jnp.take_along_axis(z, y[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - chosen)


def update(case: Case, params: Params, memory: Params, gradient: Params, t: Any) -> Any:
    """SGD or Adam, over the list of parameters."""
    if case.optimizer == "sgd":
        return [p - case.lr * g for p, g in zip(params, gradient, strict=True)], memory
    beta1, beta2, eps = 0.9, 0.999, 1e-8
    m = [beta1 * m + (1 - beta1) * g for m, g in zip(memory[0], gradient, strict=True)]
    v = [beta2 * v + (1 - beta2) * g * g for v, g in zip(memory[1], gradient, strict=True)]
    rate = case.lr / (1 - beta1**t)
    root = jnp.sqrt(1 - beta2**t)
    moved = [
        p - rate * m / (jnp.sqrt(v) / root + eps) for p, m, v in zip(params, m, v, strict=True)
    ]
    return moved, [m, v]


def one_step(case: Case, state: Any, X: Any, y: Any) -> Any:
    """(parameters, moments, number of the step, key), a batch -> the next state, the loss."""
    params, memory, t, key = state
    t, (key, of_this_step) = t + 1, jax.random.split(key)
    loss, gradient = jax.value_and_grad(lambda p: loss_of(case, p, X, y, of_this_step))(params)
    params, memory = update(case, params, memory, gradient, t)
    return (params, memory, t, key), loss


def train_step(name: str, mode: str) -> Job:
    """A step ("jit") or an epoch in the order that is given ("scan") as one compiled call."""
    case = CASES[name]
    params = [jnp.asarray(p) for p in weights_of(case)]
    zeros = [[jnp.zeros_like(p) for p in params] for _ in range(2)]
    holder = [(params, zeros, jnp.float32(0), jax.random.PRNGKey(0))]
    X, y = data(case)

    def jit() -> Job:
        compiled = jax.jit(lambda state, X, y: one_step(case, state, X, y), donate_argnums=0)
        batches = [(jnp.asarray(X), jnp.asarray(y)) for X, y in in_batches(X, y, case)]

        def step(i: int) -> Any:
            holder[0], loss = compiled(holder[0], *batches[i % len(batches)])
            return loss

        return Job(step, finish=lambda: wait(holder[0]))

    def scan() -> Job:
        @jax.jit
        def epoch(state: Any, X: Any, y: Any, order: Any) -> Any:
            def body(state: Any, rows: Any) -> Any:
                return one_step(case, state, X[rows], y[rows])

            return lax.scan(body, state, order.reshape(-1, case.batch))

        X_all, y_all = jnp.asarray(X), jnp.asarray(y)
        rows = [jnp.asarray(order) for order in orders(case)]

        def step(i: int) -> Any:
            holder[0], losses = epoch(holder[0], X_all, y_all, rows[i % len(rows)])
            return losses

        finish = lambda: wait(holder[0])  # noqa: E731
        return Job(step, per_call=case.batches, finish=finish, warm=2)

    return scan() if mode == "scan" else jit()


def matmul(key: str, mode: str) -> Job:
    """A compiled product; a transpose is part of it."""
    product = Product.parse(key)
    # Without it a float64 product would silently be a float32 one; with it, a training step would
    # draw its dropout in float64.
    configuration.update("jax_enable_x64", product.dtype == "float64")
    A, B = map(jnp.asarray, product.operands())

    @jax.jit
    def compiled(A: Any, B: Any) -> Any:
        left, right = product.factors(A, B)
        return left @ right

    return _repeated(lambda: compiled(A, B))


def elementwise(key: str, mode: str) -> Job:
    """A function as one compiled call."""
    x = jnp.asarray(numbers(key))
    compiled = jax.jit(lambda x: FUNCTIONS[key.partition(":")[0]](jnp, x))
    return _repeated(lambda: compiled(x))


def _repeated(call: Any) -> Job:
    """A call whose result nobody needs; the clock stops when the last one is there."""
    last: list[Any] = [None]

    def step(i: int) -> None:
        last[0] = call()

    return Job(step, finish=lambda: wait(last[0]))
