"""One step of a derivation as a section of a page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .page import escaped, math
from .page_values import FULL, table
from .parts import lines_of, operands, parts_of, where_in
from .steps import Step
from .wording import name_latex, name_text, words

if TYPE_CHECKING:
    from .derivation import Derivation

MANY = 100
"""Derivations with more steps show less of each array."""


class Cards:
    """Writes the steps of one derivation.

    Args:
        derivation: It.
        digits: Significant digits.
    """

    def __init__(self, derivation: "Derivation", digits: int) -> None:
        self.derivation, self.digits = derivation, digits
        self.symbols = derivation.symbols
        self.many = len(derivation) > MANY
        self.most = FULL // 2 if self.many else FULL
        self.made: dict[str, int] = {}  # by which step, so far
        self.names: dict[str, str] = {}

    def card(self, step: Step, marks: Mapping[str, str]) -> str:
        """The section of a step; call it once for each, in their order."""
        data = "".join(f' data-{key}="{escaped(value)}"' for key, value in marks.items())
        source = step.op.source if step.op and step.kind == "result" else ""
        cited = f' <small class="source">[{escaped(source)}]</small>' if source else ""
        parts = [
            f'<article class="step {step.phase}" id="step-{step.number}" tabindex="-1" '
            f'aria-labelledby="title-{step.number}"{data}>',
            f'<h3 id="title-{step.number}"><span class="number">{step.number}</span> '
            f"<span>{escaped(words(step.title, self.symbols))}{cited}</span> "
            f'<span class="way">{step.phase}</span></h3>',
            self._formulas(step),
            self._meets(step),
            self._arrays(step),
            self._runs(step) if step.runs_otherwise else "",
            "</article>",
        ]
        self.made[step.name] = step.number
        return "\n".join(part for part in parts if part)

    def name(self, name: str) -> str:
        """A name, as mathematics writes it."""
        if name not in self.names:
            self.names[name] = math(name_text(name, self.symbols), name_latex(name, self.symbols))
        return self.names[name]

    def _formulas(self, step: Step) -> str:
        rows = []
        for part in parts_of(step, self.symbols, self.digits):
            kind = ' class="main"' if part.label == "formula" else ""
            rows.append(
                f"<div{kind}><dt>{part.label}</dt><dd>{math(part.text, part.latex)}</dd></div>"
            )
        return f"<dl>{''.join(rows)}</dl>"

    def _meets(self, step: Step) -> str:
        if step.entry is None or not step.entry.meets:
            return ""
        told = "; ".join(
            f"{words(operand, self.symbols)}: {words(part, self.symbols)}"
            for operand, part in step.entry.meets.items()
        )
        return f'<p class="meets">This entry comes from {escaped(told)}</p>'

    # --- arrays ---------------------------------------------------------------------------------

    def _arrays(self, step: Step) -> str:
        place = None if step.entry is None else step.entry.place
        caption = self.name(step.name) + (" <small>after</small>" if step.changes_it else "")
        result = table(step.value, caption, place, most=self.most, digits=self.digits)
        read = [self._operand(step, name) for name in operands(step) if self._shows(step, name)]
        links = [self._link(name) for name in operands(step)]
        from_where = f'<p class="inputs">reads {", ".join(links)}</p>' if links else ""
        return f'{from_where}<div class="arrays">{"".join(read)}{result}</div>'

    def _shows(self, step: Step, name: str) -> bool:
        """Whether an operand is shown again; in a long derivation only where entries meet."""
        return not self.many or bool(step.entry and name in step.entry.meets)

    def _operand(self, step: Step, name: str) -> str:
        array = step.inputs[name]
        caption = self.name(name) + (" <small>before</small>" if name == step.name else "")
        where = where_in(step, name)
        return table(array, caption, where, most=self.most, digits=self.digits)

    def _link(self, name: str) -> str:
        target = f"step-{self.made[name]}" if name in self.made else f"given-{name}"
        if name not in self.made and name not in self.derivation.inputs:
            return self.name(name)
        return f'<a href="#{escaped(target)}">{self.name(name)}</a>'

    def _runs(self, step: Step) -> str:
        lines = "".join(
            f"<li>{math(part.text, part.latex)}</li>" for part in lines_of(step, self.symbols)
        )
        on_the_way = "".join(
            table(array, self.name(name), most=self.most, digits=self.digits)
            for name, array in step.values.items()
            if name != step.name
        )
        return (
            f"<details><summary>which runs as</summary><ul>{lines}</ul>"
            f"<pre><code>{escaped(step.code)}</code></pre>"
            f'<div class="arrays">{on_the_way}</div></details>'
        )

    def given(self) -> str:
        """The section of the leaves."""
        tables = "".join(
            f'<div id="given-{escaped(name)}">'
            + table(array, self.name(name), most=self.most, digits=self.digits)
            + "</div>"
            for name, array in self.derivation.inputs.items()
        )
        return (
            f'<section class="given" id="given"><h2>Given</h2><div class="arrays">{tables}</div>'
            f"</section>"
        )
