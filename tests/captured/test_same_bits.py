"""The same bits eager, captured, with and without fusions, call by call or in one run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from captured.twins import (
    Trainee,
    assert_same_bits,
    assert_trains_alike,
    batches,
    branches,
    classifier,
    separate,
    twins,
)

import tinygrad_ed as tg
from tinygrad_ed import nn

DTYPES = ["float32", "float64"]
NETWORKS: dict[str, tuple[Callable[..., Trainee], tuple[Any, ...]]] = {
    "c": (classifier, (32, 30, "bce")),
    "h": (branches, (32, 32, "real")),
    "c, separate operators": (separate, (32, 30, "bce")),
    "h, separate operators": (lambda dtype: branches(dtype, separate=True), (32, 32, "real")),
}


def deep(dtype: str) -> Trainee:
    """Network d."""
    return classifier(dtype, sizes=(784, 256, 128, 10), dropout=0.5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_300_steps_are_the_same_captured_fused_and_not(name: str, dtype: str) -> None:
    make, how = NETWORKS[name]
    steps = batches(300, *how, dtype=dtype)
    eager, fused = twins(lambda: make(dtype))
    plain = make(dtype)
    plain.call = tg.capture(plain.step, fuse=False)
    for batch in steps:
        loss = eager.call(*batch)
        assert_same_bits(loss, fused.call(*batch))
        assert_same_bits(loss, plain.call(*batch))
    assert_same_bits(eager.numbers, fused.numbers)
    assert_same_bits(eager.numbers, plain.numbers)
    assert fused.call.program.formulas == plain.call.program.formulas == 0
    assert fused.call.program.launches < plain.call.program.launches


@pytest.mark.parametrize("dtype", DTYPES)
def test_300_steps_with_dropout_are_the_same(dtype: str) -> None:
    some = batches(30, 64, 784, "labels", dtype)
    steps = some * (10 if dtype == "float32" else 2)
    eager, fused = twins(lambda: deep(dtype))
    assert_trains_alike(eager, fused, steps)
    plain, in_one_call = deep(dtype), deep(dtype)
    plain.call = tg.capture(plain.step, fuse=False)
    for batch in steps:
        plain.call(*batch)
    X, y = (np.concatenate([b[k].numpy() for b in steps]) for k in range(2))
    tg.capture(in_one_call.step).run(X, y, batch_size=64)
    assert_same_bits(eager.numbers, plain.numbers)
    assert_same_bits(eager.numbers, in_one_call.numbers)


ACTIVATIONS = {
    "relu": tg.relu,
    "sigmoid": tg.sigmoid,
    "tanh": tg.tanh,
    "leaky_relu": tg.leaky_relu,
    "softplus": tg.softplus,
    "gelu": tg.gelu,
    "silu": tg.silu,
    "softmax": tg.softmax,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_the_same(name: str) -> None:
    for dtype in DTYPES:

        def make(dtype: str = dtype) -> Trainee:
            return separate(dtype, ACTIVATIONS[name], (5, 7, 6, 1))

        eager, fused = twins(make)
        assert_trains_alike(eager, fused, batches(12, 9, 5, dtype=dtype))
        assert fused.call.program.formulas == 0


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
def test_every_activation_inside_a_layer_is_the_same(activation: Any) -> None:
    for dtype in DTYPES:

        def make(dtype: str = dtype) -> Trainee:
            return classifier(dtype, sizes=(5, 7, 6, 1), activation=activation)

        assert_trains_alike(*twins(make), batches(12, 9, 5, dtype=dtype))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 1e30, -0.0, 1e-42])
def test_special_numbers_go_through_fusions_unchanged(special: float) -> None:
    for make in (classifier, separate):
        steps = batches(6, 8, 30)
        X = np.array(steps[3][0].numpy())
        X[2, 5] = special
        steps[3] = tg.tensor(X, device="cpu"), steps[3][1]
        with np.errstate(all="ignore"):
            assert_trains_alike(*twins(make), steps)


def test_a_layer_without_bias_is_the_same() -> None:
    def make() -> Trainee:
        model = nn.Sequential(
            nn.Linear(5, 4, bias=False, activation="tanh", device="cpu", seed=1),
            nn.Linear(4, 1, bias=False, device="cpu", seed=2),
        )
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(X: Any, y: Any) -> Any:
            loss = tg.bce_with_logits(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return Trainee(model, [optimizer], step)

    assert_trains_alike(*twins(make), batches(10, 6, 5))
