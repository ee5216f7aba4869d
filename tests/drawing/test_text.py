"""Text in the boxes: how wide it is, how it is cut, how it gets into XML; and the colours."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_ed as tg
from tinygrad_ed.drawing import draw
from tinygrad_ed.drawing.text import CELL, cells, cut, escaped, is_plain, runs
from tinygrad_ed.drawing.theme import DARK, KINDS, LIGHT, THEMES, style

SVG = "{http://www.w3.org/2000/svg}"
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)


@given(ANYTHING)
def test_any_text_gets_into_xml(text: str) -> None:
    element = ElementTree.fromstring(f'<a b="{escaped(text)}">{escaped(text)}</a>')
    legal = "".join(
        c if re.match("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", c) else "\ufffd"
        for c in text
    )
    assert (element.text or "") == legal.replace("\r\n", "\n").replace("\r", "\n")


@given(ANYTHING, st.integers(1, 30))
def test_cut_text_is_as_wide_as_allowed_and_begins_as_before(text: str, most: int) -> None:
    short = cut(text, most)
    assert cells(short) <= most
    whole = " ".join(text.split())
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1]))
    assert short == whole or cells(whole) > most


def test_letters_that_fonts_may_lack_count_twice() -> None:
    assert cells("W1") == 2 and cells("权重") == 4 and cells("e\u0301") == 1
    assert is_plain("dW₁".replace("₁", "1")) and not is_plain("权重") and not is_plain("e\u0301")


@given(ANYTHING)
def test_a_name_of_any_letters_makes_a_valid_drawing(name: str) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True, name=name)
    drawing = draw((w * 2.0).sum(), values=True)
    root = ElementTree.fromstring(drawing.svg().encode("utf-8"))
    boxes = {f"{x:.1f}": width for x, _, width, _ in drawing.layout.boxes}
    assert len(boxes) == 4
    shapes = [(left, left + width) for left, _, width, _ in drawing.layout.boxes]
    for text in root.iter(f"{SVG}text"):
        for run in [text, *text]:
            shown = run.text or ""
            start = float(run.get("x", "nan"))
            end = start + cells(shown) * CELL
            assert any(left <= start and end <= right + 0.2 for left, right in shapes)
            assert is_plain(shown) == (run.get("textLength") is None)
            if not is_plain(shown):
                assert float(run.get("textLength", "nan")) == pytest.approx(end - start, abs=0.06)


@given(ANYTHING)
def test_runs_are_the_text_in_pieces(text: str) -> None:
    pieces = runs(text)
    assert "".join(run for run, _ in pieces) == text
    for run, plain in pieces:
        assert run and (not plain or is_plain(run))


def test_an_accent_stays_with_its_letter() -> None:
    assert runs("ae\u0301b = 权重") == [
        ("a", True), ("e\u0301", False), ("b = ", True), ("权重", False),
    ]  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    dark, light = sorted([luminance(first), luminance(second)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_have_contrast(colours: dict[str, str]) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for kind in KINDS:
        for ink in ("ink", "muted", f"{kind}-line"):
            assert contrast(colours[ink], colours[kind]) >= 4.5, (kind, ink)
        assert contrast(colours[f"{kind}-line"], colours["paper"]) >= 4.5
    for ink in ("ink", "muted", "edge"):
        assert contrast(colours[ink], colours["paper"]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_a_style_sheet_reaches_only_its_own_theme(theme: str) -> None:
    sheet = style(theme)
    assert ("prefers-color-scheme" in sheet) == (theme == "auto")
    rules = re.findall(r"(?:^|\{|\n)([^{}@\n]+)\{", sheet)
    assert len(rules) > 10
    for selector in ",".join(rules).split(","):
        assert selector.startswith(f".tgd-{theme}"), selector
    known = {name for name in LIGHT}
    assert set(re.findall(r"var\(--tgd-([\w-]+)\)", sheet)) <= known == set(DARK)
