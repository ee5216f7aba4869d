"""The tape: record what was computed from what, walk it backwards, read it.

A node of the tape is the result tensor itself. It remembers its op, the operands ("sources"), the
parameters, and for each operand the version it had; it points to what it came from and nothing
points back, so there is no cycle and the tape is freed with its last result.

Everything the project offers is a reading of this one tape. `walk_back` is the chain rule: it knows
the order and the sums, and asks a `Reading` for the steps. Arrays give gradients, recorded tensors
give higher derivatives, names give a program (`unroll`).
"""

import contextlib
import itertools
import threading
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from .backends import Backend
from .errors import DTypeError, ShapeError, TapeError
from .ops.registry import Op

Value = TypeVar("Value")


class Version:
    """How often a storage was written to, and who wrote last; views share one."""

    __slots__ = ("by", "count")

    def __init__(self) -> None:
        self.count = 0
        self.by = ""


class Node:
    """The tape's side of a tensor; `tensor.Tensor` adds the arithmetic."""

    __slots__ = (
        "__weakref__",
        "_array",
        "_backend",
        "_grad",
        "_needs",
        "_op",
        "_order",
        "_params",
        "_retains",
        "_sources",
        "_used",
        "_version",
        "_versions",
        "name",
    )
    _array: Any
    _backend: Backend
    _grad: Any
    _op: Op | None
    _sources: tuple[Any, ...]
    _params: dict[str, Any]
    _versions: tuple[int, ...]
    _version: Version
    _order: int
    _used: bool
    _retains: bool
    _needs: bool
    name: str | None

    def _result(self, array: Any, requires_grad: bool = False) -> Any:
        """A new tensor on the same device."""
        raise NotImplementedError

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows to it; on a leaf it can be switched (a parameter is frozen)."""
        return self._needs

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self._op is not None and not wanted:
            raise TapeError(
                f"{self.label} was recorded, so a gradient flows through it: cut it with .detach()"
            )
        if wanted and self._array.dtype.kind != "f":
            raise DTypeError(
                f"only floating-point tensors can require a gradient, {self.label} is "
                f"{self._array.dtype}: make it with dtype='float32' or 'float64'"
            )
        self._needs = bool(wanted)

    @property
    def label(self) -> str:
        """How messages call it: its name, else its op, with its shape."""
        what = self.name or (f"the result of {self._op.name}" if self._op else "a tensor")
        return f"{what} {tuple(self._array.shape)}"


class _State(threading.local):
    recording = True


_state = _State()
_ticket = itertools.count().__next__


def is_recording() -> bool:
    """Whether ops on tensors that require a gradient are recorded in this thread."""
    return _state.recording


@contextlib.contextmanager
def no_grad() -> Iterator[None]:
    """Nothing is recorded inside (in this thread): for evaluation and for hand-written updates.

    Also usable as a decorator.
    """
    before, _state.recording = _state.recording, False
    try:
        yield
    finally:
        _state.recording = before


def record(node: Node, op: Op, sources: tuple[Any, ...], params: dict[str, Any]) -> None:
    """Makes a fresh result a node: it now remembers where it came from."""
    node._op = op
    node._sources = sources
    node._params = params
    node._versions = tuple(s._version.count if isinstance(s, Node) else 0 for s in sources)
    node._order = _ticket()


def needs_of(node: Node) -> tuple[bool, ...]:
    """Which operands of a node need a gradient."""
    return tuple(isinstance(s, Node) and s._needs for s in node._sources)


def check_unchanged(node: Node) -> None:
    """A reading of this node would use its operands: they must be what they were.

    Raises:
        TapeError: An operand was written to since; it is named, and so is who wrote.
    """
    for source, version in zip(node._sources, node._versions, strict=True):
        if isinstance(source, Node) and source._version.count != version:
            raise TapeError(
                f"{source.label} was changed in place by {source._version.by} after "
                f"{node._op.name if node._op else 'op'} used it, so this tape no longer fits its "
                f"numbers. Run the forward pass again, or read the tape before the change"
            )


def recorded_nodes(root: Node) -> list[Node]:
    """All recorded results that root depends on, root first, each before what it came from."""
    if root._op is None:
        return []
    seen, todo, nodes = {id(root)}, [root], []
    while todo:
        node = todo.pop()
        nodes.append(node)
        for source in node._sources:
            if (
                isinstance(source, Node)
                and source._op is not None
                and source._needs
                and id(source) not in seen
            ):
                seen.add(id(source))
                todo.append(source)
    nodes.sort(key=lambda node: node._order, reverse=True)
    return nodes


class Reading(Protocol, Generic[Value]):
    """What a walk needs: how to take one step back and how to add two contributions."""

    def vjp(self, node: Node, upstream: Value, needs: tuple[bool, ...]) -> Any:
        """The gradients of one node's operands, as its op's VJP gives them."""

    def sum_to(self, gradient: Value, axes: tuple[int, ...], source: Node) -> Value:
        """The gradient summed over the axes along which source was broadcast."""

    def cast(self, gradient: Value, source: Node) -> Value:
        """The gradient in the number type of source."""

    def add(self, first: Value, second: Value, source: Node) -> Value:
        """Two paths meet in source: their contributions add up."""

    def shape(self, gradient: Value) -> tuple[int, ...]:
        """The gradient's shape."""

    def dtype(self, gradient: Value) -> Any:
        """The gradient's number type."""


