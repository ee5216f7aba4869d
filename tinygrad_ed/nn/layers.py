"""The layers of a perceptron: `Linear`, `Dropout`, `Flatten`, and `Sequential` to chain them."""

import math
from collections.abc import Iterator
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import ops
from ..apply import apply
from ..creation import tensor
from ..errors import ShapeError
from ..ops.counted import Counted
from ..ops.linear import ACTIVATIONS
from ..recording import state
from ..tensor import Tensor
from .init import Initialiser, layer
from .module import Module
from .parameter import Parameter

Seed = int | np.random.Generator | None
"""A number, or a generator to share: layers that draw from one generator differ, as they must."""

FUSED = (None, *ACTIVATIONS)


def _size(who: str, what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{who}: {what} must be a whole number of at least 1, got {value!r}")
    return int(value)


class Linear(Module):
    """Z = X W + b, then an activation if one is named: one node of the tape.

    **`W` is (in, out)**: samples are rows, Z = X W + b [D1-F1]. PyTorch keeps the transpose,
    (out, in); `from_torch_layout` and `to_torch_layout` convert.

    Args:
        in_features: Features D of a sample that comes in.
        out_features: Units H, so features that go out.
        bias: False for Z = X W.
        activation: None, "relu", "sigmoid" or "tanh"; other ones are layers of their own.
        init: What W and b start from: a name in `nn.init`, or a function of (shape, rng).
        dtype: Number type of the parameters.
        device: Where they are.
        seed: A number, or a generator that the layers of a network share; None for fresh weights.

    Attributes:
        W: The weights.
        b: The bias, or None.

    Shapes: X (N, D), W (D, H), b (H,) -> (N, H); any leading axes in the place of N, or none.

    Raises:
        ValueError: A size below 1, an unknown activation or initialiser.

    Source: [D1-F1], the layer of [D0-P1].
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        activation: str | None = None,
        init: Initialiser = "keras",
        dtype: Any = "float32",
        device: str = "numpy",
        seed: Seed = None,
    ) -> None:
        if activation not in FUSED:
            raise ValueError(
                f"Linear: unknown activation {activation!r}; one of "
                f"{', '.join(map(repr, FUSED))}, or a layer such as nn.GELU() after it"
            )
        self.in_features = _size("Linear", "in_features", in_features)
        self.out_features = _size("Linear", "out_features", out_features)
        self.activation = activation
        shape = (self.in_features, self.out_features)
        W, b = layer(init, shape, np.random.default_rng(seed))
        self.W = Parameter(W, dtype=dtype, device=device)
        self.b = Parameter(b, dtype=dtype, device=device) if bias else None

    def forward(self, X: Any) -> Any:
        """A = f(X W + b).

        Shapes: X (..., D) -> (..., H).

        Raises:
            ShapeError: The last axis of X is not D.
            DTypeError: X is of another floating type than W.
        """
        if not isinstance(X, Tensor):
            X = tensor(X, device=self.W.device)
        shape = X._array.shape
        if shape[-1:] != (self.in_features,):
            raise ShapeError(
                f"an input of shape {shape} does not fit {self.W.name} {self.W.shape}, which is "
                f"(in, out): the last axis of the input must have {self.in_features} entries"
            )
        if len(shape) == 2:  # straight through the door behind `ops.linear`: it is the hot path
            return apply(ops.linear, (X, self.W, self.b), {"activation": self.activation})
        rows = X.reshape(math.prod(shape[:-1]), self.in_features)
        A = ops.linear(rows, self.W, self.b, activation=self.activation)
        return A.reshape(*shape[:-1], self.out_features)

    @classmethod
    def from_torch_layout(
        cls, weight: ArrayLike, bias: ArrayLike | None = None, **options: Any
    ) -> Self:
        """A layer with PyTorch's arrays: W = weight transposed.

        Args:
            weight: As in `torch.nn.Linear.weight`.
            bias: As in `torch.nn.Linear.bias`; None for a layer without one.
            **options: activation, dtype, device.

        Shapes: weight (H, D), bias (H,) -> W (D, H), b (H,).

        Raises:
            ShapeError: They do not fit together.
        """
        weight, b = np.asarray(weight), None if bias is None else np.asarray(bias)
        if weight.ndim != 2 or (b is not None and b.shape != weight.shape[:1]):
            raise ShapeError(
                f"PyTorch's layout is weight (out, in) and bias (out,), got {weight.shape} and "
                f"{None if b is None else b.shape}"
            )
        start = weight.T if b is None else (weight.T, b)
        return cls(*weight.T.shape, bias=b is not None, init=lambda *_: start, **options)

    def to_torch_layout(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Copies of the parameters as PyTorch keeps them.

        Shapes: weight (H, D), bias (H,) or None.
        """
        weight = np.array(self.W.numpy().T, order="C")
        return weight, None if self.b is None else np.array(self.b.numpy())

    def __repr__(self) -> str:
        parts = [str(self.in_features), str(self.out_features)]
        parts += [] if self.activation is None else [self.activation]
        parts += [] if self.b is not None else ["no bias"]
        return f"Linear({', '.join(parts)})"


class Dropout(Module):
    """In training each entry is 0 with probability p and x / (1 - p) otherwise; else identity.

    The mask is a formula of (seed, call, place in the array): the same on every device, and the
    backward pass computes it again instead of storing it.

    Args:
        p: The chance of a zero, in [0, 1).
        seed: A number, or a generator that the layers of a network share. Two layers with one
            number draw the same masks.

    Attributes:
        seed: The number in use.

    Raises:
        ValueError: p outside [0, 1), or a seed that is no 64-bit number.

    Source: Srivastava et al. 2014; [D4-P1].
    """

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is the chance of a zero, in [0, 1), got {p!r}")
        if not isinstance(seed, int | np.integer):
            seed = int(np.random.default_rng(seed).integers(2**63))
        if not 0 <= seed < 2**64:
            raise ValueError(f"Dropout: a seed lies in [0, 2^64), got {seed!r}")
        self.p, self.seed = p, int(seed)
        self._calls = np.zeros(1, np.int64)

    def forward(self, x: Any) -> Any:
        """Shapes: any -> the same."""
        if not self.training or self.p == 0:
            return x
        call = Counted(self._calls)
        self._calls += 1
        if state.trace is not None:
            state.trace.counts(self._calls)
        return ops.dropout(x, p=self.p, seed=self.seed, call=call)

    @property
    def call(self) -> int:
        """How many masks were drawn."""
        return int(self._calls[0])

    @call.setter
    def call(self, count: int) -> None:
        self._calls[0] = count

    def __repr__(self) -> str:
        return f"Dropout({self.p})"


class Flatten(Module):
    """Every sample as one row of numbers, in C order."""

    def forward(self, X: Any) -> Any:
        """Shapes: X (N, ...) -> (N, product of the rest).

        Raises:
            ShapeError: X has no axis of samples.
        """
        if len(X.shape) == 0:
            raise ShapeError("a scalar has no axis of samples to keep; the input is (N, ...)")
        return X.reshape(X.shape[0], math.prod(X.shape[1:]))


class Sequential(Module):
    """Layers one after the other: the output of each is the input of the next.

    `net[0]` is the first layer, `net[-1]` the last, `net[:2]` a network of the first two that
    shares them; `len(net)` and loops work. Paths in `state_dict` are "0.W", "0.b", "1.W", ….

    Args:
        *layers: Modules.

    Raises:
        TypeError: Something that is no module.
    """

    def __init__(self, *layers: Module) -> None:
        for k, member in enumerate(layers):
            if not isinstance(member, Module):
                kind = "the class itself" if isinstance(member, type) else repr(member)
                raise TypeError(
                    f"Sequential: layer {k} is {kind}, not a module: pass layers such as "
                    f"nn.Linear(30, 64) and nn.ReLU(), with their brackets"
                )
        self.layers = layers

    def _members(self) -> Iterator[tuple[str, Any]]:
        return ((str(k), member) for k, member in enumerate(self.layers))

    def forward(self, X: Any) -> Any:
        """Shapes: those of the layers."""
        for member in self.layers:
            X = member(X)
        return X

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> Module:
        """A layer, or a network of some of them (its parameters keep their names)."""
        if isinstance(index, slice):
            part = object.__new__(type(self))
            part.layers = self.layers[index]
            return part
        return self.layers[index]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)
