"""The tape: record what was computed from what, walk it backwards, read it.

A node of the tape is the result tensor itself. It remembers its op, the operands ("sources"), the
parameters, and when it was computed; it points to what it came from and nothing points back, so
there is no cycle and the tape is freed with its last result.

Everything the project offers is a reading of this one tape. `walk_back` is the chain rule: it knows
the order and the sums, and asks a `Reading` for the steps. Arrays give gradients, recorded tensors
give higher derivatives, names give a program (`unroll`).
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence, Set
from heapq import heappop, heappush
from typing import Any, Generic, Protocol, TypeVar

from .backends import Backend
from .errors import DTypeError, ShapeError, TapeError
from .ops.registry import Op
from .recording import changes, state

Value = TypeVar("Value")

_ticket = itertools.count().__next__
"""One clock for nodes and writes: what has the larger ticket came later."""


class Version:
    """When a storage was last written to, and by whom; views share one."""

    __slots__ = ("by", "ticket")

    def __init__(self) -> None:
        self.ticket = -1
        self.by = ""


def written(versions: Iterable[Version], by: str) -> None:
    """Readings of nodes that are older than now, and used one of these storages, must refuse."""
    ticket = _ticket()
    for version in versions:
        version.ticket, version.by = ticket, by


class Node:
    """The tape's side of a tensor; `tensor.Tensor` adds the arithmetic."""

    __slots__ = (
        "__weakref__", "_array", "_arrays", "_backend", "_grad", "_home", "_needs", "_op", "_order",
        "_params", "_retains", "_sources", "_spent", "_used", "_version", "_wants", "name",
    )  # fmt: skip
    _array: Any
    _backend: Backend
    _needs: bool
    _version: Version | None  # made when somebody first asks: most results are never written to
    name: str | None
    # of a recorded result
    _op: Op | None
    _sources: tuple[Any, ...]
    _arrays: Sequence[Any]  # what the op was run on: the arrays of the sources
    _wants: tuple[bool, ...]  # which sources required a gradient
    _params: dict[str, Any]
    _order: int
    _used: bool  # backward went from here
    _retains: bool
    # of a leaf, and of a result that retains its gradient
    _grad: Any  # None, an array, or a tensor once somebody has read it
    _home: Any  # where an optimiser wants the gradient to lie, or None
    _spent: bool  # a step was taken with the gradient that is there

    def __init__(self, array: Any, backend: Backend, requires_grad: bool = False) -> None:
        self._array = array
        self._backend = backend
        self._needs = requires_grad
        self._version = self._op = self._grad = self._home = self.name = None
        self._used = self._retains = self._spent = False

    def _result(self, array: Any, requires_grad: bool = False) -> Any:
        """A new tensor on the same device."""
        raise NotImplementedError

    def _storage_version(self) -> Version:
        """When its storage was last written to; shared with whoever shares the storage."""
        if self._version is None:
            self._version = Version()
        return self._version

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
        if state.trace is not None:
            state.trace.sets_needs(self)
        self._needs = bool(wanted)
        changes.note()

    @property
    def label(self) -> str:
        """How messages call it: its name, else its op, with its shape."""
        what = self.name or (f"the result of {self._op.name}" if self._op else "a tensor")
        return f"{what} {tuple(self._array.shape)}"


def record(
    node: Node,
    op: Op,
    sources: tuple[Any, ...],
    arrays: Sequence[Any],
    wants: tuple[bool, ...],
    params: dict[str, Any],
) -> None:
    """Makes a fresh result a node: it now remembers where it came from."""
    node._op = op
    node._sources = sources
    node._arrays = arrays
    node._wants = wants
    node._params = params
    node._order = _ticket()


def check_unchanged(node: Node) -> None:
    """A reading of this node would use its operands: they must be what they were.

    Raises:
        TapeError: An operand was written to since; it is named, and so is who wrote.
    """
    order = node._order
    for source in node._sources:
        if isinstance(source, Node):
            version = source._version
            if version is not None and version.ticket > order:
                raise TapeError(
                    f"{source.label} was changed in place by {version.by} after {_name(node)} "
                    f"used it, so this tape no longer fits its numbers. Run the forward pass "
                    f"again, or read the tape before the change"
                )


def _name(node: Node) -> str:
    return node._op.name if node._op else "op"


def recorded_nodes(root: Node) -> list[Node]:
    """All recorded results that root depends on, root first, each before what it came from."""
    if root._op is None:
        return []
    seen, todo, nodes = {root}, [root], []
    while todo:
        node = todo.pop()
        nodes.append(node)
        for source, wanted in zip(node._sources, node._wants, strict=True):
            if wanted and source._op is not None and source not in seen:
                seen.add(source)
                todo.append(source)
    nodes.sort(key=lambda node: node._order, reverse=True)
    return nodes


class Reading(Protocol, Generic[Value]):
    """What a walk needs: how to take one step back and how to add two contributions."""

    def vjp(self, node: Node, upstream: Value) -> tuple[Sequence[Any], bool]:
        """The gradients of one node's operands, as its op's VJP gives them.

        Also whether they have the operands' shapes and number types for certain: a kernel's do.
        """

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
    root: Node, seed: Value, reading: Reading[Value], keep: Set[Node] = frozenset()
) -> Iterator[tuple[Node, Value]]:
    """The chain rule from root to the leaves.

    Yields (tensor, its whole gradient) for every leaf that requires one and for every inner tensor
    that is in `keep` or that asked for it with `retain_grad`.
    """
    if root._op is None:
        if root._needs:
            yield root, seed
        return
    inner, leaves = {root: seed}, dict[Node, Value]()
    todo = [(-root._order, root)]  # a heap: the latest result first, so its gradient is whole
    while todo:
        node = heappop(todo)[1]
        upstream = inner.pop(node)
        if node._retains or node in keep:
            yield node, upstream
        check_unchanged(node)
        contributions, fit = reading.vjp(node, upstream)
        sources, wants = node._sources, node._wants
        if len(contributions) != len(sources):
            raise TapeError(
                f"the VJP of {_name(node)} returned {len(contributions)} gradients for "
                f"{len(sources)} operands: one for each, or None"
            )
        for source, wanted, contribution in zip(sources, wants, contributions):  # noqa: B905
            if not wanted or contribution is None:
                continue
            if not fit:
                contribution = fitted(contribution, source, node, reading)
            if source._op is None and not source._needs:
                continue  # frozen since
            found = leaves if source._op is None else inner
            before = found.get(source)
            if before is not None:
                contribution = reading.add(before, contribution, source)
            elif found is inner:
                heappush(todo, (-source._order, source))
            found[source] = contribution
    yield from leaves.items()


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
                f"the VJP of {_name(node)} returned a gradient of shape "
                f"{shape} for the operand {source.label}; it must have the operand's shape, "
                f"or one that broadcasting the operand gives"
            )
        contribution = reading.sum_to(contribution, broadcast_axes(shape, wanted), source)
    if reading.dtype(contribution) != source._array.dtype:
        contribution = reading.cast(contribution, source)
    return contribution
