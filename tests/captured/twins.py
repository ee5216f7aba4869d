"""What the tests of `tg.capture` share: a network twice, one trained eagerly, one captured."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import tinygrad_ed as tg
from tinygrad_ed import nn

Array = np.ndarray[Any, Any]


class Trainee:
    """A model, its optimizers, and the step that trains it.

    Attributes:
        step: The step as written.
        call: The step as it is taken: captured, or as written.
    """

    def __init__(self, model: Any, optimizers: Sequence[Any], step: Callable[..., Any]) -> None:
        self.model, self.optimizers, self.step = model, list(optimizers), step
        self.call: Any = step

    @property
    def numbers(self) -> list[Array]:
        """Every number that training changes, copied."""
        found = [np.array(p.numpy()) for p in self.model.parameters()]
        for optimizer in self.optimizers:
            found += _arrays(optimizer.state_dict())
        return found


def _arrays(value: Any) -> list[Array]:
    if isinstance(value, dict):
        return [a for part in value.values() for a in _arrays(part)]
    if isinstance(value, list | tuple):
        return [a for part in value for a in _arrays(part)]
    return [np.array(value)] if isinstance(value, np.ndarray | int | float) else []


def twins(make: Callable[[], Trainee], **options: Any) -> tuple[Trainee, Trainee]:
    """An eager one and a captured one."""
    eager, captured = make(), make()
    captured.call = tg.capture(captured.step, **options)
    return eager, captured


def assert_same_bits(one: Any, other: Any) -> None:
    """Two results, or two lists of arrays, are the same to the last bit."""
    if isinstance(one, tg.Tensor):
        one, other = one.numpy(), other.numpy()
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.tobytes() == other.tobytes(), (one, other)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same_bits(a, b)
    elif isinstance(one, dict):
        assert_same_bits(list(one.items()), list(other.items()))
    else:
        assert one == other


def assert_trains_alike(
    eager: Trainee, captured: Trainee, batches: Sequence[tuple[Any, ...]]
) -> None:
    """Both take these steps: the same results each time, and the same weights at the end."""
    for batch in batches:
        assert_same_bits(eager.call(*batch), captured.call(*batch))
    assert_same_bits(eager.numbers, captured.numbers)


def batches(
    count: int, rows: int, features: int, kind: str = "bce", dtype: str = "float32", seed: int = 0
) -> list[tuple[tg.Tensor, tg.Tensor]]:
    """Batches of random samples: targets in {0, 1}, labels below 10, or real numbers (N, 4)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        X = rng.standard_normal((rows, features)).astype(dtype)
        y: Array
        if kind == "bce":
            y = (rng.random((rows, 1)) < 0.5).astype(dtype)
        elif kind == "labels":
            y = rng.integers(0, 10, rows)
        else:
            y = rng.standard_normal((rows, 4)).astype(dtype)
        found.append((tg.tensor(X, device="cpu"), tg.tensor(y, device="cpu")))
    return found


