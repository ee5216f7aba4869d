"""A page as a tree, by the standard library's parser: what tests look at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "img", "link"}
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def __iter__(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child

    def all(self, tag: str, kind: str = "") -> list[Element]:
        return [e for e in self if e.tag == tag and (not kind or kind in e.classes)]

    def one(self, tag: str, kind: str = "") -> Element:
        (found,) = self.all(tag, kind)
        return found

    def by_id(self, name: str) -> Element:
        (found,) = [e for e in self if e.attributes.get("id") == name]
        return found


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {k: v or "" for k, v in attrs})
        assert len(element.attributes) == len(attrs), f"an attribute twice in {tag}"
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.tag == tag, f"</{tag}> closes <{closed.tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parsed(page: str) -> Element:
    """The tree; every element is closed by its own end tag."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    assert len(builder.open) == 1, f"not closed: {[e.tag for e in builder.open[1:]]}"
    return builder.open[0]


def number(text: str) -> float:
    """A number as a page writes it: −0.5, 2·10⁻⁸, ∞."""
    if text.endswith("∞"):
        return float("-inf") if text.startswith("−") else float("inf")
    mantissa, _, power = text.replace("−", "-").partition("·10")
    value = {"True": 1.0, "False": 0.0}.get(mantissa)
    value = float(mantissa) if value is None else value
    return value * 10.0 ** int(power.translate(_RAISED)) if power else value


def caption(figure: Element) -> str:
    """The name above a table."""
    return figure.one("figcaption").all("span", "math")[0].text


def cells(figure: Element) -> list[list[tuple[str, set[str]]]]:
    """The rows of a table: text and classes of each entry."""
    rows = [row for row in figure.one("table").all("tr") if not row.all("th") or row.all("td")]
    bodies = [[(c.text, c.classes) for c in row.all("td")] for row in rows]
    return [row for row in bodies if row and not re.fullmatch(r"", "".join(t for t, _ in row))]
