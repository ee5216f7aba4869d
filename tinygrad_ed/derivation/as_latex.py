"""A derivation as a LaTeX document: article, amsmath, nothing exotic."""

import re
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from .as_text import HEADINGS
from .latex_breaks import display
from .latex_letters import declarations
from .latex_matrix import FULL, matrix
from .math import Symbols
from .math.tex import escaped
from .page_values import layer_of
from .parts import Where, lines_of, parts_of
from .steps import Array, Step
from .wording import name_latex

if TYPE_CHECKING:
    from .derivation import Derivation

PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb,graphicx}
\usepackage[margin=22mm]{geometry}
\allowdisplaybreaks
\setcounter{MaxMatrixCols}{20}
\setlength{\parindent}{0pt}
\setlength{\arraycolsep}{4pt}
\setlength{\fboxsep}{1.5pt}
\setlength{\emergencystretch}{3em}
% What is wider than the line is made smaller.
\newcommand{\fit}[1]{\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}%
  {$\displaystyle #1$}}
% A small heading in front of a formula.
\newcommand{\what}[1]{\par\textit{\small #1}\nopagebreak}
"""


def as_latex(derivation: "Derivation", digits: int = 4) -> str:
    """The whole derivation as a document for pdfLaTeX, XeLaTeX or LuaLaTeX."""
    symbols = derivation.symbols
    body = [rf"\section*{{{sentence(derivation.title, symbols)}}}", r"\subsection*{Given}"]
    for name, array in derivation.inputs.items():
        body += _value(name, array, None, symbols, digits)
    for phase, steps in groupby(derivation.steps(), key=lambda step: step.phase):
        body.append(rf"\section*{{{HEADINGS[phase]}}}")
        for step in steps:
            body += ["", *_step(step, symbols, digits)]
    content = "\n".join(body)
    return "\n".join(
        [
            PREAMBLE + declarations(content),
            r"\begin{document}",
            content,
            r"\end{document}" + "\n",
        ]
    )


def _step(step: Step, symbols: Symbols, digits: int) -> list[str]:
    source = step.op.source if step.op and step.kind == "result" else ""
    cited = rf" {{\normalfont\small [{escaped(source)}]}}" if source else ""
    lines = [rf"\subsection*{{{step.number}.\enspace {sentence(step.title, symbols)}{cited}}}"]
    for part in parts_of(step, symbols, digits):
        if part.label != "formula":
            lines.append(rf"\what{{{part.label}}}")
        lines.append(display(part.latex))
    if step.entry is not None and step.entry.meets:
        told = "; ".join(
            f"{sentence(operand, symbols)}: {sentence(part, symbols)}"
            for operand, part in step.entry.meets.items()
        )
        lines.append(rf"{{\small This entry comes from {told}.\par}}")
    if step.runs_otherwise:
        lines.append(r"\what{which runs as}")
        lines += [display(part.latex) for part in lines_of(step, symbols)]
    place = None if step.entry is None else step.entry.place
    if step.value.ndim or step.entry is None:
        lines += _value(step.name, step.value, place, symbols, digits)
    return lines


def _value(
    name: str, array: Array, where: Where | None, symbols: Symbols, digits: int
) -> list[str]:
    """A value with its shape; of a large one also what its entries are like."""
    left = name_latex(name, symbols)
    shape = r" \times ".join(map(str, array.shape))
    below = rf"_{{{shape}}}" if array.ndim else ""
    layer = layer_of(array, where)
    at = rf"\left[{', '.join(map(str, layer))}, :, :\right]" if layer and array.size else ""
    shown = matrix(array, where, digits=digits)
    lines = [rf"\[ \fit{{{left}{at} = {shown}{'' if at else below}}} \]"]
    if array.size and (max(array.shape, default=0) > FULL or array.ndim > 2):
        lines.append(_summary(array, digits))
    return lines


def _summary(array: Array, digits: int) -> str:
    shape = r" \times ".join(map(str, array.shape))
    told = rf"All ${shape}$ entries"
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if finite.size and array.dtype.kind in "fiu":
        with np.errstate(over="ignore"):
            values = (finite.min(), finite.mean(dtype=np.float64), finite.max())
        least, mean, largest = (matrix(np.asarray(v), digits=digits) for v in values)
        told += rf": least ${least}$, mean ${mean}$, largest ${largest}$"
    if finite.size < array.size:
        told += f"; {array.size - finite.size} not finite"
    return rf"{{\small {told}.\par}}"


def sentence(words: str, symbols: Symbols) -> str:
    """A sentence with the names in it set as mathematics, and all else as it stands."""
    parts = re.split(r"([^\W\d]\w*)", words)
    written = [
        f"${name_latex(part, symbols)}$"
        if k % 2 and (part in symbols.shapes or part == symbols.loss)
        else escaped(part)
        for k, part in enumerate(parts)
    ]
    return "".join(written)
