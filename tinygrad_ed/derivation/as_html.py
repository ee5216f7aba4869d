"""A derivation as one page, as a stepper, and as the few lines that a notebook shows."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

from .as_text import HEADINGS
from .math import text
from .page import data_script, escaped, page
from .page_graph import Picture, picture
from .page_step import Cards
from .page_values import brief
from .parts import becomes
from .steps import Step
from .wording import name_text, words

if TYPE_CHECKING:
    from .derivation import Derivation

LISTED = 30
"""Steps that a notebook lists at most."""


def as_html(derivation: "Derivation", digits: int = 4) -> str:
    """The whole derivation as one page."""
    drawn, title = picture(derivation), words(derivation.title, derivation.symbols)
    body = f"""<header><h1>{escaped(title)}</h1></header>
{_strip(drawn)}
<div class="columns">
{_contents(derivation)}
<main>
{_steps(derivation, drawn, digits)}
</main>
</div>"""
    return page(
        title,
        body,
        kind="book",
        styles=["page.css"],
        scripts=["math.js", "graph.js", "contents.js"],
    )


def as_stepper(derivation: "Derivation", digits: int = 4) -> str:
    """The same steps one at a time, with the keyboard, and all values known so far beside them."""
    drawn, title = picture(derivation), words(derivation.title, derivation.symbols)
    last = len(derivation)
    body = f"""<header><h1>{escaped(title)}</h1></header>
{_strip(drawn)}
<nav class="controls" aria-label="Steps" hidden>
<button type="button" id="first" aria-label="First step">|◀</button>
<button type="button" id="back" aria-label="One step back">◀</button>
<button type="button" id="play" aria-pressed="false">Play</button>
<button type="button" id="on" aria-label="One step on">▶</button>
<button type="button" id="last" aria-label="Last step">▶|</button>
<input type="range" id="scrubber" min="1" max="{last}" value="1" aria-label="Step">
<label for="jump">step <input type="text" id="jump" inputmode="numeric" size="3"> of {last}</label>
<details class="keys"><summary>keys</summary><p><kbd>←</kbd> <kbd>→</kbd> one step,
<kbd>Home</kbd> <kbd>End</kbd> first and last, <kbd>Space</kbd> plays, <kbd>f</kbd> forward pass,
<kbd>b</kbd> backward pass, a number or <kbd>/</kbd> and <kbd>Enter</kbd> jumps</p></details>
</nav>
<p id="told" class="told" aria-live="polite" role="status"></p>
<div class="columns">
<main>
{_steps(derivation, drawn, digits)}
</main>
<aside class="known" aria-label="Values known so far" hidden><h2>Known so far</h2>
<table id="known"><thead><tr><th scope="col">name</th><th scope="col">shape</th>
<th scope="col">value</th><th scope="col">step</th></tr></thead><tbody></tbody></table></aside>
</div>
{data_script("values", _known(derivation, digits))}"""
    return page(
        title,
        body,
        kind="stepper",
        styles=["page.css", "stepper.css"],
        scripts=["math.js", "graph.js", "known.js", "stepper.js"],
    )


def as_notebook(derivation: "Derivation", digits: int = 4) -> str:
    """The steps in a few lines: no script, no style sheet."""
    symbols, steps = derivation.symbols, list(derivation.steps())
    shown = steps if len(steps) <= LISTED else [*steps[: LISTED - 8], None, *steps[-8:]]
    rows = []
    for step in shown:
        if step is None:
            rows.append(f"<tr><td></td><td>… {len(steps) - LISTED} more steps</td><td></td></tr>")
            continue
        sign, _ = becomes(step)
        formula = _cut(f"{name_text(step.name, symbols)} {sign} {text(step.shown, symbols)}")
        rows.append(
            f"<tr><td>{step.number}</td><td style='text-align:left'>{escaped(formula)}</td>"
            f"<td style='text-align:left'>{escaped(brief(step.value, digits))}</td></tr>"
        )
    return (
        f"<table><caption style='text-align:left'>{escaped(derivation.title)}: {len(steps)} steps"
        f"</caption><thead><tr><th></th><th style='text-align:left'>formula</th>"
        f"<th style='text-align:left'>value</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _cut(formula: str, most: int = 100) -> str:
    return formula if len(formula) <= most else formula[: most - 1] + "…"


# --- the parts of a page --------------------------------------------------------------------------


def _strip(drawn: Picture) -> str:
    if drawn.svg:
        return (
            '<details class="graph" open><summary>graph</summary>'
            f'<div class="wide" id="graph" tabindex="0" role="group" aria-label="Graph">{drawn.svg}'
            "</div></details>"
        )
    return f'<p class="note">{escaped(drawn.note)}</p>' if drawn.note else ""


def _contents(derivation: "Derivation") -> str:
    symbols = derivation.symbols
    parts = ['<nav class="contents" aria-label="Steps"><details open><summary>Steps</summary>']
    parts.append('<p><a href="#given">Given</a></p>')
    for phase, steps in groupby(derivation.steps(), key=lambda step: step.phase):
        items = "".join(
            f'<li value="{step.number}"><a href="#step-{step.number}">'
            f"{escaped(name_text(step.name, symbols))} "
            f"<small>{escaped(_short(step))}</small></a></li>"
            for step in steps
        )
        parts.append(f'<h2>{HEADINGS[phase]}</h2><ol class="{phase}">{items}</ol>')
    return "".join([*parts, "</details></nav>"])


def _short(step: Step) -> str:
    """What a step does, in a word or two."""
    if step.kind == "gradient" and step.op is not None:
        return step.op.called.replace("_", " ")
    kinds = {"seed": "start", "sum": "sum over axes", "add": "paths meet", "cast": "number type"}
    return kinds.get(step.kind, "") or (step.op.called.replace("_", " ") if step.op else "")


def _steps(derivation: "Derivation", drawn: Picture, digits: int) -> str:
    cards = Cards(derivation, digits)
    parts = [cards.given()]
    for phase, steps in groupby(derivation.steps(), key=lambda step: step.phase):
        parts.append(f'<section class="{phase}"><h2>{HEADINGS[phase]}</h2>')
        for step in steps:
            parts.append(cards.card(step, drawn.marks(step, derivation.symbols.gradients)))
        parts.append("</section>")
    return "\n".join(parts)


def _known(derivation: "Derivation", digits: int) -> list[dict[str, Any]]:
    """Of each name what it is from which step on; the leaves are there from the start."""
    found: dict[str, dict[str, Any]] = {}

    def add(name: str, number: int, array: Any, phase: str) -> None:
        row = found.setdefault(
            name,
            {
                "name": name_text(name, derivation.symbols),
                "phase": phase,
                "shape": " × ".join(map(str, array.shape)) or "number",
                "values": [],
            },
        )
        row["values"].append([number, brief(array, digits)])

    for name, array in derivation.inputs.items():
        add(name, 0, array, "given")
    for step in derivation.steps():
        add(step.name, step.number, step.value, step.phase)
    return list(found.values())
