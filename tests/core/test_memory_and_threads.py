"""Memory and threads: long chains, many steps, no cycles, four models at once."""

import gc
import resource
import sys
import threading
import weakref

import numpy as np

import tinygrad_ed as tg


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(np.array(values, dtype=np.float64), requires_grad=True)


def test_a_chain_of_100_000_ops_goes_backward_and_is_freed() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    last = weakref.ref(y)
    y.backward()
    assert x.grad is not None and x.grad.item() == 1.0
    del y
    assert last() is None


def test_freeing_a_wide_and_deep_graph_does_not_recurse() -> None:
    limit = sys.getrecursionlimit()
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * x
    del y
    assert sys.getrecursionlimit() == limit


def test_graph_memory_is_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(*range(8))
        nodes = []
        y = tg.sigmoid(x)
        nodes.append(weakref.ref(y))
        loss = (y * y).sum()
        nodes.append(weakref.ref(loss))
        tg.grad(loss, x, create_graph=True)
        loss.backward()
        del y, loss
        assert [ref() for ref in nodes] == [None, None]
    finally:
        gc.enable()


def test_100_000_training_steps_do_not_grow_memory() -> None:
    w = leaf(1.0, 2.0)
    x, t = tg.tensor(np.array([[0.5, 0.25]])), tg.tensor(np.array([1.0]))

    def steps(n: int) -> None:
        for _ in range(n):
            loss = tg.mse(x @ w, t)
            w.grad = None
            loss.backward()
            assert w.grad is not None
            with tg.no_grad():
                w.data = w.numpy() - 0.01 * w.grad.numpy()

    steps(2_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    steps(100_000)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 8 * 1024


def test_four_threads_train_four_models_with_right_gradients() -> None:
    def train(seed: int) -> np.ndarray:  # type: ignore[type-arg]
        rng = np.random.default_rng(seed)
        X, t = rng.standard_normal((16, 3)), rng.standard_normal((16, 1))
        w = tg.tensor(rng.standard_normal((3, 1)), requires_grad=True)
        for _ in range(200):
            w.grad = None
            tg.mse(tg.tensor(X) @ w, tg.tensor(t)).backward()
            assert w.grad is not None
            np.testing.assert_allclose(
                w.grad.numpy(), 2 / 16 * X.T @ (X @ w.numpy() - t), rtol=1e-10, atol=1e-13
            )
            with tg.no_grad():
                w -= 0.05 * w.grad
        return w.numpy().copy()

    alone = [train(seed) for seed in range(4)]
    together: dict[int, np.ndarray] = {}  # type: ignore[type-arg]
    threads = [
        threading.Thread(target=lambda s=s: together.__setitem__(s, train(s))) for s in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        np.testing.assert_array_equal(together[seed], alone[seed])
