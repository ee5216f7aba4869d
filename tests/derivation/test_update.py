"""`explain` of an optimiser: the update with its numbers is the update that the step makes."""

import numpy as np
import pytest
from derivation import printed

import tinygrad_ed as tg
from tinygrad_ed.errors import TapeError

W = np.array([[0.4, -0.3], [0.2, 0.1]])
OPTIMISERS = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "Nesterov": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p: tg.optim.AdaGrad(p, lr=0.1),
    "RMSProp": lambda p: tg.optim.RMSProp(p, lr=0.1, momentum=0.9, centered=True),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: tg.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.1),
}


def trained(make, steps: int):
    w = tg.tensor(W, requires_grad=True, name="W")
    b = tg.tensor(np.array([0.5, -0.5]), requires_grad=True, name="b")
    optimizer = make([w, b])
    for k in range(steps + 1):
        optimizer.zero_grad()
        tg.sum(tg.tanh(tg.tensor(np.full((3, 2), 0.3 + 0.1 * k)) @ w + b)).backward()
        if k < steps:
            optimizer.step()
    return optimizer, w, b


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_new_weights_are_those_of_the_step(name: str, steps: int) -> None:
    optimizer, w, b = trained(OPTIMISERS[name], steps)
    before = w.numpy().copy()
    derivation = tg.explain(optimizer)
    np.testing.assert_array_equal(w.numpy(), before)
    text = derivation.text()
    optimizer.step()
    for parameter in (w, b):
        new = [s for s in derivation if s.name == parameter.name][-1].value
        np.testing.assert_array_equal(new, parameter.numpy())
    for step in derivation:
        here = {"np": np, **derivation.scope, **step.inputs}
        exec(step.code, here)
        np.testing.assert_array_equal(here[step.name], step.value)
    shown = dict(printed.arrays(text))
    np.testing.assert_allclose(shown["W"], w.numpy(), atol=6e-5)


def test_D3_U1_with_its_numbers() -> None:
    w = tg.tensor(W, requires_grad=True, name="w")
    tg.sum(w * w).backward()
    derivation = tg.explain(tg.optim.SGD([w], lr=0.1), entry=(1, 0))
    (step,) = derivation
    assert step.code == "w = w - lr * dw"
    assert "w ← w − α · dw" in derivation.text()
    assert step.entry is not None and step.entry.value == pytest.approx(0.2 - 0.1 * 0.4)
    assert step.entry.numbers == "0.2 − 0.1 · 0.4"


def test_adams_bias_correction_stands_in_numbers() -> None:
    optimizer, _, _ = trained(OPTIMISERS["Adam"], 0)
    derivation = tg.explain(optimizer, wrt="W")
    assert {s.name for s in derivation} == {
        "m_W", "v_W", "step_size_W", "denominator_W", "W",
    }  # fmt: skip
    assert derivation["step_size_W"].value == pytest.approx(0.1 / (1 - 0.9))
    assert "0.1/(1 − 0.9¹)" in derivation.text()


def test_without_gradients_it_says_what_to_do() -> None:
    w = tg.tensor(W, requires_grad=True, name="w")
    with pytest.raises(TapeError, match=r"loss\.backward\(\) first"):
        tg.explain(tg.optim.SGD([w], lr=0.1))
