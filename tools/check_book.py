"""Look through the built book for what a reader without a network would miss.

    python tools/check_book.py docs/_build/html

Every script, style sheet, picture and font that a page asks for has to lie beside it, and every
link into the book has to lead to a place that exists.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ASKED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
IGNORED = {"canonical", "search", "index", "next", "prev", "author"}


class Page(HTMLParser):
    """What a page asks for, where it links to, and the places that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in ASKED and ASKED[tag] in found and found.get("rel") not in IGNORED:
            self.asked.append(found[ASKED[tag]])


def problems(book: Path) -> list[str]:
    """What is wrong, a line each."""
    pages = {path.resolve(): Page(path) for path in sorted(book.rglob("*.html"))}
    if not pages:
        return [f"{book} holds no page: build the book first"]
    found = []
    for path, page in pages.items():
        name = path.relative_to(book.resolve())
        for address in page.asked:
            found += _missing(path, name, address, "asks for")
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue  # a reader's own choice to follow
            found += _missing(path, name, address, "links to")
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            wanted = unquote(parts.fragment)
            if wanted and target in pages and wanted not in pages[target].places:
                found.append(f"{name} links to {address}: no such place on that page")
    for style in sorted(book.rglob("*.css")):
        for address in re.findall(r"url\(['\"]?([^)'\"]+)", style.read_text(encoding="utf-8")):
            found += _missing(style.resolve(), style.relative_to(book), address, "asks for")
    return found


def _missing(path: Path, name: Path, address: str, verb: str) -> list[str]:
    parts = urlsplit(address)
    if parts.scheme == "data" or not (parts.scheme or parts.netloc or parts.path):
        return []
    if parts.scheme or parts.netloc:
        return [f"{name} {verb} {address}: not in the book"]
    exists = (path.parent / unquote(parts.path)).resolve().exists()
    return [] if exists else [f"{name} {verb} {address}: there is no such file"]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wrong = problems(Path(sys.argv[1]))
    print("\n".join(wrong) or "the book is whole: it asks for nothing that is not in it")
    sys.exit(bool(wrong))
