"""What a text names, it links: catalogue ids such as [D3-B1], public names such as `tg.unroll`.

An id that is not in the catalogue, or a `tg.` name that does not exist, is a warning with its
place: a page can't speak of what is not there.
"""

import re
from typing import Any

from docutils import nodes
from public_names import PACKAGES, members, public
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util import logging

from tinygrad_ed import documents

log = logging.getLogger(__name__)

ONE = r"(?:D\d-[A-Z]\d+|M-\d+)"
ID = re.compile(rf"\[{ONE}\]|\b{ONE}\b")
NAME = re.compile(r"^tg\.([A-Za-z_][\w.]*)(?:\(.*\))?$", re.DOTALL)
KNOWN = frozenset(documents.ids())
PLAIN = (nodes.literal, nodes.literal_block, nodes.reference, pending_xref, nodes.title)
"""Where an id stays text: code, links, and headings, which would link to themselves."""


def link(app: Sphinx, doctree: nodes.document) -> None:
    """Looks through a page that was just read."""
    names = _names()
    for literal in list(doctree.findall(nodes.literal)):
        match = NAME.match(literal.astext())
        if match and not isinstance(literal.parent, nodes.reference | pending_xref):
            _link_name(literal, match[1], names, app.env.docname)
    for text in list(doctree.findall(nodes.Text)):
        if ID.search(text) and not _inside(text, PLAIN):
            text.parent.replace(text, _with_links(text, app.env.docname))


def _inside(node: Any, kinds: tuple[type, ...]) -> bool:
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def _names() -> frozenset[str]:
    found = set(public())
    for full, value in public().items():
        if isinstance(value, type):
            found |= {f"{full}.{name}" for name in members(value)}
    return frozenset(found)


def _link_name(literal: nodes.literal, name: str, names: frozenset[str], docname: str) -> None:
    full = f"tinygrad_ed.{name}"
    short = f"tinygrad_ed.{name.rpartition('.')[2]}"
    if full not in names and name.split(".")[0] in PACKAGES and short in names:
        full = short  # tg.train.fit is tg.fit
    if full in names:
        where = pending_xref(
            "",
            refdomain="py",
            reftype="obj",
            reftarget=full,
            refexplicit=True,
            refwarn=True,
            refdoc=docname,
        )
        where.source, where.line = literal.source, literal.line
        literal.replace_self(where)
        where += literal
    elif name not in PACKAGES and name.split(".")[0] not in {"views", "captured", "ops"}:
        log.warning("`tg.%s` is not a public name", name, location=literal)


def _with_links(text: nodes.Text, docname: str) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    end = 0
    for match in ID.finditer(text):
        found.append(nodes.Text(text[end : match.start()]))
        end = match.end()
        identifier = match[0].strip("[]")
        if identifier not in KNOWN:
            log.warning("no such row in the catalogue: %s", identifier, location=text.parent)
            found.append(nodes.Text(match[0]))
            continue
        where = pending_xref(
            "",
            nodes.inline("", match[0], classes=["catalogue-id"]),
            refdomain="std",
            reftype="ref",
            reftarget=identifier.lower(),
            refexplicit=True,
            refwarn=True,
            refdoc=docname,
        )
        where.source, where.line = text.parent.source, text.parent.line
        found.append(where)
    return [*found, nodes.Text(text[end:])]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True}
