"""Every op of the rule book can be drawn, with numbers and gradients; so can one nobody knows."""

from xml.etree import ElementTree

import numpy as np
from devices import each_device
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.drawing import draw
from tinygrad_ed.drawing.facts import numbers
from tinygrad_ed.ops import registry
from tinygrad_ed.ops.registry import op


@each_op
@examples(5)
@given(data=st.data())
def test_every_op_is_drawn(name: str, data: st.DataObject) -> None:
    operands, params = data.draw(CASES[name].smooth)
    tensors = [
        None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}")
        for k, a in enumerate(operands)
    ]
    y = registry[name](*tensors, **params)
    loss = (y * tg.tensor(np.cos(np.arange(float(y.size))).reshape(y.shape), name="c")).sum()
    loss.backward()
    drawing = draw(loss, values=True, gradients=True, collapse=False)
    ElementTree.fromstring(drawing.svg())
    rows = {box.name: box.rows for box in drawing.graph.boxes}
    for t in tensors:
        if t is not None and t.requires_grad and t.grad is not None and t.name is not None:
            assert set(numbers(t.name, t.numpy())) <= set(rows[t.name])
            assert set(numbers(f"d{t.name}", t.grad.numpy())) <= set(rows[t.name])
    inner = [b for b in drawing.graph.boxes if b.kind in ("result", "root")]
    assert inner and not any("not computed" in row for b in inner for row in b.rows)


def test_an_op_that_the_library_has_never_seen_is_drawn() -> None:
    @op(source="mine", symbol="S")
    def softsign(z):  # type: ignore[no-untyped-def]
        return z / (1 + np.abs(z))

    @softsign.vjp
    def _(dy, y, z):  # type: ignore[no-untyped-def]
        return dy / (1 + np.abs(z)) ** 2

    x = tg.tensor([1.0, -3.0], requires_grad=True, dtype="float64", name="x")
    loss = softsign(x).sum()
    loss.backward()
    boxes = {b.name: b.rows for b in draw(loss, values=True, gradients=True).graph.boxes}
    assert boxes["S"] == ("softsign [mine]", "(2,) float64", "S = [  0.5, -0.75]", "dS = [1, 1]")
    assert boxes["x"][-1] == "dx = [  0.25, 0.0625]"


@each_device
def test_inner_gradients_are_those_that_a_walk_to_them_gives(device: str) -> None:
    X = tg.tensor(np.linspace(-1, 1, 6).reshape(3, 2), name="X", device=device)
    W = tg.tensor([[0.3, -0.2], [0.1, 0.7]], dtype="float64", requires_grad=True, device=device)
    A = tg.sigmoid(X @ W)
    A.name = "A"
    loss = tg.mean(A * A)
    loss.backward()
    (box,) = (b for b in draw(loss, gradients=True, collapse=False).graph.boxes if b.name == "A")
    expected = 2 * A.numpy() / A.size
    assert list(box.rows[-3:]) == numbers("dA", expected)
