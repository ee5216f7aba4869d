"""Inside a captured step nobody may look at numbers or write in place: the line is named."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed import nn

MODEL = nn.Linear(2, 1, seed=0, device="cpu")
X = np.array([[1.0, 2.0], [-3.0, 4.0]], "float32")


def looks_if(t: tg.Tensor) -> tg.Tensor:
    return t if t.sum() > 0 else -t


def writes(t: tg.Tensor) -> None:
    t[0] = 1.0


def assigns(t: tg.Tensor) -> None:
    t.data = t * 2


@tg.no_grad()
def steps_by_hand(t: tg.Tensor) -> None:
    W = MODEL.W
    W -= t.sum() * 0.1


def iterates(t: tg.Tensor) -> list[float]:
    return [float(entry) for row in t for entry in row]


LOOKS: dict[str, Callable[[tg.Tensor], Any]] = {
    "item": lambda t: t.sum().item(),
    "float": lambda t: float(t.sum()),
    "int": lambda t: int(t.sum()),
    "bool": lambda t: bool(t.sum()),
    "an index": lambda t: range(t.sum().astype(int)),
    "if": looks_if,
    "in": lambda t: 1.0 in t[0],
    "equality": lambda t: assert_(t.sum() == 3.0),
    "numpy": lambda t: t.numpy(),
    "data": lambda t: t.data,
    "asarray": lambda t: np.asarray(t),
    "array": lambda t: np.array([t.sum(), 1.0]),
    "str": lambda t: f"{t}",
    "repr": lambda t: repr(t),
    "html": lambda t: t._repr_html_(),
    "iteration": iterates,
    "a metric": lambda t: tg.metrics.accuracy(np.array([1, 0]), t[:, 0]),
    "another device": lambda t: t.to("numpy"),
    "state_dict": lambda t: MODEL.state_dict(),
}
WRITES: dict[str, Callable[[tg.Tensor], Any]] = {
    "t[...] =": writes,
    "t.data =": assigns,
    "W -=": steps_by_hand,
    "load_state_dict": lambda t: MODEL.load_state_dict(MODEL_STATE),
}
MODEL_STATE = MODEL.state_dict()


def assert_(condition: Any) -> None:
    assert condition


def refusal(look: Callable[[tg.Tensor], Any]) -> str:
    @tg.capture
    def step(x: Any) -> Any:
        look(x)
        return x * 2

    with pytest.raises(tg.CaptureError) as error:
        step(X)
    return str(error.value)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_looking_is_refused_with_the_line_and_what_to_do(look: Callable[..., Any]) -> None:
    said = refusal(look)
    assert said.startswith(f"{__file__.rpartition('/')[2]}:")
    assert "return the tensor from the step and look at it afterwards" in said


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_writing_is_refused_with_the_line_and_what_to_do(write: Callable[..., Any]) -> None:
    before = MODEL.state_dict()
    said = refusal(write)
    assert said.startswith(f"{__file__.rpartition('/')[2]}:")
    assert "leave it to an optimizer, or do it after the step" in said
    for path, value in MODEL.state_dict().items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_outside_a_step_all_of_it_works(look: Callable[..., Any]) -> None:
    t = tg.tensor(X, device="cpu")
    if look is LOOKS["equality"]:
        with pytest.raises(AssertionError):
            look(t)
    else:
        look(t)


def test_comparisons_and_casts_are_part_of_the_program() -> None:
    @tg.capture
    def step(x: Any, k: Any) -> Any:
        inside = (x > 0) & ~(x >= k.astype(int))
        return tg.where(inside, x, 0 * x), inside

    rng = np.random.default_rng(0)
    for _ in range(5):
        x, k = rng.normal(size=(4, 3)).astype("float32"), np.full((1, 1), rng.integers(4) + 0.5)
        kept, inside = step(x, k.astype("float32"))
        expected = (x > 0) & (x < int(k[0, 0]))
        np.testing.assert_array_equal(inside.numpy(), expected)
        np.testing.assert_array_equal(kept.numpy(), np.where(expected, x, 0))
    assert step.program is not None


def test_a_check_of_labels_is_no_looking() -> None:
    z = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")

    @tg.capture
    def step(z: Any, t: Any) -> Any:
        return tg.cross_entropy(z, t, label_smoothing=0.1)

    for labels in ([0, 1, 2, 0], [2, 2, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]):
        t = np.array(labels)
        eager = tg.cross_entropy(*(tg.tensor(a, device="cpu") for a in (z, t)), label_smoothing=0.1)
        assert step(z, t).item() == eager.item()


def test_a_gradient_that_is_not_kept_shows_itself_as_such() -> None:
    model = nn.Linear(2, 1, seed=0, device="cpu")
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @tg.capture
    def step(x: Any) -> Any:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step(X)
    assert "grad=not kept (fused)" in repr(model.W)
