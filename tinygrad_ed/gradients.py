"""Gradients by walking the tape: `backward`, `grad`, and the two readings they use."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import ops
from .apply import computed, levels_to_the_user
from .backends import Backend
from .backends.base import cast
from .errors import ShapeError, StaleGradientWarning, TapeError
from .recording import no_grad, state
from .tape import Node, walk_back

if TYPE_CHECKING:
    from .tensor import Tensor


class ArrayReading:
    """The walk over plain arrays: kernels or formulas, nothing recorded."""

    def __init__(self) -> None:
        self.trace = state.trace

    def backend(self, node: Node) -> Backend:
        """Where a node's gradients are computed."""
        return node._backend if self.trace is None else self.trace.traced(node._backend)

    def vjp(self, node: Node, upstream: Any) -> tuple[Sequence[Any], bool]:
        """The op's gradients on the node's device."""
        op, backend = node._op, self.backend(node)
        y, arrays, wants, params = node._array, node._arrays, node._wants, node._params
        assert op is not None
        kernel = backend.kernels[op]
        try:
            if kernel is not None:
                found = kernel.vjp(upstream, y, arrays, wants, params, self.homes(node))
                if found is not None:
                    return found, True
            return backend.vjp(op, upstream, y, arrays, wants, params), False
        except MemoryError as error:
            what = f"{op.called} backward, of {y.shape} {y.dtype}"
            raise backend.out_of_memory(error, what) from error

    def homes(self, node: Node) -> list[Any] | None:
        """Where each operand wants its gradient to be written; nowhere special."""
        return None

    def sum_to(self, gradient: Any, axes: tuple[int, ...], source: Node) -> Any:
        """The sum over the axes that the operand was spread along."""
        return self.backend(source).sum_to(gradient, axes, source._array.shape)

    def cast(self, gradient: Any, source: Node) -> Any:
        """In the operand's number type."""
        return self.backend(source).cast(gradient, source._array.dtype)

    def add(self, first: Any, second: Any, source: Node) -> Any:
        """The sum of two contributions."""
        return self.backend(source).add(first, second)

    def shape(self, gradient: Any) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(np.shape(gradient))

    def dtype(self, gradient: Any) -> Any:
        """The array's number type."""
        return gradient.dtype


class HomeReading(ArrayReading):
    """The walk of `backward`: a leaf's first contribution may be written where its gradient lives.

    That is its place in the optimiser's memory, so that a step has nothing to gather.
    """

    def __init__(self) -> None:
        super().__init__()
        self.given: set[Node] = set()

    def homes(self, node: Node) -> list[Any]:
        """The homes of leaves without a gradient, each given once."""
        homes, given = [], self.given
        for source, wanted in zip(node._sources, node._wants):  # noqa: B905 (equally many)
            home = None
            if wanted and source._grad is None and source not in given:
                home = source._home
                given.add(source)
            homes.append(home)
        return homes


class TensorReading(ArrayReading):
    """The same walk over tensors: each step is recorded, so it can be differentiated again."""

    def vjp(self, node: Node, upstream: Any) -> tuple[Sequence[Any], bool]:
        """The op's formulas on the operands themselves (whole-VJP kernels cannot be recorded)."""
        assert node._op is not None
        formula = node._op.backward_for(node._wants)
        gradients = formula(upstream, node, *node._sources, **node._params)
        each = gradients if isinstance(gradients, tuple | list) else (gradients,)
        plain = node._backend.asarray
        found = [g if g is None or hasattr(g, "dtype") else node._result(plain(g)) for g in each]
        return found, False

    def sum_to(self, gradient: Any, axes: tuple[int, ...], source: Node) -> Any:
        """The sum over the axes that the operand was spread along, recorded."""
        summed = np.sum(gradient, axis=axes[0] if len(axes) == 1 else axes)
        return np.reshape(summed, source._array.shape)

    def add(self, first: Any, second: Any, source: Node) -> Any:
        """The sum of two contributions, recorded."""
        return first + second

    def cast(self, gradient: Any, source: Node) -> Any:
        """In the operand's number type, recorded."""
        return ops.astype(gradient, dtype=source._array.dtype.name)


