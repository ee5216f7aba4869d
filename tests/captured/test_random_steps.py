"""Random expressions of random shapes: eager, captured, fused or not, and by the formulas alone."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
from captured.twins import Array
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_ed as tg

SHAPES: list[tuple[int, ...]] = [
    (), (1,), (3,), (2, 3), (3, 1), (1, 3), (4, 3),
    (2, 4, 3), (2, 1, 3), (2, 4, 1), (0, 3), (17, 5),
]  # fmt: skip
LARGEST = 3000


def some_axes(a: Any, random: Random) -> tuple[int, ...]:
    return tuple(sorted(random.sample(range(a.ndim), random.randint(1, a.ndim))))


UNARY: list[Callable[[Any, Random], Any]] = [
    lambda a, r: tg.tanh(a),
    lambda a, r: tg.relu(a),
    lambda a, r: tg.sqrt(a * a + 0.1),
    lambda a, r: a * 0.5 + 1,
    lambda a, r: a.detach() * a,
    lambda a, r: a.T,
    lambda a, r: a.reshape(-1),
    lambda a, r: a.reshape(a.shape[::-1]),
    lambda a, r: a[..., ::2] if a.ndim else a,
    lambda a, r: a[::-1] if a.ndim else a,
    lambda a, r: tg.expand_dims(a, 0),
    lambda a, r: tg.broadcast_to(a, (2, *a.shape)),
    lambda a, r: tg.swapaxes(a, 0, a.ndim - 1) if a.ndim > 1 else a,
    lambda a, r: tg.softmax(a, axis=r.randrange(a.ndim)) if a.ndim and a.size else a,
    lambda a, r: a.sum(axis=some_axes(a, r), keepdims=r.random() < 0.5) if a.ndim else a,
    lambda a, r: a.mean(axis=some_axes(a, r), keepdims=True) if a.ndim and a.size else a,
    lambda a, r: tg.dropout(a, p=0.3, seed=5, call=2),
    lambda a, r: a @ a.T if a.ndim == 2 else a,
]
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b * b + 1.0),
    lambda a, b: tg.maximum(a, b),
]


def broadcast(a: Any, b: Any) -> bool:
    try:
        return int(np.prod(np.broadcast_shapes(a.shape, b.shape))) <= LARGEST
    except ValueError:
        return False


def step_of(seed: int) -> Callable[..., Any]:
    """A step that computes the same expression each time: results, and all gradients."""

    def step(*leaves: Any) -> list[Any]:
        random, pool = Random(seed), list(leaves)
        for x in leaves:
            x.requires_grad = True
        for _ in range(random.randint(2, 10)):
            a, b = random.choice([pool[-1], random.choice(pool)]), random.choice(pool)
            if random.random() < 0.6 or not broadcast(a, b):
                found = random.choice(UNARY)(a, random)
            else:
                found = random.choice(BINARY)(a, b)
            pool += [found] if found.size <= LARGEST and found.ndim < 5 else []
        (sum((y * y).sum() for y in pool[-4:])).backward()
        return [*pool[-2:], *(x.grad for x in leaves if x.grad is not None)]

    return step


def arrays(found: Sequence[Any]) -> list[Array]:
    return [np.array(y.detach().numpy()) for y in found]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    st.sampled_from(["float32", "float64"]),
)
def test_random_steps(seed: int, shapes: list[tuple[int, ...]], dtype: str) -> None:
    rng, step = np.random.default_rng(seed), step_of(seed)
    data = [[np.asarray(rng.standard_normal(s)).astype(dtype) for s in shapes] for _ in range(3)]

    def eagerly(batch: Sequence[Array], device: str) -> list[Array]:
        return arrays(step(*(tg.tensor(x, device=device) for x in batch)))

    for fuse in (True, False):
        captured = tg.capture(step, fuse=fuse)
        for batch in data:
            for ours, eager in zip(arrays(captured(*batch)), eagerly(batch, "cpu"), strict=True):
                assert ours.dtype == eager.dtype and ours.shape == eager.shape
                np.testing.assert_array_equal(ours, eager)
        assert captured.program is not None
    if dtype == "float64":
        pairs = zip(eagerly(data[0], "cpu"), eagerly(data[0], "numpy"), strict=True)
        for ours, formulas in pairs:
            np.testing.assert_allclose(ours, formulas, rtol=1e-6, atol=1e-8)
