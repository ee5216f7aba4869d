"""The maps whose Jacobians are compared, each with its linearisation by the tape.

    FirstOrder    x -> y                      analytic side: the tape, one row per seed
    SecondOrder   (x, v) -> d(v·y)/dx         analytic side: the recorded backward pass

The upstream gradient v is an input of the second map, as it is of every backward pass: a VJP that
is wrong in how it uses `dy` shows there.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import ops
from ..gradients import ArrayReading, TensorReading, seed_of
from ..recording import no_grad
from ..tape import Node, walk_back
from ..tensor import Tensor
from .problem import NoDerivativeError, Problem, as_complex

Array = NDArray[Any]
Pull = Callable[[Array], list[Array]]
"""A flat upstream gradient -> the gradient of every input."""


class BackwardError(Exception):
    """The walk back itself failed; `__cause__` says why."""


class Map(Protocol):
    """Inputs -> outputs, with a linearisation at the given point to be checked."""

    order: int
    input_names: list[str]
    inputs: list[Array]
    outputs: list[tuple[str, tuple[int, ...]]]

    def value(self, arrays: Sequence[Array]) -> Array:
        """All outputs, flat."""

    def complex_value(self, arrays: Sequence[Array]) -> Array:
        """The same on complex arrays, by the textbook forms."""

    def linearise(self) -> Pull:
        """The analytic side, at the inputs."""


class FirstOrder:
    """x -> y, and dy/dx by the tape."""

    order = 1

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.input_names = problem.names
        self.inputs = problem.arrays
        with np.errstate(all="ignore"):
            self.root = problem.result(problem.leaves(problem.arrays))
        self.outputs = [("y", self.root.shape)]
        _refuse_unusable(self)

    def value(self, arrays: Sequence[Array]) -> Array:
        """y, flat."""
        return self.problem.result(self.problem.leaves(arrays)).numpy().reshape(-1)

    def complex_value(self, arrays: Sequence[Array]) -> Array:
        """y by the textbook forms, flat; the function runs on plain complex arrays.

        Raises:
            TypeError: The function needs tensors.
        """
        fixed = [as_complex(value) for value in self.problem.fixed]
        for place, array in zip(self.problem.places, arrays, strict=True):
            fixed[place] = array
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            y = self.problem.fn(*fixed)
        if isinstance(y, Tensor) or not isinstance(y, np.ndarray | np.generic):
            raise TypeError(f"on complex arrays the function returned {type(y).__name__}")
        return np.asarray(y).reshape(-1)

    def linearise(self) -> Pull:
        """One forward pass; each pull is one walk back."""
        leaves = self.problem.leaves(self.problem.arrays)
        with np.errstate(all="ignore"):
            y = self.problem.result(leaves)

        def pull(seed: Array) -> list[Array]:
            return _gradients(y, seed.reshape(y.shape), leaves)

        return pull


class SecondOrder:
    """(x, v) -> d(v·y)/dx, and its derivative by the recorded backward pass."""

    order = 2

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        with np.errstate(all="ignore"):
            y = problem.result(problem.leaves(problem.arrays))
        self.backend = y._backend
        v = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
        self.input_names = [*problem.names, "dy (the upstream gradient)"]
        self.inputs = [*problem.arrays, np.asarray(v)]
        self.outputs = [
            (f"dL/d{name}", array.shape)
            for name, array in zip(problem.names, problem.arrays, strict=True)
        ]
        _refuse_unusable(self)

    def _loss(self, arrays: Sequence[Array]) -> tuple[Tensor, list[Tensor]]:
        """L = Σ v y and its leaves x, v."""
        leaves = self.problem.leaves(arrays[:-1])
        v = Tensor(self.backend.asarray(arrays[-1]), self.backend, True)
        return ops.sum(v * self.problem.result(leaves)), [*leaves, v]

    def value(self, arrays: Sequence[Array]) -> Array:
        """dL/dx for every x, flat, by the unrecorded backward pass."""
        loss, leaves = self._loss(arrays)
        found = _gradients(loss, np.ones(()), leaves[:-1])
        return np.concatenate([np.zeros(0), *[g.reshape(-1) for g in found]])

    def complex_value(self, arrays: Sequence[Array]) -> Array:
        """Not possible: tensors that require a gradient are real."""
        raise TypeError("the backward pass runs on real tensors only")

    def linearise(self) -> Pull:
        """One recorded backward pass; each pull is one walk back through it."""
        with np.errstate(all="ignore"):
            loss, leaves = self._loss(self.inputs)
        first = _recorded_gradients(loss, leaves[:-1])
        ends = np.cumsum([leaf.size for leaf in leaves[:-1]])

        def pull(seed: Array) -> list[Array]:
            total = [np.zeros(leaf.shape) for leaf in leaves]
            for gradient, part in zip(first, np.split(seed, ends[:-1]), strict=True):
                if gradient is not None and np.any(part):
                    found = _gradients(gradient, part.reshape(gradient.shape), leaves)
                    total = [a + b for a, b in zip(total, found, strict=True)]
            return total

        return pull


def _gradients(y: Tensor, seed: Array, leaves: Sequence[Tensor]) -> list[Array]:
    """v^T dy/dx for every leaf as arrays; zero where y does not depend on it."""
    found: dict[int, Array] = {}
    if y.requires_grad:
        try:
            with no_grad(), np.errstate(all="ignore"):
                walk = walk_back(y, seed_of(y, seed), ArrayReading())
                found = {id(node): on_host(node, gradient) for node, gradient in walk}
        except Exception as error:
            raise BackwardError(str(error)) from error
    return [found.get(id(leaf), np.zeros(leaf.shape)) for leaf in leaves]


def _recorded_gradients(loss: Tensor, leaves: Sequence[Tensor]) -> list[Tensor | None]:
    """dL/dx for every leaf as tensors that can be differentiated again."""
    if not loss.requires_grad:
        return [None for _ in leaves]
    try:
        with np.errstate(all="ignore"):
            start = Tensor(seed_of(loss, None), loss._backend)
            found = {id(node): g for node, g in walk_back(loss, start, TensorReading())}
    except Exception as error:
        raise BackwardError(str(error)) from error
    return [found.get(id(leaf)) for leaf in leaves]


def on_host(node: Node, gradient: Any) -> Array:
    """A gradient as a NumPy array (NumPy makes scalars of 0-d results)."""
    return np.array(node._backend.to_numpy(node._backend.result(gradient)), dtype=np.float64)


def _refuse_unusable(checked: "FirstOrder | SecondOrder") -> None:
    """The point must be inside the domain, and the function must be a function.

    Raises:
        NoDerivativeError: Not finite, or two calls differ.
    """
    with np.errstate(all="ignore"):
        first, second = checked.value(checked.inputs), checked.value(checked.inputs)
    if not np.array_equal(first, second, equal_nan=True):
        raise NoDerivativeError(
            "gradcheck: two calls with the same inputs gave different results, so it has no "
            "derivative: fix the seed of whatever is random or counted inside"
        )
    if checked.order == 1 and not np.all(np.isfinite(first)):
        k = int(np.argmin(np.isfinite(first)))
        place = [int(i) for i in np.unravel_index(k, checked.outputs[0][1])]
        raise NoDerivativeError(
            f"gradcheck: the function is not finite at these inputs (entry {place} of the result "
            f"is {first[k]}): choose a point inside its domain"
        )
