"""Right ops raise no alarm: random compositions of the rule book, in many shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck
from tinygrad_ed.check.strategies import arrays, shapes

Step = Callable[[Any], Any]


def last(x: Any) -> bool:
    return x.ndim > 0 and x.shape[-1] > 0


def shape_steps(x: Any) -> dict[str, Step]:
    """Rearrangements and reductions that this shape allows."""
    found: dict[str, Step] = {
        "transpose": lambda x: tg.transpose(x),
        "reshape": lambda x: tg.reshape(x, shape=(-1,)) if x.size else x * 1.0,
        "sum": lambda x: tg.sum(x),
        "expand_dims": lambda x: tg.expand_dims(x, axis=0) if x.ndim < 3 else x * 1.0,
    }
    if last(x):
        found |= {
            "softmax": lambda x: tg.softmax(x, axis=-1),
            "log_softmax": lambda x: tg.log_softmax(x, axis=-1),
            "logsumexp": lambda x: tg.logsumexp(x, axis=-1, keepdims=True),
            "mean": lambda x: tg.mean(x, axis=-1, keepdims=True),
            "var": lambda x: tg.var(x, axis=-1),
            "flip": lambda x: tg.flip(x, axis=-1),
            "pick twice": lambda x: x[..., np.array([0, -1, 0])],
            "concat": lambda x: tg.concatenate([x, 2 * x], axis=-1),
            "centred": lambda x: x - tg.mean(x, axis=-1, keepdims=True),
        }
    if x.ndim >= 2:
        found["own product"] = lambda x: tg.matmul(x, tg.swapaxes(x, axis1=-1, axis2=-2)) / 8
    return found


EVERYWHERE: dict[str, Step] = {
    "tanh": lambda x: tg.tanh(x),
    "sigmoid": lambda x: tg.sigmoid(x),
    "softplus": lambda x: tg.softplus(x),
    "gelu": lambda x: tg.gelu(x),
    "silu": lambda x: tg.silu(x),
    "sin": lambda x: tg.sin(x),
    "exp": lambda x: tg.exp(tg.tanh(x)),
    "log": lambda x: tg.log(2 + tg.square(x)),
    "divide": lambda x: x / (1 + x * x),
    "sqrt": lambda x: tg.sqrt(1 + x * x),
    "power": lambda x: (1.5 + tg.sin(x)) ** 2.5,
    "relu": lambda x: tg.relu(x + 0.3),
    "twice": lambda x: x * 2 - tg.cos(x),
    "dropout": lambda x: tg.dropout(x, p=0.4, seed=3),
    "clip": lambda x: tg.clip(x, low=-5.03, high=5.07),
}


@st.composite
def compositions(draw: Any) -> tuple[list[Any], Callable[..., Any]]:
    """Two inputs that broadcast, and a function of them made of up to five steps."""
    shape = draw(shapes(max_dims=3, max_side=3))
    narrow = tuple(draw(st.sampled_from([1, n])) for n in shape)[draw(st.integers(0, 3)) :]
    x, b = (draw(arrays(s, elements=st.integers(-9, 9).map(lambda k: k / 4 + 0.07)))
            for s in (shape, narrow))  # fmt: skip
    join = draw(st.sampled_from(["x + b", "x * b", "x - b", "x / (3 + b * b)"]))
    chosen: list[Step] = []
    value = tg.tensor(eval(join, {"x": x, "b": b}))
    for _ in range(draw(st.integers(1, 5))):
        possible = {**EVERYWHERE, **shape_steps(value)}
        name = draw(st.sampled_from(sorted(possible)))
        note(name)
        chosen.append(possible[name])
        value = chosen[-1](value)

    def function(x: Any, b: Any) -> Any:
        y = eval(join, {"x": x, "b": b})
        for step in chosen:
            y = step(y)
        return y

    return [x, b], function


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=compositions())
def test_a_right_composition_raises_no_alarm(drawn: Any) -> None:
    inputs, function = drawn
    assert gradcheck(function, *inputs)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=compositions())
def test_nor_does_it_by_differences_or_at_order_2(drawn: Any) -> None:
    inputs, function = drawn
    assert gradcheck(function, *inputs, method="central", order=2)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=compositions(), dtype=st.sampled_from(["float32", "int64", "bool"]))
def test_nor_do_constants_of_another_number_type(drawn: Any, dtype: str) -> None:
    (x, b), function = drawn
    constant = np.arange(x.size).reshape(x.shape).astype(dtype)
    assert gradcheck(lambda x, b: function(x * constant / 4, b), x, b)
