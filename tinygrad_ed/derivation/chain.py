"""The chain rule from the loss to one weight: every path, and the whole gradient in one formula."""

import ast
import itertools
from typing import TYPE_CHECKING

from .expressions import replaced, without_ones
from .math import text
from .wording import name_text

if TYPE_CHECKING:
    from .derivation import Derivation

PATHS = 8
"""So many paths are written out."""


def paths(derivation: "Derivation", leaf: str) -> list[list[str]]:
    """The ways from the loss back to a leaf, each as the names it goes through.

    Raises:
        KeyError: No gradient of that name is derived.
    """
    found: list[list[str]] = []
    before = _before(derivation)
    todo = [[leaf]]
    while todo and len(found) <= PATHS:
        way = todo.pop()
        if way[-1] == derivation.result:
            found.append(way[::-1])
            continue
        todo += [[*way, above] for above in reversed(before.get(way[-1], []))]
    if not found:
        raise KeyError(
            f"no gradient flows to {leaf!r} here; there are {', '.join(derivation.gradients)}"
        )
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

    Only results of the forward pass and leaves stand in it, so it can be run.

    Raises:
        KeyError: No gradient of that name is derived.
    """
    if leaf not in derivation.gradients:
        raise KeyError(
            f"no gradient flows to {leaf!r} here; there are {', '.join(derivation.gradients)}"
        )
    found: dict[str, ast.expr] = {}
    for step in derivation.steps():
        if step.phase != "backward":
            continue
        for line in step.lines:
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
                code = ast.Constant(1) if _is_unit(step.kind, line) else line.value
                found[line.targets[0].id] = without_ones(replaced(code, found))
    return found[derivation.gradients[leaf]]


def _is_unit(kind: str, line: ast.Assign) -> bool:
    """Whether a line only says that the loss changes with itself as 1 to 1."""
    return kind == "seed" and ast.unparse(line.value).startswith("np.ones_like")


def chain_as_text(derivation: "Derivation", leaf: str) -> str:
    """The chain-rule view as text."""
    symbols = derivation.symbols
    loss, target = name_text(derivation.result, symbols), name_text(leaf, symbols)
    products = []
    ways = paths(derivation, leaf)
    for way in ways[:PATHS]:
        names = [name_text(name, symbols) for name in way]
        steps = [f"∂{a}/∂{b}" for a, b in itertools.pairwise(names)]
        products.append(" · ".join(steps))
    more = "\n   + … more paths" if len(ways) > PATHS else ""
    whole = text(in_one_formula(derivation, leaf), symbols)
    return (
        f"∂{loss}/∂{target}\n   = " + "\n   + ".join(products) + more + f"\n\nd{target} = {whole}\n"
    )
