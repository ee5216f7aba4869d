"""The graph on top of a page: the results of the forward pass, and which box a step belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..drawing.draw import READABLE, Drawing
from ..drawing.graph import Box, Edge, Graph
from ..drawing.svg import laid_out
from .parts import operands
from .steps import Array, Step
from .wording import name_text, words

if TYPE_CHECKING:
    from .derivation import Derivation


@dataclass(frozen=True)
class Picture:
    """A drawn graph.

    Attributes:
        svg: Its text; "" if there is none.
        boxes: The id of the box of each name.
        note: Why there is none.
    """

    svg: str = ""
    boxes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def marks(self, step: Step, gradients: Mapping[str, str]) -> dict[str, str]:
        """What a step marks: "box", the result or the leaf that it is about, and "through", the
        result that the way back comes through.
        """
        about = gradients.get(step.name, step.name) if step.phase == "backward" else step.name
        found = {"box": self.boxes.get(about), "through": self.boxes.get(step.through or "")}
        return {key: box for key, box in found.items() if box}


def picture(derivation: "Derivation") -> Picture:
    """The graph of the forward pass, as `tg.draw` draws it, layers taken apart as in the steps."""
    results = [step for step in derivation.steps() if step.phase == "forward"]
    if not results:
        return Picture()
    graph = _graph(derivation, results)
    if len(graph.boxes) > READABLE:
        return Picture(
            note=f"A graph of {len(graph.boxes)} boxes is too large to read here; "
            f"tg.draw(…) draws it with its layers as boxes."
        )
    title = f"the computation of {derivation.result}"
    svg = Drawing(graph, laid_out(graph, "right"), title, (), "auto").svg()
    mark = svg.partition(' aria-labelledby="')[2].partition("-title")[0]
    return Picture(svg, {box.key: f"{mark}-{k}" for k, box in enumerate(graph.boxes)})


def _graph(derivation: "Derivation", results: list[Step]) -> Graph:
    boxes: list[Box] = []
    place: dict[str, int] = {}
    edges: list[Edge] = []
    plain = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")  # in a box each letter is equally wide
    flowing = set(derivation.gradients)  # what a gradient flows to, or through

    def add(name: str, kind: str, rows: tuple[str, ...], array: Array) -> int:
        shape = f"{tuple(array.shape)} {array.dtype}"
        called = name_text(name, derivation.symbols).translate(plain)
        detail = "\n".join([called, *rows, shape])
        place[name] = len(boxes)
        boxes.append(Box(name, kind, called, (*rows, shape), detail, frozen=name not in flowing))
        return place[name]

    for step in results:
        sources = [name for name in operands(step) if name in place or name in derivation.inputs]
        for name in sources:
            if name not in place:
                kind = "parameter" if name in derivation.gradients else "data"
                add(name, kind, (), derivation.inputs[name])
        if flowing.intersection(sources):
            flowing.add(step.name)
        kind = "root" if step.name == derivation.result else "result"
        target = add(step.name, kind, (words(step.title, derivation.symbols),), step.value)
        computed = {s.name for s in results}
        edges += [
            Edge(place[name], target, name, name not in flowing, name in computed)
            for name in sources
        ]
    return Graph(boxes, edges)
