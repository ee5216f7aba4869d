"""`tg.draw(loss)`: the graph of a computation as a picture of its own, in SVG."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..nn.module import Module
from ..recording import state
from ..storage import LOOKING
from ..tensor import Tensor
from ..views.names import Names
from .graph import Graph, Wanted, graph_of
from .groups import Group, derivation_groups, module_groups, watched
from .svg import Layout, laid_out, written
from .theme import THEMES

READABLE = 60
"""So many boxes are still readable; above that layers are collapsed unless you say otherwise."""

MOST = 400
"""So many boxes are drawn at all."""

DIRECTIONS = ("right", "down")


@dataclass(frozen=True)
class Drawing:
    """A drawn graph; notebooks show it by themselves.

    Attributes:
        graph: Its boxes and edges.
        layout: Where they stand.
        title: What it shows.
        notes: What was decided for you, such as collapsed layers.
        theme: "light", "dark" or "auto".
    """

    graph: Graph
    layout: Layout
    title: str
    notes: tuple[str, ...]
    theme: str

    def svg(self) -> str:
        """The text of a complete SVG file: no scripts, no network, fonts of the system."""
        return written(self.graph, self.layout, self.title, self.notes, self.theme)

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes the SVG to a file, and returns where it is.

        Raises:
            ValueError: The file's name does not end in ".svg".
        """
        path = Path(path)
        if path.suffix.lower() != ".svg":
            raise ValueError(
                f"a drawing is an SVG file, and {path.name!r} ends in {path.suffix or 'nothing'!r}:"
                f" save it as {path.stem + '.svg'!r}; every browser shows it, and prints it to "
                f"other formats"
            )
        path.write_text(self.svg(), encoding="utf-8")
        return path

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        boxes, edges = len(self.graph.boxes), len(self.graph.edges)
        notes = "".join(f"; {note}" for note in self.notes)
        return f"<drawing: {self.title}, {boxes} boxes, {edges} edges{notes}>"


def draw(
    what: Tensor | Module,
    *inputs: Any,
    values: bool = False,
    gradients: bool = False,
    shapes: bool = True,
    collapse: bool | int | None = None,
    direction: str = "right",
    theme: str = "auto",
) -> Drawing:
    """The graph that led to a tensor: leaves, results, and what came from what.

        tg.draw(loss).save("loss.svg")
        tg.draw(network, X)

    Names are those of `tg.unroll`. Dashed boxes and arrows need no gradient. Reading changes
    nothing: not the tape, not `.grad`, not the mode of a layer.

    Args:
        what: A recorded tensor, or a network that is run on the inputs, in evaluation mode.
        *inputs: Of a network.
        values: Show the numbers: small arrays in full, of others least, mean and largest entry.
        gradients: Show the gradients, or "not computed" before `backward()`.
        shapes: Show shapes and number types.
        collapse: True draws each layer as one box, with its parameters listed; a number says how
            deep in the network the layers are that become boxes (1 = True: the outermost). None
            collapses only what would have more than 60 boxes otherwise, and says so.
        direction: "right" or "down".
        theme: "light", "dark", or "auto": as the reader's browser is set.

    Raises:
        TapeError: Not recorded; or numbers are wanted and an operand was changed in place since.
        TypeError: Neither a tensor nor a network.
        ValueError: An unknown direction or theme, or more than 400 boxes.
    """
    _check_options(collapse, direction, theme)
    if state.trace is not None:
        state.trace.forbids(f"drawing {_label(what)} {LOOKING}")
    calls = None
    if isinstance(what, Module):
        root, calls = watched(what, inputs)
    elif isinstance(what, Tensor) and not inputs:
        root = what
    else:
        raise TypeError(
            f"draw takes a recorded tensor, draw(loss), or a network with its inputs, "
            f"draw(network, X); got {', '.join(type(x).__name__ for x in (what, *inputs))}"
        )
    names = Names(root, "draw")
    depth = int(collapse or 1)
    groups = derivation_groups(names) if calls is None else module_groups(names, calls, depth)
    wanted = Wanted(values, gradients, shapes)
    graph, notes = _graph(root, names, groups, collapse, wanted)
    if len(graph.boxes) > MOST:
        raise ValueError(_too_many(len(graph.boxes), collapse))
    title = f"the computation of {names.of(root)}"
    return Drawing(graph, laid_out(graph, direction), title, notes, theme)


def _graph(
    root: Tensor, names: Names, groups: list[Group], collapse: bool | int | None, wanted: Wanted
) -> tuple[Graph, tuple[str, ...]]:
    """The graph with the layers as they were asked for; and what was decided."""
    graph = graph_of(root, names, groups, bool(collapse), wanted)
    if collapse is not None or len(graph.boxes) <= READABLE:
        return graph, ()
    smaller = graph_of(root, names, groups, True, wanted)
    if len(smaller.boxes) == len(graph.boxes):
        return graph, ()
    return smaller, (
        f"layers are collapsed, since there would be {len(graph.boxes)} boxes "
        f"(collapse=False shows them all)",
    )


def _check_options(collapse: bool | int | None, direction: str, theme: str) -> None:
    if direction not in DIRECTIONS:
        raise ValueError(f"draw: direction={direction!r} is none of {', '.join(DIRECTIONS)}")
    if theme not in THEMES:
        raise ValueError(f"draw: theme={theme!r} is none of {', '.join(THEMES)}")
    if collapse is not None and (not isinstance(collapse, int) or collapse < 0):
        raise ValueError(
            f"draw: collapse={collapse!r}: True, False, None, or how deep the layers are that "
            f"become boxes, counted from 1"
        )


def _label(what: Any) -> str:
    return what.label if isinstance(what, Tensor) else type(what).__name__


def _too_many(count: int, collapse: bool | int | None) -> str:
    advice = "collapse=True draws each layer as one box; else " if collapse is False else ""
    return (
        f"draw: {count} boxes cannot be read in one picture, and {MOST} is the most: {advice}draw "
        f"a part, such as draw(A1) for a tensor on the way, or a smaller network of the same kind"
    )