def seed_of(root: Node, seed: Any) -> Any:
    """The upstream gradient a walk starts with: 1 for a scalar, else what the caller gives."""
    shape, backend = root._array.shape, root._backend
    if seed is None:
        if not shape:
            return backend.one(root._array.dtype)
        if root._array.size != 1:
            raise ShapeError(
                f"backward() needs a scalar, but {root.label} has {root._array.size} entries: "
                f"reduce it with .sum() or .mean(), or pass seed= an upstream gradient of that "
                f"shape"
            )
        return np.ones_like(root._array)
    if isinstance(seed, Node):
        array = computed(cast, root, seed._array, dtype=root._array.dtype)
    else:
        array = backend.asarray(seed, root._array.dtype)
    if array.shape != shape:
        raise ShapeError(
            f"the seed is the upstream gradient of {root.label} and must have its shape, "
            f"got {tuple(array.shape)}"
        )
    return array


def check_readable(root: Node) -> None:
    """A tape must be there and not used up."""
    if not isinstance(root, Node):
        raise TypeError(f"a gradient is taken of a tensor, got {type(root).__name__}")
    if not root._needs:
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


def backward(root: Node, seed: Any, *, create_graph: bool, retain_graph: bool) -> None:
    """See `Tensor.backward`. Nothing is changed if a step of the walk fails."""
    check_readable(root)
    start = seed_of(root, seed)
    found: list[tuple[Node, Any]]
    if create_graph:
        found = list(walk_back(root, root._result(start.copy()), TensorReading()))
    else:
        reading = HomeReading()
        before, state.recording = state.recording, False
        try:
            found = list(walk_back(root, start, reading))
        finally:
            state.recording = before
    for node, gradient in found:
        if state.trace is not None:
            state.trace.gradients.uses(node)
        if node._grad is not None:
            _accumulate(node, gradient)
        elif create_graph:
            node._grad, node._spent = gradient, False
        else:
            home = node._home
            if home is None:
                gradient = reading.backend(node).owned(gradient)
            elif gradient is not home:
                reading.backend(node).copy(home, gradient)
                gradient = home
            node._grad, node._spent = gradient, False
    root._used = not (retain_graph or create_graph)


def _accumulate(leaf: Any, gradient: Any) -> None:
    """Adds to the gradient that is there; one that was read is left to its reader as it is."""
    leaf._grad.shape  # noqa: B018 (a captured step that used it up says so)
    if leaf._spent:
        _warn_about_stale_gradient(leaf)
    backend = leaf._backend if state.trace is None else state.trace.traced(leaf._backend)
    if isinstance(gradient, Node) or isinstance(leaf._grad, Node):
        leaf.grad = leaf.grad + (gradient if isinstance(gradient, Node) else leaf._result(gradient))
    elif leaf._grad is leaf._home:
        backend.add_into(leaf._grad, gradient)
    else:
        leaf._grad = backend.add(leaf._grad, gradient)
    leaf._spent = False


def _warn_about_stale_gradient(leaf: Node) -> None:
    """An optimiser took its step with the gradient that is there, and nobody cleared it."""
    warnings.warn(
        f"the gradient of {leaf.label} is added to the one that the last step used already: call "
        f"zero_grad() before backward() (forward, loss, zero_grad, backward, step)",
        StaleGradientWarning,
        stacklevel=levels_to_the_user(),
    )


def grad(
    y: "Tensor", xs: "Tensor | Sequence[Tensor]", seed: Any = None, *, create_graph: bool = False
) -> Any:
    """dy/dx for a tensor or several, returned instead of accumulated; inner tensors too.

    With `create_graph=True` the result can be differentiated again: `tg.grad(tg.grad(y, x,
    create_graph=True), x)` is the second derivative.

    Raises:
        TapeError: y was not recorded, or does not depend on an x.
        ShapeError: y is no scalar and there is no seed.
    """
    wanted = [xs] if isinstance(xs, Node) else list(xs)
    if not isinstance(y, Node) or not y._needs:
        check_readable(y)
    start = seed_of(y, seed)
    if create_graph:
        start = y._result(start.copy())
        found = dict(walk_back(y, start, TensorReading(), set(wanted)))
    else:
        with no_grad():
            reading = ArrayReading()
            walk = walk_back(y, start, reading, set(wanted))
            found = {n: y._result(reading.backend(n).owned(gradient)) for n, gradient in walk}
    for x in wanted:
        if x not in found:
            raise TapeError(f"{y.label} does not depend on {x.label}, or that requires no gradient")
    results = tuple(found[x] for x in wanted)
    return results[0] if isinstance(xs, Node) else results
