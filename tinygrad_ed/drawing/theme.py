"""Colours of the drawings, and the style sheet that is written into them.

Text has a contrast of at least 4.5 to what is behind it, and so have borders and arrows to the
paper (WCAG 2.2 asks for 3 there). Kinds of boxes also differ in shape, and what needs no gradient
is dashed: colour alone says nothing.
"""

from .text import SIZE

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#4b545e",
    "edge": "#57606a",
    "result": "#eef4ff",
    "result-line": "#1f5fbf",
    "parameter": "#fff5e0",
    "parameter-line": "#8a5a00",
    "data": "#f3f4f6",
    "data-line": "#57606a",
    "number": "#f3f4f6",
    "number-line": "#57606a",
    "root": "#e8f7ec",
    "root-line": "#1a7034",
    "layer": "#f5effd",
    "layer-line": "#7a3fb8",
}
DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "muted": "#a9b4bf",
    "edge": "#93a0ac",
    "result": "#13233f",
    "result-line": "#79b0ff",
    "parameter": "#33270c",
    "parameter-line": "#e3b341",
    "data": "#1c2128",
    "data-line": "#9aa5b1",
    "number": "#1c2128",
    "number-line": "#9aa5b1",
    "root": "#12301c",
    "root-line": "#56d364",
    "layer": "#271b3b",
    "layer-line": "#c49bff",
}
KINDS = ("result", "parameter", "data", "number", "root", "layer")
THEMES = ("auto", "light", "dark")

FONT = (
    'ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",'
    '"Courier New",monospace'
)


def style(theme: str) -> str:
    """The style sheet; its rules reach only the drawings of this theme, wherever they stand."""
    here = f".tgd-{theme}"
    rules = [
        f"{here}{{{_variables(DARK if theme == 'dark' else LIGHT)}}}",
        f"{here} text{{font:{SIZE:g}px {FONT};{_paint('fill', 'ink', theme)}}}",
        f"{here} .paper{{{_paint('fill', 'paper', theme)}}}",
        f"{here} .name{{font-weight:700}}",
        f"{here} .muted{{{_paint('fill', 'muted', theme)}}}",
        f"{here} .edge path{{fill:none;{_paint('stroke', 'edge', theme)};stroke-width:1.4}}",
        f"{here} .edge .head{{stroke:none;{_paint('fill', 'edge', theme)}}}",
        f"{here} .shape{{stroke-width:1.4}}",
        f"{here} .parameter .shape{{stroke-width:2.2}}",
        f"{here} .inner{{fill:none;stroke-width:1}}",
        f"{here} .frozen .shape,{here} .edge.frozen path{{stroke-dasharray:5 3.5}}",
    ]
    for kind in KINDS:
        fill, line = _paint("fill", kind, theme), _paint("stroke", f"{kind}-line", theme)
        rules.append(f"{here} .{kind} .shape{{{fill};{line}}}")
        rules.append(f"{here} .{kind} .inner{{{line}}}")
    if theme == "auto":
        rules.append(f"@media (prefers-color-scheme:dark){{{here}{{{_variables(DARK)}}}}}")
    return "\n".join(rules)


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--tgd-{name}:{colour}" for name, colour in colours.items())


def _paint(what: str, name: str, theme: str) -> str:
    """A colour twice: plainly, for programs that know no variables, and as a variable."""
    plain = (DARK if theme == "dark" else LIGHT)[name]
    return f"{what}:{plain};{what}:var(--tgd-{name})"
