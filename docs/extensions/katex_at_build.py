"""Formulas become HTML while the book is built: readers need no network and run no script.

KaTeX itself does it, the copy that travels in the package (tinygrad_ed/derivation/katex), in a
JavaScript engine that comes as a Python wheel. A formula that KaTeX refuses is a warning with its
place, and warnings are errors here.
"""

import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).resolve().parents[2] / "tinygrad_ed" / "derivation" / "katex"
MACROS = {r"\R": r"\mathbb{R}"}

log = logging.getLogger(__name__)


class Typesetter:
    """KaTeX in an engine that starts with the first formula and is closed with the build."""

    def __init__(self) -> None:
        self.engine: Any = None
        self.done: dict[tuple[str, bool], str] = {}

    def html(self, formula: str, *, display: bool) -> str:
        """A formula as HTML and MathML.

        Raises:
            ValueError: KaTeX cannot read it; the message is KaTeX's own.
        """
        key = formula, display
        if key not in self.done:
            self.done[key] = self._run(formula, display)
        return self.done[key]

    def _run(self, formula: str, display: bool) -> str:
        from py_mini_racer import MiniRacer

        if self.engine is None:
            self.engine = MiniRacer()
            self.engine.eval((KATEX / "katex.min.js").read_text(encoding="utf-8"))
        options = {"displayMode": display, "throwOnError": True, "strict": "error"}
        call = json.dumps([formula, {**options, "macros": MACROS}])
        answer = self.engine.eval(
            f"""(() => {{ try {{ return "+" + katex.renderToString(...{call}); }}
                 catch (error) {{ return "-" + error.message; }} }})()"""
        )
        if answer[0] == "-":
            raise ValueError(answer[1:])
        return str(answer[1:])

    def close(self, *_: Any) -> None:
        """Ends the engine's threads; without it Python would wait for them for ever."""
        if self.engine is not None:
            self.engine.close()
            self.engine = None


typesetter = Typesetter()


def _typeset(node: Any, *, display: bool) -> str:
    formula = node.astext()
    try:
        return typesetter.html(formula, display=display)
    except ValueError as refusal:
        log.warning("formula %r: %s", formula, refusal, location=node, type="katex")
        return f"<code>{escape(formula)}</code>"


def inline(self: Any, node: nodes.math) -> None:
    """A formula in a line."""
    self.body.append(f'<span class="math">{_typeset(node, display=False)}</span>')
    raise nodes.SkipNode


def block(self: Any, node: nodes.math_block) -> None:
    """A formula on lines of its own, with its number if it has one; too wide, it scrolls."""
    html = _typeset(node, display=True)
    identifier = f' id="{escape(node["ids"][0])}"' if node["ids"] else ""
    number = ""
    if node["number"]:
        number = f'<span class="eqno">({get_node_equation_number(self, node)})</span>'
    self.body.append(
        f'<div class="math"{identifier}><div class="formula">{html}</div>{number}</div>'
    )
    raise nodes.SkipNode


def _copy(app: Sphinx) -> None:
    target = Path(app.outdir) / "_static" / "katex"
    shutil.copytree(KATEX, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.js"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("katex", (inline, None), (block, None))
    app.add_css_file("katex/katex.min.css")
    app.connect("builder-inited", _copy)
    app.connect("build-finished", typesetter.close)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
