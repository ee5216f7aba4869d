"""The chain rule from the loss to one weight: every path, and the whole gradient in one formula."""

import ast
import itertools
from typing import TYPE_CHECKING

from ..ops.source import names_read
from ..views.emit import identifier
from .expressions import replaced, without_ones
from .math import text
from .wording import name_text

if TYPE_CHECKING:
    from .derivation import Derivation

PATHS = 8
"""So many paths are written out."""
LONGEST = 1000
"""A formula with more parts is not written down: nobody could read it."""


def paths(derivation: "Derivation", leaf: str) -> list[list[str]]:
    """The ways from the loss back to a leaf or result, each as the names it goes through.

    Raises:
        KeyError: No gradient of that name is derived.
    """
    _target(derivation, leaf)
    found: list[list[str]] = []
    before = _before(derivation)
    todo = [[leaf]]
    while todo and len(found) <= PATHS:
        way = todo.pop()
        if way[-1] == derivation.result:
            found.append(way[::-1])
            continue
        todo += [[*way, above] for above in reversed(before.get(way[-1], []))]
    return found


def _before(derivation: "Derivation") -> dict[str, list[str]]:
    """Of each tensor, the results that it went into, as far as gradients flow through them."""
    above: dict[str, list[str]] = {}
    for step in derivation.steps():
        if step.kind == "gradient" and step.through is not None:
            source = derivation.symbols.gradients[step.name]
            above.setdefault(source, []).append(step.through)
    return above


def in_one_formula(derivation: "Derivation", leaf: str) -> ast.expr:
    """The gradient of a leaf as one expression: all the steps back, put into each other.

    Only results of the forward pass and leaves stand in it, so it can be run. Where paths part and
    meet again and again it doubles each time: see `length_in_one`.

    Raises:
        KeyError: No gradient of that name is derived.
    """
    target = _target(derivation, leaf)
    lines = _lines_back(derivation)
    found: dict[str, ast.expr] = {}
    for name in _needed(lines, target):
        found[name] = without_ones(replaced(lines[name], found))
    return found[target]


def length_in_one(derivation: "Derivation", leaf: str) -> int:
    """How many parts that expression has, without writing it down.

    Raises:
        KeyError: No gradient of that name is derived.
    """
    target = _target(derivation, leaf)
    lines = _lines_back(derivation)
    sizes: dict[str, int] = {}
    for name in _needed(lines, target):
        nodes = [n for n in ast.walk(lines[name]) if not isinstance(n, ast.expr_context)]
        sizes[name] = sum(sizes.get(n.id, 1) if isinstance(n, ast.Name) else 1 for n in nodes)
    return sizes[target]


def _target(derivation: "Derivation", name: str) -> str:
    """What holds the whole gradient of a leaf or a result.

    Raises:
        KeyError: There is none.
    """
    if name in derivation.gradients:
        return derivation.gradients[name]
    for step in reversed(list(derivation.steps())):
        if derivation.symbols.gradients.get(step.name) == name:
            return step.name
    raise KeyError(
        f"no gradient flows to {name!r} here; there are {', '.join(derivation.gradients)}"
    )


def _lines_back(derivation: "Derivation") -> dict[str, ast.expr]:
    """What each name of the way back stands for, in the order in which they are computed.

    A name that gets several values (the sum of three paths) has the earlier ones put in.
    """
    lines: dict[str, ast.expr] = {}
    for step in derivation.steps():
        if step.phase != "backward":
            continue
        for line in step.lines:
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                name = line.targets[0].id
                code: ast.expr = ast.Constant(1) if _is_unit(step.kind, line) else line.value
                earlier = {name: lines.pop(name)} if name in lines else {}
                lines[name] = replaced(code, earlier)
    return lines


def _needed(lines: dict[str, ast.expr], target: str) -> list[str]:
    """The names that one depends on, itself last."""
    needed = {target}
    for name in reversed(lines):
        if name in needed:
            needed |= names_read(lines[name]) & lines.keys()
    return [name for name in lines if name in needed]


def _is_unit(kind: str, line: ast.Assign) -> bool:
    """Whether a line only says that the loss changes with itself as 1 to 1."""
    return kind == "seed" and ast.unparse(line.value).startswith("np.ones_like")


def chain_as_text(derivation: "Derivation", leaf: str) -> str:
    """The chain-rule view as text."""
    symbols = derivation.symbols
    if leaf not in derivation.gradients and identifier(leaf) in derivation.gradients:
        leaf = identifier(leaf)  # 0.W is _0_W in formulas
    loss, target = name_text(derivation.result, symbols), name_text(leaf, symbols)
    products = []
    ways = paths(derivation, leaf)
    for way in ways[:PATHS]:
        names = [name_text(name, symbols) for name in way]
        steps = [f"∂{a}/∂{b}" for a, b in itertools.pairwise(names)]
        products.append(" · ".join(steps))
    more = "\n   + … more paths" if len(ways) > PATHS else ""
    length = length_in_one(derivation, leaf)
    if length <= LONGEST:
        whole = f"d{target} = {text(in_one_formula(derivation, leaf), symbols)}"
    else:
        whole = (
            f"d{target} in one formula has {length:,} parts: the steps of the derivation say it in "
            f"{len(_needed(_lines_back(derivation), _target(derivation, leaf)))} lines."
        )
    return f"∂{loss}/∂{target}\n   = " + "\n   + ".join(products) + f"{more}\n\n{whole}\n"
