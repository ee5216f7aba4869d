"""`print(step.program)`: what runs, in the names of the network."""

import inspect
import re
from typing import Any

import numpy as np
from captured.twins import batches

import tinygrad_ed as tg
from tinygrad_ed import nn

# ruff: noqa: E501 (lines as they are printed)

LISTING = """\
A1 = product(X, W1, b1, relu)                             # 8x5       step:+1 linear
Z2 = product(A1, W2, b2)                                  # 8x1       step:+1 linear
loss, dZ2 = bce_with_logits(Z2, y, 1, pos_weight=1.0, mean=1)  # 8x1       step:+1 bce_with_logits, bce_with_logits backward
dZ1 = product(dZ2, W2.T, relu'(A1))                       # 8x5       step:+4 linear backward
dW2 = product(A1.T, dZ2)                                  # 5x1       step:+4 linear backward
db2 = sum_rows(dZ2, mean=0)                               # 1         step:+4 linear backward
dW1 = product(X.T, dZ1)                                   # 6x5       step:+4 linear backward
db1 = sum_rows(dZ1, mean=0)                               # 5         step:+4 linear backward
W1..b2 = sgd_update(W1..b2, dW1..db2, lr=0.1)             # 41        step:+5 SGD.step
count += 1                                                # 4         step:+5 count
return loss"""


def test_a_small_network_reads_like_its_derivation() -> None:
    model = nn.Sequential(
        nn.Linear(6, 5, activation="relu", device="cpu"), nn.Linear(5, 1, device="cpu")
    )
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    def step(X: Any, y: Any) -> Any:
        loss = tg.bce_with_logits(model(X), y)
        loss.name = "loss"
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    captured = tg.capture(step)
    for batch in batches(3, 8, 6):
        captured(*batch)
    start = inspect.getsourcelines(step)[1]
    text = re.sub(
        r"test_listing\.py:(\d+)", lambda m: f"step:+{int(m[1]) - start}", str(captured.program)
    )
    assert text == LISTING
    assert repr(captured.program) == "<program of 10 launches and 0 formulas>"


def test_hyperparameters_are_those_of_now_and_formulas_are_marked() -> None:
    W = nn.Parameter(np.ones((3, 2)), device="cpu", name="W")

    @tg.capture
    def step(rows: Any, k: Any) -> Any:
        picked = tg.tanh(W[k])
        return picked * rows, W.T @ W

    for _ in range(3):
        step(np.ones((2, 2), np.float32), np.array([0, 2]))
    lines = str(step.program).splitlines()
    marked = [line for line in lines if "(formula, in Python)" in line]
    assert any("getitem(W, index=" in line for line in marked)
    assert any(line.startswith("Z = product(W.T, W) ") for line in lines), lines
    assert step.program.formulas == len(marked) > 0
    assert "multiply = multiply_forward(A, rows)" in str(step.program)
