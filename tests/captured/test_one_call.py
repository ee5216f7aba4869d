"""Means, normalisations and transposes inside a network leave its step one compiled call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import (
    Trainee,
    assert_same_bits,
    assert_trains_alike,
    batches,
    five_lines,
    linear,
)

import tinygrad_ed as tg
from tinygrad_ed import nn


def centred_rows(h: Any, V: Any) -> Any:
    return h - h.mean(axis=1, keepdims=True)


def layer_normalised(h: Any, V: Any) -> Any:
    d = centred_rows(h, V)
    return d / tg.sqrt((d * d).mean(axis=-1, keepdims=True) + 1e-5)


def batch_normalised(h: Any, V: Any) -> Any:
    d = h - h.mean(axis=0)
    return d / tg.sqrt((d * d).mean(axis=0) + 1e-5)


def of_unit_length(h: Any, V: Any) -> Any:
    return h / tg.sqrt((h * h).sum(axis=1, keepdims=True) + 1e-3)


def one_number_for_all(h: Any, V: Any) -> Any:
    return h * h.mean() + h.sum(axis=(0, 1), keepdims=True)


def a_transposed_weight(h: Any, V: Any) -> Any:
    return h @ V.T


def turned_and_back(h: Any, V: Any) -> Any:
    return tg.relu((h @ V).T).T


def reshaped_where_it_must_be_copied(h: Any, V: Any) -> Any:
    return (h @ V).T.reshape(8, 4) + h.reshape(4, 8).T.reshape(8, 4)


def averaged_in_three_axes(h: Any, V: Any) -> Any:
    wide = h.reshape(4, 2, 4)
    return h * wide.mean(axis=(0, 1)) + wide.sum(axis=(1, 2)).mean()


def repeated_and_averaged(h: Any, V: Any) -> Any:
    return tg.broadcast_to(h.mean(axis=0), h.shape) * h


def turned_softmax(h: Any, V: Any) -> Any:
    return tg.softmax((h @ V).T).T


MIDDLES: list[Callable[..., Any]] = [
    centred_rows, layer_normalised, batch_normalised, of_unit_length, one_number_for_all,
    a_transposed_weight, turned_and_back, reshaped_where_it_must_be_copied,
    averaged_in_three_axes, repeated_and_averaged, turned_softmax,
]  # fmt: skip


class Middle(nn.Module):
    """A layer, something between, and a layer."""

    def __init__(self, between: Callable[..., Any], dtype: str, device: str) -> None:
        options: Any = {"dtype": dtype, "device": device}
        self.first = nn.Linear(6, 4, activation="tanh", seed=0, **options)
        self.last = nn.Linear(4, 4, seed=1, **options)
        self.V = nn.Parameter(np.linspace(-1, 1, 16).reshape(4, 4), **options)
        self.between = between

    def forward(self, X: Any) -> Any:
        return self.last(self.between(self.first(X), self.V))


def trained(between: Callable[..., Any], loss: Any, dtype: str, device: str = "cpu") -> Trainee:
    model = Middle(between, dtype, device)
    optimizer = tg.optim.Adam(model.parameters(), lr=1e-2)
    return Trainee(model, [optimizer], five_lines(model, optimizer, loss))


LOSSES = {
    "mse": tg.mse,
    "a mean": lambda z, y: ((z - y) ** 2).mean(),
    "a turned mse": lambda z, y: tg.mse(z.T, y.T),
    "rows": lambda z, y: tg.mse(z.mean(axis=1), y.sum(axis=1)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("between", MIDDLES)
def test_a_step_is_one_compiled_call_and_gives_the_same_bits(
    between: Callable[..., Any], dtype: str
) -> None:
    steps = batches(8, 8, 6, "real", dtype)
    for loss in LOSSES.values():
        eager, fused, plain = (trained(between, loss, dtype) for _ in range(3))
        fused.call, plain.call = tg.capture(fused.step), tg.capture(plain.step, fuse=False)
        assert_trains_alike(eager, fused, steps)
        for batch in steps:
            plain.call(*batch)
        assert_same_bits(eager.numbers, plain.numbers)
        for step in (fused.call, plain.call):
            assert step.program.formulas == 0 and len(step.program.parts) == 1, step.program


@pytest.mark.parametrize("between", MIDDLES)
def test_the_numbers_are_those_of_the_formulas(between: Callable[..., Any]) -> None:
    for loss in LOSSES.values():
        ours, formulas = (trained(between, loss, "float64", d) for d in ("cpu", "numpy"))
        for X, y in batches(8, 8, 6, "real", "float64"):
            ours.step(X, y)
            formulas.step(X.to("numpy"), y.to("numpy"))
        for a, b in zip(ours.numbers, formulas.numbers, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_gradient_that_reaches_its_leaf_transposed_or_spread() -> None:
    """Nothing stands between the leaf and the op whose gradient is a view."""
    W = nn.Parameter(np.arange(12.0).reshape(3, 4), device="cpu")
    b = nn.Parameter(np.arange(4.0), device="cpu")
    optimizer = tg.optim.SGD([W, b], lr=0.1)

    def step(X: Any) -> Any:
        loss = (X @ W.T).sum() + W.sum() + b.mean() + (W * b).mean()
        optimizer.zero_grad()
        loss.backward()
        return loss, W.grad, b.grad

    captured = tg.capture(step)
    for X, _ in batches(5, 8, 4):
        assert_same_bits(step(X), captured(X))
    assert captured.program.whole is not None


def test_an_axis_in_the_middle_and_an_empty_batch_follow_their_formula() -> None:
    layer = linear(6, 8, 1)

    def step(X: Any) -> Any:
        h = layer(X).reshape(-1, 4, 2)
        return tg.grad((h.mean(axis=1) * h.sum(axis=(0, 2))[0]).mean(axis=0).sum(), layer.W)

    captured = tg.capture(step)
    for X, _ in batches(4, 8, 6):
        assert_same_bits(step(X), captured(X))
