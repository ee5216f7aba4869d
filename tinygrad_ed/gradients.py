"""Gradients by walking the tape: `backward`, `grad`, and the two readings they use."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ops
from .apply import levels_to_the_user
from .errors import ShapeError, StaleGradientWarning, TapeError
from .tape import Node, no_grad, walk_back
from .tensor import Tensor


class ArrayReading:
    """The walk over plain arrays: kernels or formulas, nothing recorded."""

    def vjp(self, node: Node, upstream: Any, needs: tuple[bool, ...]) -> Any:
        """The op's gradients on the node's device."""
        arrays = [s._array if isinstance(s, Node) else s for s in node._sources]
        assert node._op is not None and isinstance(node, Tensor)
        return node._backend.vjp(node._op, upstream, node._array, arrays, needs, node._params)

    def sum_to(self, gradient: Any, axes: tuple[int, ...], source: Node) -> Any:
        """The sum over the axes that the operand was spread along."""
        summed = np.sum(gradient, axis=axes[0] if len(axes) == 1 else axes)
        return np.reshape(summed, source._array.shape)

    def cast(self, gradient: Any, source: Node) -> Any:
        """In the operand's number type."""
        return gradient.astype(source._array.dtype)

    def add(self, first: Any, second: Any, source: Node) -> Any:
        """The sum of two contributions."""
        return first + second

    def shape(self, gradient: Any) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(np.shape(gradient))

    def dtype(self, gradient: Any) -> Any:
        """The array's number type."""
        return gradient.dtype


class TensorReading(ArrayReading):
    """The same walk over tensors: each step is recorded, so it can be differentiated again."""

    def vjp(self, node: Node, upstream: Any, needs: tuple[bool, ...]) -> Any:
        """The op's formulas on the operands themselves (whole-VJP kernels cannot be recorded)."""
        assert node._op is not None
        gradients = node._op.backward_for(needs)(upstream, node, *node._sources, **node._params)
        each = gradients if isinstance(gradients, tuple | list) else (gradients,)
        plain = node._backend.asarray
        return [g if g is None or hasattr(g, "dtype") else node._result(plain(g)) for g in each]

    def cast(self, gradient: Any, source: Node) -> Any:
        """In the operand's number type, recorded."""
        return ops.astype(gradient, dtype=source._array.dtype.name)


def seed_of(root: Tensor, seed: Any) -> Any:
    """The upstream gradient a walk starts with: 1 for a scalar, else what the caller gives."""
    if seed is None:
        if root.size != 1:
            raise ShapeError(
                f"backward() needs a scalar, but {root.label} has {root.size} entries: reduce it "
                f"with .sum() or .mean(), or pass seed= an upstream gradient of that shape"
            )
        return np.ones_like(root._array)
    array = root._backend.asarray(seed._array if isinstance(seed, Tensor) else seed, root.dtype)
    if array.shape != root._array.shape:
        raise ShapeError(
            f"the seed is the upstream gradient of {root.label} and must have its shape, "
            f"got {tuple(array.shape)}"
        )
    return array


def check_readable(root: Tensor) -> None:
    """A tape must be there and not used up."""
    if not isinstance(root, Tensor):
        raise TypeError(f"a gradient is taken of a tensor, got {type(root).__name__}")
    if not root.requires_grad:
        raise TapeError(
            f"{root.label} was not recorded: none of its operands requires a gradient (pass "
            f"requires_grad=True to tg.tensor), or it was computed inside tg.no_grad()"
        )
    if root._used:
        raise TapeError(
            f"backward() was called before on {root.label}: its gradients are already in .grad and "
            f"would be added twice. Run the forward pass again (in a loop: forward, loss, "
            f"zero_grad, backward, step), or pass retain_graph=True the first time"
        )


def owned(gradient: Any, root: Tensor) -> Tensor:
    """A gradient with its own memory: it may be a view of another, or of one broadcast number."""
    if isinstance(gradient, np.ndarray | np.generic):  # NumPy makes scalars of 0-d results
        return Tensor(np.array(gradient, copy=True, order="C"), root._backend)
    return Tensor(gradient.copy(), root._backend)


def backward(root: Tensor, seed: Any, *, create_graph: bool, retain_graph: bool) -> None:
    """See `Tensor.backward`. Nothing is changed if a step of the walk fails."""
    check_readable(root)
    start = seed_of(root, seed)
    found: list[tuple[Node, Any]]
    if create_graph:
        found = list(walk_back(root, Tensor(start, root._backend), TensorReading()))
    else:
        with no_grad():
            found = list(walk_back(root, start, ArrayReading()))
    for node, gradient in found:
        assert isinstance(node, Tensor)
        if not create_graph:
            gradient = owned(gradient, root)
        if node._grad is not None and node._grad._used:
            _warn_about_stale_gradient(node)
        node._grad = gradient if node._grad is None else node._grad + gradient
    root._used = not (retain_graph or create_graph)


def _warn_about_stale_gradient(leaf: Tensor) -> None:
    """An optimiser took its step with the gradient that is there, and nobody cleared it."""
    warnings.warn(
        f"the gradient of {leaf.label} is added to the one that the last step used already: call "
        f"zero_grad() before backward() (forward, loss, zero_grad, backward, step)",
        StaleGradientWarning,
        stacklevel=levels_to_the_user(),
    )


def grad(
    y: Tensor, xs: Tensor | Sequence[Tensor], seed: Any = None, *, create_graph: bool = False
) -> Any:
    """dy/dx for a tensor or several, returned instead of accumulated; inner tensors too.

    With `create_graph=True` the result can be differentiated again: `tg.grad(tg.grad(y, x,
    create_graph=True), x)` is the second derivative.

    Raises:
        TapeError: y was not recorded, or does not depend on an x.
        ShapeError: y is no scalar and there is no seed.
    """
    wanted = [xs] if isinstance(xs, Tensor) else list(xs)
    if not isinstance(y, Tensor) or not y.requires_grad:
        check_readable(y)
    start = seed_of(y, seed)
    keep = {id(x) for x in wanted}
    if create_graph:
        walk = walk_back(y, Tensor(start, y._backend), TensorReading(), keep)
        found = {id(node): gradient for node, gradient in walk}
    else:
        with no_grad():
            walk = walk_back(y, start, ArrayReading(), keep)
            found = {id(node): owned(gradient, y) for node, gradient in walk}
    for x in wanted:
        if id(x) not in found:
            raise TapeError(f"{y.label} does not depend on {x.label}, or that requires no gradient")
    results = tuple(found[id(x)] for x in wanted)
    return results[0] if isinstance(xs, Tensor) else results
