"""What is trained: the networks of the benchmarks, their data and their first weights.

The labels come from a linear teacher, and there are many distinct batches. With random or memorised
labels many ReLU units die, their gradients are exactly 0, Adam's moments decay into denormal
numbers, and every engine that does not flush those runs two to four times slower: one would time
the data and not the engines.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from place import SMOKE

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A network and how it is trained.

    Attributes:
        text: What it is, for a table.
        sizes: Features in, units of each hidden layer, outputs.
        hidden: Activation of the hidden layers.
        loss: "bce" and "ce" take logits; "mse" is the mean over all entries.
        batch: Samples in a batch.
        optimizer: "sgd" or "adam", with the defaults of PyTorch's Adam.
        lr: Learning rate.
        batches: Distinct batches, so steps in an epoch.
        dropout: Chance of a zero after each hidden layer.
        branches: The network of `branch_parameters` instead of a chain of layers.
    """

    text: str
    sizes: tuple[int, ...]
    hidden: str
    loss: str
    batch: int
    optimizer: str
    lr: float
    batches: int
    dropout: float = 0.0
    branches: bool = False


CASES = {
    "a": Case("logistic 30-1, SGD", (30, 1), "relu", "bce", 32, "sgd", 0.1, 1000),
    "b": Case("3-2-1 sigmoid, Adam", (3, 2, 1), "sigmoid", "bce", 10, "adam", 1e-2, 1000),
    "c": Case("30-64-64-1 relu, Adam", (30, 64, 64, 1), "relu", "bce", 32, "adam", 1e-3, 1000),
    "d": Case(
        "784-256-128-10 relu, dropout, Adam",
        (784, 256, 128, 10), "relu", "ce", 64, "adam", 1e-3, 400, dropout=0.5,
    ),
    "e": Case(
        "1024-2048-2048-1024 relu, SGD",
        (1024, 2048, 2048, 1024), "relu", "mse", 512, "sgd", 1e-2, 8,
    ),
    "h": Case(
        "two branches, tanh, a shared weight, Adam",
        (32, 64, 64, 4), "tanh", "mse", 32, "adam", 1e-3, 1000, branches=True,
    ),
}  # fmt: skip
"""The letters of the issue; f and g are networks with convolutions."""


def tiny(case: Case) -> Case:
    """The same network with hardly a number in it."""
    sizes = tuple(min(size, 24) for size in case.sizes)
    text = f"{case.text}, made tiny"
    return replace(case, text=text, sizes=sizes, batch=min(case.batch, 8), batches=8)


if SMOKE:
    CASES = {name: tiny(case) for name, case in CASES.items()}


def data(case: Case) -> tuple[Array, Array]:
    """All samples and labels of a case, batch after batch.

    Shapes: X (batches · batch, sizes[0]) float32; y (…, 1) float32 for "bce", (…, sizes[-1])
    float32 for "mse", (…,) int64 for "ce".
    """
    inputs, outputs = case.sizes[0], case.sizes[-1]
    teacher = np.random.default_rng(99).standard_normal((inputs, outputs), dtype=np.float32)
    X = np.random.default_rng(0).standard_normal(
        (case.batches * case.batch, inputs), dtype=np.float32
    )
    Z = X @ teacher
    if case.loss == "ce":
        return X, Z.argmax(axis=1)
    if case.loss == "mse":
        return X, Z / np.float32(np.sqrt(inputs))
    return X, (Z > 0).astype(np.float32)


def in_batches(X: Array, y: Array, case: Case) -> Iterator[tuple[Array, Array]]:
    """The batches as views."""
    for k in range(0, len(X), case.batch):
        yield X[k : k + case.batch], y[k : k + case.batch]


def orders(case: Case) -> list[Array]:
    """Row numbers for an epoch: the plain order first, then shuffled ones."""
    rows = np.arange(case.batches * case.batch)
    rng = np.random.default_rng(5)
    return [rows, *(rng.permutation(rows) for _ in range(7))]


def first_weights(case: Case) -> list[Array]:
    """W (in, out) and b of each layer, in order, float32; for h see `branch_parameters`."""
    if case.branches:
        return list(branch_parameters(case).values())
    rng = np.random.default_rng(1)
    found = []
    for fan_in, fan_out in pairwise(case.sizes):
        W = rng.standard_normal((fan_in, fan_out)) * np.sqrt(2 / fan_in)
        found += [W.astype(np.float32), np.zeros(fan_out, np.float32)]
    return found


def branch_parameters(case: Case) -> dict[str, Array]:
    """The parameters of network h, which is no chain of layers.

    u = tanh(X W + b)
    left = tanh(u S + p)            S is used twice
    right = tanh(u V + q)
    joined = left * right + u       two branches, and a connection around them
    z = tanh(joined S + r) O + o
    """
    inputs, width, _, outputs = case.sizes
    rng = np.random.default_rng(1)

    def weights(fan_in: int, fan_out: int) -> Array:
        found: Array = rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
        return found.astype(np.float32)

    def bias(fan_out: int) -> Array:
        return np.zeros(fan_out, np.float32)

    return {
        "W": weights(inputs, width), "b": bias(width),
        "S": weights(width, width), "p": bias(width),
        "V": weights(width, width), "q": bias(width),
        "r": bias(width),
        "O": weights(width, outputs), "o": bias(outputs),
    }  # fmt: skip


@dataclass(frozen=True)
class Product:
    """C (M, N) = A B, of which A or B may be stored transposed.

    Attributes:
        M: Rows of C.
        N: Columns of C.
        K: Numbers that each entry sums over.
        dtype: "float32" or "float64".
        layout: "NN", "TN" (A is stored as (K, M)), "NT" (B is stored as (N, K)) or "TT".
    """

    M: int
    N: int
    K: int
    dtype: str
    layout: str

    @classmethod
    def parse(cls, key: str) -> "Product":
        """From its key."""
        shape, dtype, layout = key.split(":")
        M, N, K = map(int, shape.split("x"))
        return cls(M, N, K, dtype, layout)

    @property
    def key(self) -> str:
        """One word that says all: 64x256x784:float32:NN is (M, N, K), number type, layout."""
        return f"{self.M}x{self.N}x{self.K}:{self.dtype}:{self.layout}"

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.M * self.N * self.K

    @property
    def size(self) -> int:
        """Bytes of A, B and C."""
        return np.dtype(self.dtype).itemsize * (self.M * self.K + self.K * self.N + self.M * self.N)

    @property
    def transposed(self) -> tuple[bool, bool]:
        """Whether A is stored transposed, and whether B is."""
        return self.layout[0] == "T", self.layout[1] == "T"

    def factors(self, A: Any, B: Any) -> tuple[Any, Any]:
        """What is multiplied, of A and B as they are stored; arrays of any library."""
        flip_a, flip_b = self.transposed
        return A.T if flip_a else A, B.T if flip_b else B

    def operands(self) -> tuple[Array, Array]:
        """A and B as they are stored, both C-contiguous."""
        rng = np.random.default_rng(0)
        a = (self.K, self.M) if self.transposed[0] else (self.M, self.K)
        b = (self.N, self.K) if self.transposed[1] else (self.K, self.N)
        return rng.standard_normal(a).astype(self.dtype), rng.standard_normal(b).astype(self.dtype)
