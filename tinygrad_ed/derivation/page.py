"""A self-contained HTML page: styles, scripts, KaTeX and its fonts inside, nothing fetched.

A page says so itself: its content security policy allows no connection, and only the scripts whose
digests it names. What a user typed reaches it through `escaped` or as JSON.
"""

import base64
import functools
import hashlib
import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

FONTS = (
    *("Main-Regular", "Main-Bold", "Math-Italic", "Typewriter-Regular"),
    *("Size1-Regular", "Size2-Regular", "Size3-Regular", "Size4-Regular"),
)
"""The fonts of KaTeX that the LaTeX of `math.tex` uses."""

_CONTROL = re.compile(
    "[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)


def escaped(text: str) -> str:
    """Any text as HTML content or attribute; what a page cannot hold becomes a sign for that."""
    return html.escape(_CONTROL.sub("\ufffd", text))


def math(text: str, latex: str) -> str:
    """A formula: in Unicode, and once the page's script has run, as KaTeX sets it."""
    return f'<span class="math" data-tex="{escaped(latex)}">{escaped(text)}</span>'


def data_script(name: str, data: Any) -> str:
    """Data for the page's scripts; nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


@functools.cache
def asset(name: str) -> str:
    """A style sheet or script of the page/ folder."""
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")


@functools.cache
def katex_script() -> str:
    """KaTeX, which sets the formulas in the reader's browser; its licence is in its folder."""
    return files(__package__).joinpath("katex", "katex.min.js").read_text(encoding="utf-8")


@functools.cache
def katex_style() -> str:
    """KaTeX's style sheet with the fonts that are needed inside, and without the others."""
    folder = files(__package__).joinpath("katex")
    style = folder.joinpath("katex.min.css").read_text(encoding="utf-8")

    def inside(match: re.Match[str]) -> str:
        rule = match.group()
        name = re.search(r"fonts/KaTeX_([\w-]+)\.woff2", rule)
        if name is None or name[1] not in FONTS:
            return ""
        data = folder.joinpath("fonts", f"KaTeX_{name[1]}.woff2").read_bytes()
        text = base64.b64encode(data).decode("ascii")
        return re.sub(
            r"src:[^;}]*", f'src:url(data:font/woff2;base64,{text}) format("woff2")', rule
        )

    return re.sub(r"@font-face\{[^}]*\}", inside, style)


def page(title: str, body: str, *, kind: str, styles: Sequence[str], scripts: Sequence[str]) -> str:
    """The text of a whole page.

    Args:
        title: Plain text.
        body: HTML.
        kind: The class of the body.
        styles: Of the page/ folder.
        scripts: Likewise, run in this order after the body is there.
    """
    programs = [katex_script(), *map(asset, scripts)]
    digests = " ".join(f"'sha256-{_digest(program)}'" for program in programs)
    policy = (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; font-src data:; "
        f"base-uri 'none'; form-action 'none'"
    )
    sheet = "\n".join([katex_style(), *map(asset, styles)])
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escaped(title)}</title>",
            f"<style>\n{sheet}\n</style>\n</head>",
            f'<body class="{kind}">\n{body}',
            *(f"<script>{program}</script>" for program in programs),
            "</body>\n</html>\n",
        ]
    )


def _digest(program: str) -> str:
    return base64.b64encode(hashlib.sha256(program.encode("utf-8")).digest()).decode("ascii")
