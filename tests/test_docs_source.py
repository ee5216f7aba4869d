"""What the book's sources promise, without building it: every row, every name, no network."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

import tinygrad_ed as tg

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
KATEX = ROOT / "tinygrad_ed" / "derivation" / "katex"


def chapters() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("book/*.md")}


@pytest.mark.parametrize("identifier", tg.documents.ids())
def test_every_row_of_the_catalogue_is_shown_once_under_its_own_heading(identifier: str) -> None:
    errata = "".join(text for name, text in chapters().items() if "errata" in name)
    shown = (
        rf'\({identifier}\)=\n#+ {identifier}: .+\n\n```{{code-cell}}[^`]*show\("{identifier}"\)'
    )
    assert len(re.findall(shown, errata)) == 1
    assert errata.count(f'show("{identifier}")') == 1


@pytest.mark.parametrize("row", tg.documents.entries("example"), ids=lambda row: row.id)
def test_every_worked_example_is_computed_again(row: tg.documents.Entry) -> None:
    page = chapters()["13-errata-examples.md"]
    section = page.split(f"({row.id})=")[1].split("\n(D")[0]
    assert f'compare("{row.id}"' in re.sub(r"\(\s+", "(", section)


def test_chapters_have_numbers_of_their_own_a_promise_and_exercises() -> None:
    numbered = [name for name in chapters() if re.match(r"\d\d-", name)]
    assert len({name[:2] for name in numbered}) == len(numbered)
    for name in numbered:
        text = chapters()[name]
        assert "**You learn** " in text, name
        tasks = text.partition("## Exercises\n")[2]
        assert 2 <= len(re.findall(r"^\d\. ", tasks, re.MULTILINE)) <= 4, name


def test_no_cell_takes_a_time() -> None:
    for name, text in chapters().items():
        for cell in re.findall(r"```\{code-cell\}.*?\n(.*?)```", text, re.DOTALL):
            clock = re.search(r"perf_counter|timeit|monotonic|time\.time|measure=True", cell)
            assert clock is None, (name, clock)
            assert "tg.cost(" not in cell or "measure=False" in cell, name


def test_the_vendored_katex_is_whole_and_asks_for_nothing_else() -> None:
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    wanted = set(re.findall(r"url\(([^)]+)\)", css))
    assert wanted == {f"fonts/{font.name}" for font in (KATEX / "fonts").iterdir()}
    assert "Permission is hereby granted" in (KATEX / "LICENSE").read_text(encoding="utf-8")
    script = (KATEX / "katex.min.js").read_text(encoding="utf-8")
    version = re.search(r'version:"([\d.]+)"', script)
    assert version
    assert f"KaTeX {version[1]}" in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_the_vendored_katex_travels_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["tinygrad_ed"]
    carried = {path for pattern in patterns for path in (ROOT / "tinygrad_ed").glob(pattern)}
    assert {path for path in KATEX.rglob("*") if path.is_file()} <= carried


class TestReference:
    """What is public is in the reference, with words of its own."""

    @pytest.fixture(autouse=True)
    def extensions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip(
            "sphinx", reason="the reference is made by Sphinx: pip install '.[docs]'"
        )
        monkeypatch.setattr(sys, "path", [str(DOCS / "extensions"), *sys.path])

    def test_every_public_name_stands_on_one_page(self) -> None:
        import public_names

        shown: list[str] = []
        for path in DOCS.glob("reference/*.md"):
            text = path.read_text(encoding="utf-8")
            for argument in re.findall(r"```\{public-names\} (\S+)", text):
                shown += public_names.listed(argument)
        assert sorted(shown) == sorted(public_names.public())

    def test_every_public_name_has_a_docstring(self) -> None:
        import public_names

        missing = [
            full
            for full, value in public_names.public().items()
            if not public_names.told(full, value)
        ]
        missing += [
            f"{full}.{name}"
            for full, value in public_names.public().items()
            if isinstance(value, type)
            for name, member in public_names.members(value).items()
            if not public_names.docstring(member)
        ]
        assert missing == []
