"""Naming the indices of a derived formula: each letter one size, the operand's own letters first.

While a formula is differentiated every sum has an index of its own (`n`, `n'1`, and `@0` for a
place of the derivative). At the end they become letters again. A letter may stand for several sums,
but everywhere for the same size; so indices are sorted into classes of equal size by the axes that
they run over.
"""

from ...ops.index.text import Formula
from ...ops.index.tree import Entry, Index, Node, Reduce, Size, Softmax, rebuilt, walk
from .calculus import NoRuleError

POOL = "ijkmnpqrsuvwabcdefghtxyzlo"


class Classes:
    """Which indices have one size, from the axes where they stand alone.

    Args:
        formula: The formula that is differentiated.
    """

    def __init__(self, formula: Formula) -> None:
        self.parent: dict[object, object] = {}
        own_range = dict(formula.ranges)
        for node in (*formula.left, *walk(formula.right)):
            if isinstance(node, Softmax):
                node = node.entry
            if isinstance(node, Entry):
                for axis, index in enumerate(node.indices):
                    if isinstance(index, Index) and index.name[0] not in own_range:
                        self.join(index.name[0], (node.name, axis))

    def join(self, a: object, b: object) -> None:
        """Both have one size."""
        self.parent[self.find(a)] = self.find(b)

    def find(self, key: object) -> object:
        """The class of an index (a letter) or of an axis (operand, number)."""
        while key in self.parent and self.parent[key] != key:
            key = self.parent[key]
        return key


class Namer:
    """Letters for the indices of a derived formula.

    Args:
        classes: Which indices have one size.
        operand: Whose derivative it is.
        avoid: Letters that name operands.
        originals: The letters of the formula, in order.
    """

    def __init__(
        self, classes: Classes, operand: str, avoid: set[str], originals: list[str]
    ) -> None:
        self.classes, self.operand, self.avoid, self.originals = classes, operand, avoid, originals
        self.assigned: dict[str, object] = {}

    def size_class(self, token: str) -> object:
        """The class of an index by its name while differentiating."""
        if token.startswith("@"):
            return self.classes.find((self.operand, int(token[1:])))
        return self.classes.find(token[0])

    def letter(self, token: str, taken: set[str], preferred: str = "") -> str:
        """A letter for an index, none of those that are taken here."""
        wanted = self.size_class(token)
        alike = [c for c in self.originals if self.classes.find(c) == wanted]
        first: list[str] = []
        if preferred or not token.startswith("@"):
            first = [preferred or token[0]]
        candidates: list[str] = [*first, *alike, *POOL]
        for candidate in candidates:
            known = candidate in self.assigned
            foreign = candidate in self.originals and candidate not in [*first, *alike]
            if candidate in taken or candidate in self.avoid or (foreign and not known):
                continue
            if not known or self.assigned[candidate] == wanted:
                self.assigned[candidate] = wanted
                return candidate
        raise NoRuleError("more indices than letters")

    def named(self, node: Node, names: dict[str, str]) -> Node:
        """A node with letters for its indices; sums inside get letters of their own."""
        if isinstance(node, Index):
            return Index(names.get(node.name, node.name))
        if isinstance(node, Reduce):
            taken = set(names.values())
            inner = dict(names)
            for token in node.indices:
                inner[token] = self.letter(token, taken)
                taken.add(inner[token])
            return Reduce(
                node.kind, tuple(inner[t] for t in node.indices), self.named(node.body, inner)
            )
        return rebuilt(node, lambda child: self.named(child, names))

    def with_sizes(self, node: Node) -> Node:
        """Sizes by the letters that are left.

        Raises:
            NoRuleError: No index of that size is left.
        """
        if isinstance(node, Size):
            wanted = self.size_class(node.of)
            own = node.of[0]
            if self.assigned.get(own) == wanted:
                return Size(own)
            for letter, size in self.assigned.items():
                if size == wanted:
                    return Size(letter)
            raise NoRuleError(f"no index of the size of {node.of} is left")
        return rebuilt(node, self.with_sizes)


def unique(node: Node, used: set[str]) -> Node:
    """The node with another name for every sum's index."""
    if isinstance(node, Reduce):
        values = {}
        for letter in node.indices:
            name, k = letter, 0
            while name in used:
                k += 1
                name = f"{letter}'{k}"
            used.add(name)
            values[letter] = name
        body = _renamed(node.body, values)
        return Reduce(node.kind, tuple(values.values()), unique(body, used))
    return rebuilt(node, lambda child: unique(child, used))


def _renamed(node: Node, values: dict[str, str]) -> Node:
    """Free indices renamed, sizes left alone: a letter has one size everywhere."""
    if isinstance(node, Index):
        return Index(values.get(node.name, node.name))
    if isinstance(node, Reduce):
        values = {k: v for k, v in values.items() if k not in node.indices}
    return rebuilt(node, lambda child: _renamed(child, values))