def five_lines(model: Any, optimizer: Any, loss_of: Callable[..., Any]) -> Callable[..., Any]:
    """The body of the loop: forward, loss, zero_grad, backward, step."""

    def step(X: Any, y: Any) -> Any:
        loss = loss_of(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def classifier(
    dtype: str = "float32",
    *,
    sizes: Sequence[int] = (30, 64, 64, 1),
    activation: str = "relu",
    dropout: float = 0.0,
    optimizer: Callable[..., Any] = tg.optim.Adam,
    device: str = "cpu",
    loss: Callable[..., Any] | None = None,
    **hypers: Any,
) -> Trainee:
    """Linear layers with their activations inside; binary cross-entropy unless told otherwise."""
    layers: list[Any] = []
    rng = np.random.default_rng(7)
    for k in range(len(sizes) - 1):
        last = k + 2 == len(sizes)
        inside = None if last else activation
        layer = nn.Linear(
            sizes[k], sizes[k + 1], activation=inside, dtype=dtype, device=device, seed=rng
        )
        layers.append(layer)
        if dropout and not last:
            layers.append(nn.Dropout(dropout, seed=k))
    model = nn.Sequential(*layers)
    trainer = optimizer(model.parameters(), **hypers)
    loss_of = loss or (tg.bce_with_logits if sizes[-1] == 1 else tg.cross_entropy)
    return Trainee(model, [trainer], five_lines(model, trainer, loss_of))


class Branches(nn.Module):
    """Two branches, a connection around them, and a weight that is used twice (network h)."""

    def __init__(self, dtype: str = "float32", separate: bool = False) -> None:
        rng = np.random.default_rng(1)
        sizes = {"W": (32, 64), "S": (64, 64), "V": (64, 64), "O": (64, 4)}
        for name, shape in sizes.items():
            array = rng.standard_normal(shape) / np.sqrt(shape[0])
            setattr(self, name, nn.Parameter(array, dtype=dtype, device="cpu"))
        for name, width in {"b": 64, "p": 64, "q": 64, "r": 64, "o": 4}.items():
            setattr(self, name, nn.Parameter(np.zeros(width), dtype=dtype, device="cpu"))
        self.separate = separate

    def layer(self, X: Any, W: Any, b: Any) -> Any:
        if self.separate:
            return tg.tanh(X @ W + b)
        return tg.linear(X, W, b, activation="tanh")

    def forward(self, X: Any) -> Any:
        p: Any = self
        u = self.layer(X, p.W, p.b)
        joined = self.layer(u, p.S, p.p) * self.layer(u, p.V, p.q) + u
        s = self.layer(joined, p.S, p.r)
        return s @ p.O + p.o if self.separate else tg.linear(s, p.O, p.o)


def branches(dtype: str = "float32", separate: bool = False) -> Trainee:
    """Network h with Adam and the mean squared error."""
    model = Branches(dtype, separate)
    optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)
    return Trainee(model, [optimizer], five_lines(model, optimizer, tg.mse))


class Separate(nn.Module):
    """The classifier with product, sum and activation as operators of their own."""

    def __init__(self, dtype: str, sizes: Sequence[int], activation: Callable[..., Any]) -> None:
        rng = np.random.default_rng(3)
        self.W = [
            nn.Parameter(rng.standard_normal(s) / np.sqrt(s[0]), dtype=dtype, device="cpu")
            for s in pairwise(sizes)
        ]
        self.b = [nn.Parameter(np.zeros(n), dtype=dtype, device="cpu") for n in sizes[1:]]
        self.activation = activation

    def forward(self, X: Any) -> Any:
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            X = self.activation(X @ W + b)
        return X @ self.W[-1] + self.b[-1]


def separate(
    dtype: str = "float32", activation: Callable[..., Any] = tg.relu, sizes: Any = (30, 64, 64, 1)
) -> Trainee:
    """Separate operators, Adam, binary cross-entropy."""
    model = Separate(dtype, sizes, activation)
    optimizer = tg.optim.Adam(model.parameters())
    return Trainee(model, [optimizer], five_lines(model, optimizer, tg.bce_with_logits))


Step = Callable[..., Any]


def linear(inputs: int, outputs: int, seed: int, activation: Any = None) -> nn.Linear:
    return nn.Linear(inputs, outputs, activation=activation, device="cpu", seed=seed)


def trainee(model: nn.Module, make_step: Callable[[Any, Any], Step], **hypers: Any) -> Trainee:
    optimizer = tg.optim.Adam(model.parameters(), **hypers)
    return Trainee(model, [optimizer], make_step(model, optimizer))


class Residual(nn.Module):
    """Connections around layers, and a weight that is used twice, once transposed."""

    def __init__(self) -> None:
        self.layers = [linear(6, 6, k, "tanh") for k in range(3)]
        self.out = nn.Parameter(np.ones((6, 1)), device="cpu")

    def forward(self, X: Any) -> Any:
        for layer in self.layers:
            X = X + layer(X)
        tied = self.layers[0].W
        return (X @ tied + X @ tied.T) @ self.out
