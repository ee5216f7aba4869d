"""A docstring as nodes of a page: paragraphs, lists, code, and the sections of Google's style.

Docstrings here are plain text that is read in an editor first. They use `code` in one or two
backticks, *emphasis*, `- ` lists, indented blocks, and sections such as `Args:` or `Shapes: …`.
Nothing else has a meaning, so |t|, W_1 and 2 * y stand as they were written.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator

from docutils import nodes

SECTIONS = (
    "Args",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Shapes",
    "Source",
    "Formula",
    "Example",
)
HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):{{1,2}}(?:\s+(.*))?$")
ITEM = re.compile(r"^(\*{0,2}[\w., ]+?): +(.*)$", re.DOTALL)
INLINE = re.compile(r"(?::\w+:)?(`{1,2})(?P<code>.+?)\1|\*\*(?P<strong>[^*\s][^*]*)\*\*|(?<!\w)\*(?P<em>\w[^*]*?)\*(?!\w)", re.DOTALL)  # fmt: skip # noqa: E501


def inline(text: str) -> list[nodes.Node]:
    """A line's text, with its code and emphasis."""
    found: list[nodes.Node] = []
    end = 0
    for match in INLINE.finditer(text):
        if match.start() > end:
            found.append(nodes.Text(text[end : match.start()]))
        if match["code"] is not None:
            found.append(nodes.literal("", match["code"].lstrip("~")))
        elif match["strong"] is not None:
            found.append(nodes.strong("", "", *inline(match["strong"])))
        else:
            found.append(nodes.emphasis("", match["em"]))
        end = match.end()
    return [*found, nodes.Text(text[end:])]


def body(docstring: str) -> list[nodes.Node]:
    """The whole docstring; its sections become a list of fields at the end."""
    plain, sections = split(docstring)
    content = blocks(plain)
    if sections:
        fields = nodes.field_list()
        for name, text in sections:
            value = nodes.field_body("", *section(name, text))
            fields += nodes.field("", nodes.field_name("", name), value)
        content.append(fields)
    return content


def split(docstring: str) -> tuple[str, list[tuple[str, str]]]:
    """The text before the sections, and each section's name and text."""
    before: list[str] = []
    sections: list[tuple[str, list[str]]] = []
    for line in inspect.cleandoc(docstring).splitlines():
        heading = HEADING.match(line)
        if heading:
            sections.append((heading[1], [heading[2] or ""]))
        elif sections and (not line or line.startswith(" ") or sections[-1][1] != [""]):
            # "Source: text" may go on in lines that are not indented, up to an empty line.
            if line and not line.startswith(" ") and sections[-1][1][-1] == "":
                before += ["", line]
            else:
                sections[-1][1].append(line)
        else:
            before.append(line)
    return "\n".join(before), [(name, _dedent(lines)) for name, lines in sections]


def _dedent(lines: list[str]) -> str:
    first, rest = lines[0], textwrap.dedent("\n".join(lines[1:]))
    return f"{first}\n{rest}".strip("\n") if first else rest.strip("\n")


def section(name: str, text: str) -> list[nodes.Node]:
    """Named items as a list, a formula or an example as code, anything else as text."""
    if name in ("Formula", "Example") and "``" not in text:
        return [_code(text)]
    if name in ("Args", "Attributes", "Raises"):
        items = nodes.bullet_list()
        for entry in _items(text):
            match = ITEM.match(entry)
            shown: list[nodes.Node] = inline(entry)
            if match:
                named = nodes.literal("", match[1])
                shown = [named, nodes.Text(": "), *inline(match[2])]
            items += nodes.list_item("", nodes.paragraph("", "", *shown))
        return [items]
    return blocks(text)


def _items(text: str) -> Iterator[str]:
    """Entries that start at the margin; what is indented belongs to the one above."""
    entry: list[str] = []
    for line in text.splitlines():
        if entry and line and not line.startswith(" "):
            yield " ".join(entry)
            entry = []
        if line.strip():
            entry.append(line.strip())
    if entry:
        yield " ".join(entry)


def blocks(text: str) -> list[nodes.Node]:
    """Paragraphs, lists and indented code."""
    found: list[nodes.Node] = []
    for lump in re.split(r"\n\s*\n", text.strip("\n")):
        if not lump.strip():
            continue
        if all(line.startswith(" ") for line in lump.splitlines()) or lump.startswith(">>>"):
            if found and isinstance(found[-1], nodes.literal_block):
                lump = f"{found.pop().astext()}\n\n{textwrap.dedent(lump)}"
            found.append(_code(textwrap.dedent(lump)))
        elif re.match(r"[-*] ", lump):
            items = nodes.bullet_list()
            for entry in re.split(r"\n(?=[-*] )", lump):
                joined = " ".join(line.strip() for line in entry[2:].splitlines())
                items += nodes.list_item("", nodes.paragraph("", "", *inline(joined)))
            found.append(items)
        else:
            found += _paragraph(lump)
    return found


def _paragraph(lump: str) -> list[nodes.Node]:
    """A paragraph; indented lines right below it are code."""
    lines = lump.splitlines()
    start = next((k for k, line in enumerate(lines) if k and line.startswith("    ")), len(lines))
    joined = re.sub(r"::$", ":", " ".join(lines[:start]))
    found: list[nodes.Node] = [nodes.paragraph("", "", *inline(joined))]
    if start < len(lines):
        found.append(_code(textwrap.dedent("\n".join(lines[start:]))))
    return found


def _code(text: str) -> nodes.literal_block:
    text = re.sub(r" *# doctest:.*", "", text)
    language = "python" if text.startswith((">>>", "def ", "class ", "from ", "@")) else "text"
    block = nodes.literal_block(text, text)
    block["language"] = language
    return block
