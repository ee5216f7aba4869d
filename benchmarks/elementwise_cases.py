"""The functions of the elementwise benchmark, in names that NumPy, PyTorch, JAX and we share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Function = Callable[[Any, Any], Any]
"""(module with exp and tanh, x) -> y."""


def sigmoid(xp: Any, x: Any) -> Any:
    """The module's own sigmoid where it has one, else its formula."""
    return xp.sigmoid(x) if hasattr(xp, "sigmoid") else 1 / (1 + xp.exp(-x))


FUNCTIONS: dict[str, Function] = {
    "exp": lambda xp, x: xp.exp(x),
    "sigmoid": sigmoid,
    "tanh": lambda xp, x: xp.tanh(x),
    "chain": lambda xp, x: xp.tanh(0.5 * x + 1.0) * xp.exp(-x * x) + x,
}
SIZES = {"L1": 2**12, "L2": 2**16, "memory": 2**24}
"""Where x lies -> how many numbers it has."""


def numbers(key: str) -> NDArray[np.float32]:
    """The numbers of a case: `exp:L2` is exp of as many as the second-level cache holds."""
    size = SIZES[key.partition(":")[2]]
    x: NDArray[np.float32] = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    return x