def broadcast_axes(wide: tuple[int, ...], narrow: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of `wide` along which an array of shape `narrow` was repeated."""
    extra = len(wide) - len(narrow)
    return tuple(range(extra)) + tuple(
        extra + k for k, size in enumerate(narrow) if size == 1 and wide[extra + k] != 1
    )


def walk_back(
    root: Node, seed: Value, reading: Reading[Value], keep: set[int] | None = None
) -> Iterator[tuple[Node, Value]]:
    """The chain rule from root to the leaves.

    Yields (tensor, its whole gradient) for every leaf that requires one and for every inner tensor
    whose id is in `keep` or that asked for it with `retain_grad`.
    """
    keep = keep or set()
    gradients: dict[int, Value] = {id(root): seed}
    leaves: dict[int, Node] = {}
    if root._op is None and root._needs:
        leaves[id(root)] = root
    for node in recorded_nodes(root):
        if id(node) not in gradients:
            continue  # only reachable through operands that got no gradient
        upstream = gradients.pop(id(node))
        if node._retains or id(node) in keep:
            yield node, upstream
        check_unchanged(node)
        needs = needs_of(node)
        contributions = reading.vjp(node, upstream, needs)
        if len(contributions) != len(node._sources):
            raise TapeError(
                f"the VJP of {node._op.name if node._op else 'op'} returned {len(contributions)} "
                f"gradients for {len(node._sources)} operands: one for each, or None"
            )
        for source, contribution in zip(node._sources, contributions, strict=True):
            if contribution is None or not (isinstance(source, Node) and source._needs):
                continue
            contribution = fitted(contribution, source, node, reading)
            key = id(source)
            if key in gradients:
                contribution = reading.add(gradients[key], contribution, source)
            gradients[key] = contribution
            if source._op is None:
                leaves[key] = source
    for key, leaf in leaves.items():
        yield leaf, gradients[key]


def fitted(contribution: Value, source: Node, node: Node, reading: Reading[Value]) -> Value:
    """A contribution in the shape and number type of the operand it belongs to.

    Raises:
        ShapeError: The VJP returned something that no broadcasting explains.
    """
    shape, wanted = reading.shape(contribution), tuple(source._array.shape)
    if shape != wanted:
        fits = len(shape) >= len(wanted) and all(
            size in (1, wide) for size, wide in zip(wanted[::-1], shape[::-1], strict=False)
        )
        if not fits:
            raise ShapeError(
                f"the VJP of {node._op.name if node._op else 'op'} returned a gradient of shape "
                f"{shape} for the operand {source.label}; it must have the operand's shape, "
                f"or one that broadcasting the operand gives"
            )
        contribution = reading.sum_to(contribution, broadcast_axes(shape, wanted), source)
    if reading.dtype(contribution) != source._array.dtype:
        contribution = reading.cast(contribution, source)
    return contribution
