"""The tape as boxes and edges: what there is to draw, before anybody knows where it will stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from ..tape import Node, check_unchanged
from ..tensor import Tensor
from ..views.names import Names
from .facts import Gradients, everything, gradients_of, host, number, numbers, shape_text
from .groups import Group, data_of, is_parameter
from .text import cut

MANY = 6
"""So many results and parameters of a layer are listed in its box; the tool tip has all."""


@dataclass(frozen=True)
class Box:
    """One box.

    Attributes:
        key: What it is called within the drawing; each once.
        kind: "parameter", "data" and "number" are leaves; "result", "root" (the tensor that was
            asked for), and "layer" (several results and their parameters).
        name: Its head line.
        rows: The lines below.
        detail: Everything in full, for the tool tip.
        layer: The layer that it belongs to, or "".
        frozen: No gradient is needed.
    """

    key: str
    kind: str
    name: str
    rows: tuple[str, ...]
    detail: str
    layer: str = ""
    frozen: bool = False


@dataclass(frozen=True)
class Edge:
    """One operand of one op: from where, to where, and the operand's name."""

    source: int
    target: int
    operand: str
    frozen: bool
    main: bool  # from one result to another


@dataclass(frozen=True)
class Graph:
    """Boxes, each after those that it comes from, and the edges between them."""

    boxes: list[Box]
    edges: list[Edge]


@dataclass(frozen=True)
class Wanted:
    """What the boxes show."""

    values: bool = False
    gradients: bool = False
    shapes: bool = True


def graph_of(
    root: Tensor, names: Names, groups: Sequence[Group], collapsed: bool, wanted: Wanted
) -> Graph:
    """The graph that led to a tensor.

    Raises:
        TapeError: Numbers are wanted, and an operand was changed in place since.
    """
    return _Builder(root, names, groups, collapsed, wanted).graph()


