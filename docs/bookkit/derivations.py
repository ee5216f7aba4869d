"""Steps of a derivation as they stand on paper: formula, indices, numbers, value.

    on_paper(tg.explain(L), "Z", "dW")     two steps of it; without names, all
    chain(tg.explain(L), "W1")             the chain rule from the loss to W1
    drawing(tg.draw(L), "what is seen")    a graph that fits the page's colours

What is typeset is what the derivation says, rendered from the code that ran; KaTeX does it while
the book is built. Nothing here has a formula of its own.
"""

import base64
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape

from IPython.display import HTML, Markdown, display

from bookkit.rows import plain
from tinygrad_ed.derivation.chain import in_one_formula, paths
from tinygrad_ed.derivation.derivation import Derivation
from tinygrad_ed.derivation.latex_matrix import matrix
from tinygrad_ed.derivation.math import latex
from tinygrad_ed.derivation.parts import parts_of, split_outside
from tinygrad_ed.derivation.steps import Step
from tinygrad_ed.derivation.wording import name_latex
from tinygrad_ed.drawing import Drawing

GAP = "0.7em"
"""Between the formulas of a step."""


def on_paper(derivation: Derivation, *names: str, digits: int = 4) -> None:
    """Shows steps of a derivation, each as one block of equations under a title.

    Args:
        derivation: Of `tg.explain`.
        names: What the steps compute, in the order in which they are to stand; none for all.
        digits: Significant digits.

    Raises:
        KeyError: No step computes such a name.
    """
    steps = [derivation[name] for name in names] or list(derivation)
    display(Markdown("\n\n".join(_step(derivation, step, digits) for step in steps)))


def _step(derivation: Derivation, step: Step, digits: int) -> str:
    source = step.op.source if step.op and step.kind == "result" else ""
    cited = plain(f" [{source}]") if source else ""
    title = f"**{step.number}** · {_sentence(step.title, derivation)}{cited}"
    groups: list[list[str]] = []
    for group in _equations(derivation, step, digits):
        groups += [] if group in groups else [group]  # dL = 1 is its own entry
    rows = rf" \\[{GAP}] ".join(r" \\ ".join(group) for group in groups)
    parts = [title, f"$$\n\\begin{{aligned}} {rows} \\end{{aligned}}\n$$"]
    if step.entry is not None and (told := _meets(derivation, step)):
        parts.append(told)
    return ":::{container} on-paper\n" + "\n\n".join(parts) + "\n:::"


def _equations(derivation: Derivation, step: Step, digits: int) -> Iterator[list[str]]:
    """Rows of an `aligned` block, a group for each formula; the value comes last."""
    for part in parts_of(step, derivation.symbols, digits):
        inner = re.fullmatch(r"\\begin\{aligned\} (.*) \\end\{aligned\}", part.latex, re.DOTALL)
        if inner:
            yield split_outside(inner[1], r" \\ ")
            continue
        for sign in (r" \leftarrow ", " = "):
            left, *right = split_outside(part.latex, sign)
            if right:
                sides = [k for side in right for k in split_outside(side, " = ")]
                sides = [side for k, side in enumerate(sides) if k == 0 or side != sides[k - 1]]
                yield [f"{_subscripted(left)} &{sign}{' = '.join(sides)}"]
                break
        else:
            raise ValueError(f"no equation: {part.latex}")
    if step.value.ndim or step.entry is None:
        followed = step.entry is not None and step.value.size > 1
        place = step.entry.place if step.entry is not None and followed else None
        shown = matrix(step.value, place, digits=digits)
        room = rf"{{\def\arraystretch{{1.25}}{shown}}}"  # or the box touches the bracket
        yield [f"{name_latex(step.name, derivation.symbols)} &= {room}"]


def _subscripted(left: str) -> str:
    """An entry as index formulas have it: its place below, the name's own number above."""
    found = re.fullmatch(r"(.*?)(?:_\{(\w+)\})?\\left\[([\d, ]+)\\right\]", left)
    if found is None or "_" in found[1]:
        return left
    number = f"^{{({found[2]})}}" if found[2] else ""
    return f"{found[1]}{number}_{{{found[3].replace(' ', '')}}}"


def _meets(derivation: Derivation, step: Step) -> str:
    """Which row meets which column, in words; nothing where whole arrays are read."""
    assert step.entry is not None
    met = []
    for operand, words in step.entry.meets.items():
        where = words.partition(",")[0]
        if re.fullmatch(r"(row|column) \d+", where):
            met.append(f"{where} of ${name_latex(operand, derivation.symbols)}$")
    return f"Here {' meets '.join(met)}." if len(met) > 1 else ""


def _sentence(words: str, derivation: Derivation) -> str:
    """A title with the names in it as mathematics."""
    known = derivation.symbols.shapes
    parts = re.split(r"([^\W\d]\w*)", words)
    return "".join(
        f"${name_latex(part, derivation.symbols)}$" if k % 2 and part in known else plain(part)
        for k, part in enumerate(parts)
    )


def chain(derivation: Derivation, leaf: str) -> None:
    """Shows every path from the loss to a leaf, and its whole gradient in one formula.

    Raises:
        KeyError: No gradient of that name is derived.
    """
    symbols = derivation.symbols

    def written(name: str) -> str:
        return name_latex(name, symbols)

    products = [
        r" \cdot ".join(
            rf"\frac{{\partial {written(a)}}}{{\partial {written(b)}}}"
            for a, b in itertools.pairwise(way)
        )
        for way in paths(derivation, leaf)
    ]
    left = rf"\frac{{\partial {written(derivation.result)}}}{{\partial {written(leaf)}}}"
    whole = latex(in_one_formula(derivation, leaf), symbols)
    gradient = written(derivation.gradients[leaf])
    rows = [f"{left} &= {products[0]}", *(rf"&\quad {{}} + {product}" for product in products[1:])]
    rows = [" \\\\ ".join(rows), f"{gradient} &= {whole}"]
    body = rf" \\[{GAP}]".join(rows)
    display(Markdown(f"$$\n\\begin{{aligned}} {body} \\end{{aligned}}\n$$"))


def drawing(drawn: Drawing, alt: str) -> None:
    """Shows a graph; the page takes the one that fits its colours.

    Args:
        drawn: Of `tg.draw`.
        alt: What is to be seen, for readers who do not see it.
    """
    images = []
    for theme in ("light", "dark"):
        svg = replace(drawn, theme=theme).svg()
        data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
        # On a narrow screen a wide graph scrolls rather than becoming too small to read.
        least = f"min-width: min({drawn.layout.width:.0f}px, 34rem)"
        images.append(
            f'<img class="drawn only-{theme}" alt="{escape(alt)}" style="{least}" '
            f'src="data:image/svg+xml;base64,{data}">'
        )
    display(HTML(f'<div class="plot">{"".join(images)}</div>'))


def beside(first: Derivation, second: Derivation, *names: str) -> None:
    """Shows the same steps of two derivations in a table: formula and shape of each.

    Args:
        first: Of `tg.explain`, with samples as rows, say.
        second: Of the same tensor, with samples as columns.
        names: What the steps compute.
    """
    lines = [f"| {first.convention} convention | | {second.convention} convention | |"]
    lines.append("|---|---|---|---|")
    for name in names:
        cells = []
        for derivation in (first, second):
            step = derivation[name]
            formula = next(parts_of(step, derivation.symbols)).latex
            shape = " × ".join(map(str, step.value.shape)) or "number"
            cells.append(f"${formula}$ | {shape}")
        lines.append(f"| {' | '.join(cells)} |")
    display(Markdown("\n".join(lines)))
