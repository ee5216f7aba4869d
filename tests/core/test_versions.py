"""Whoever shares storage shares the version; learners' own VJPs; back ends made by many threads."""

import threading

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.backends import select


def leaf(*shape: int) -> tg.Tensor:
    values = np.random.default_rng(0).standard_normal(shape)
    return tg.tensor(values, requires_grad=True)


@tg.op
def same(x):  # type: ignore[no-untyped-def]
    return x


@same.vjp
def _(dy, y, x):  # type: ignore[no-untyped-def]
    return dy


@pytest.mark.parametrize("view", [np.squeeze, same, lambda c: c.T, lambda c: c.reshape(2, 3)])
def test_a_result_that_shares_its_operands_storage_shares_its_version(view) -> None:  # type: ignore[no-untyped-def]
    c, w = tg.ones((2, 3), dtype="float64"), leaf(2, 3)
    seen = view(c)
    loss = (w.reshape(*seen.shape) * seen).sum()
    c[...] = 5.0
    with pytest.raises(tg.TapeError, match="changed in place"):
        loss.backward()


def op_with_vjp(vjp):  # type: ignore[no-untyped-def]
    @tg.op
    def own(a, b):  # type: ignore[no-untyped-def]
        return a * b

    own.vjp(vjp)
    return own


def test_too_few_gradients_are_counted() -> None:
    own = op_with_vjp(lambda dy, y, a, b: (dy * b,))
    with pytest.raises(tg.TapeError, match="own returned 1 gradients for 2 operands"):
        own(leaf(2), leaf(2)).sum().backward()


def test_a_list_of_gradients_and_plain_numbers_will_do() -> None:
    own = op_with_vjp(lambda dy, y, a, b: [dy * b, 1.0])
    a, b = leaf(), leaf()
    own(a, b).backward()
    assert a.grad is not None and b.grad is not None
    assert a.grad.item() == b.item() and b.grad.item() == 1.0


def test_threads_that_ask_for_a_device_at_once_get_one_back_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "_made", {})
    barrier, found = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        found.append(select.get_backend("numpy"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(backend) for backend in found}) == 1