class _Builder:
    """Collects boxes and edges in the order of the tape."""

    def __init__(
        self,
        root: Tensor,
        names: Names,
        groups: Sequence[Group],
        collapsed: bool,
        wanted: Wanted,
    ) -> None:
        self.root, self.names, self.wanted = root, names, wanted
        if wanted.values or wanted.gradients:
            for node in names.nodes:
                check_unchanged(node)
        self.gradients: Gradients = gradients_of(root, names) if wanted.gradients else {}
        self.groups = {group.label: group for group in groups}
        self.group_of = {node: group for group in groups for node in group.results}
        self.leaves_of: dict[str, list[Node]] = {}
        self._give_leaves_to_groups()
        self.collapsed = {
            group.label
            for group in groups
            if collapsed and len(group.results) + len(self.leaves_of.get(group.label, ())) > 1
        }
        self.boxes: dict[str, Box] = {}
        self.edges: list[tuple[str, str, str, bool, bool]] = []

    def _give_leaves_to_groups(self) -> None:
        """A parameter that only one layer uses belongs to it; a shared one stands alone."""
        users: dict[Node, set[str]] = {}
        for node in self.names.nodes:
            group = self.group_of.get(node)
            data = data_of(node)
            for source in node._sources:
                if isinstance(source, Node) and source not in self.group_of:
                    own = (
                        group.label if group and is_parameter(source) and source is not data else ""
                    )
                    users.setdefault(source, set()).add(own)
        for leaf, labels in users.items():
            if len(labels) == 1 and leaf._op is None:
                self.leaves_of.setdefault(labels.pop(), []).append(leaf)
        self.leaves_of.pop("", None)
        self.layer_of_leaf = {
            leaf: label for label, leaves in self.leaves_of.items() for leaf in leaves
        }

    def graph(self) -> Graph:
        for node in self.names.nodes:
            op = node._op
            assert op is not None
            operands = op.names_of(len(node._sources))
            for k, source in enumerate(node._sources):
                if source is not None:
                    self._edge(source, node, operands[k], node._wants[k], k)
            self._key(node)
        return _sorted(self.boxes, self.edges)

    def _edge(self, source: Any, node: Node, operand: str, needs: bool, k: int) -> None:
        start = self._key(source) if isinstance(source, Node) else self._number(source, node, k)
        end = self._key(node)
        if start != end:
            main = isinstance(source, Node) and source._op is not None
            self.edges.append((start, end, operand, not needs, main))

    def _key(self, node: Node) -> str:
        """The box of a tensor, made on first sight; a label has a space, a name has none."""
        group = self.group_of.get(node)
        label = group.label if group else self.layer_of_leaf.get(node, "")
        if label in self.collapsed:
            if label not in self.boxes:
                self.boxes[label] = self._layer_box(self.groups[label])
            return label
        name = self.names.of(node)
        if name not in self.boxes:
            self.boxes[name] = self._box(node, label)
        return name

    def _number(self, value: float, node: Node, k: int) -> str:
        """A plain number belongs to the one op that uses it, and is folded away with it."""
        group = self.group_of.get(node)
        if group and group.label in self.collapsed:
            return self._key(node)
        key = f"{self.names.of(node)}.{k}"
        detail = f"the number {value!r}"
        self.boxes[key] = Box(key, "number", number(value), (), detail, frozen=True)
        return key

    # --- what they say --------------------------------------------------------------------------

    def _box(self, node: Node, label: str) -> Box:
        name = self.names.of(node)
        kind = "result" if node._op else "parameter" if is_parameter(node) else "data"
        rows = [_op_text(node)] if node._op else []
        rows += [shape_text(node)] if self.wanted.shapes else []
        rows += self._numbers(name, node)
        return Box(
            key=name,
            kind="root" if node is self.root else kind,
            name=name,
            rows=tuple(rows),
            detail="\n".join(self._detail(node)),
            layer=label,
            frozen=not node.requires_grad,
        )

    def _numbers(self, name: str, node: Node) -> list[str]:
        name = cut(name, 16)  # the numbers matter more
        rows = numbers(name, host(node)) if self.wanted.values else []
        if self.wanted.gradients and node.requires_grad:
            found, name = self.gradients[node], f"d{name}"
            rows += [f"{name}: {found}"] if isinstance(found, str) else numbers(name, found)
        return rows

    def _detail(self, node: Node) -> list[str]:
        """All there is to say, in full."""
        name = self.names.of(node)
        lines = [name if node.name in (None, name) else f"{name} ({node.name})"]
        if node._op:
            lines[0] += f" = {_call_text(node, self.names)}"
            lines += [_op_text(node)]
        lines.append(shape_text(node) + ("" if node.requires_grad else ", needs no gradient"))
        if self.wanted.values:
            lines.append(f"{name} = {everything(host(node))}")
        if self.wanted.gradients and node.requires_grad:
            gradient = self.gradients[node]
            text = gradient if isinstance(gradient, str) else everything(gradient)
            lines.append(f"d{name} = {text}")
        return lines

    def _layer_box(self, group: Group) -> Box:
        """Its results, its parameters, and the shape of what it gives."""
        leaves, last = self.leaves_of.get(group.label, []), group.results[-1]
        rows = [f"{self.names.of(n)} = {_op_text(n)}" for n in group.results]
        rows[MANY:] = [f"… {len(rows) - MANY} more"] if len(rows) > MANY + 1 else rows[MANY:]
        shown = leaves[:MANY] if len(leaves) > MANY + 1 else leaves
        for leaf in shown:
            name = self.names.of(leaf)
            rows += [f"{name} {shape_text(leaf)}"] if self.wanted.shapes else [name]
            rows += self._numbers(name, leaf)
        if shown is not leaves:
            rows.append(f"… {len(leaves) - len(shown)} more parameters")
        name = self.names.of(last)
        rows += [f"→ {name} {shape_text(last)}"] if self.wanted.shapes else []
        rows += self._numbers(name, last)
        detail = [group.label]
        for node in [*leaves, *group.results]:
            detail += self._detail(node)
        return Box(group.label, "layer", group.label, tuple(rows), "\n".join(detail), group.label)


def _op_text(node: Node) -> str:
    """linear, relu [D1-F1]."""
    op = node._op
    assert op is not None
    activation = node._params.get("activation")
    source = f" [{op.source}]" if op.source else ""
    return f"{op.called}{f', {activation}' if activation else ''}{source}"


def _call_text(node: Node, names: Names) -> str:
    """linear(X, W1, b1, activation='relu')."""
    op = node._op
    assert op is not None
    given = [names.of(s) if isinstance(s, Node) else repr(s) for s in node._sources]
    given += [f"{k}={cut(repr(v), 60)}" for k, v in node._params.items() if v is not None]
    return f"{op.called}({', '.join(given)})"


def _sorted(boxes: dict[str, Box], edges: Sequence[tuple[str, str, str, bool, bool]]) -> Graph:
    """Each box after its sources, and otherwise in the order in which they were met."""
    place = {key: k for k, key in enumerate(boxes)}
    targets: list[list[int]] = [[] for _ in boxes]
    waiting = [0] * len(boxes)
    for start, end, *_ in edges:
        targets[place[start]].append(place[end])
        waiting[place[end]] += 1
    ready = [k for k in range(len(boxes)) if not waiting[k]]
    number_of: dict[int, int] = {}
    while ready:
        k = heappop(ready)
        number_of[k] = len(number_of)
        for target in targets[k]:
            waiting[target] -= 1
            if not waiting[target]:
                heappush(ready, target)
    listed = list(boxes.values())
    return Graph(
        [listed[k] for k in number_of],
        [
            Edge(number_of[place[start]], number_of[place[end]], operand, frozen, main)
            for start, end, operand, frozen, main in edges
        ],
    )
