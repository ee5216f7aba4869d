"""The page of a derivation: complete, self-contained, safe, and with the numbers of the run."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
from derivation.html_tree import Element, caption, cells, number, parsed
from hypothesis import given
from hypothesis import strategies as st
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.derivation.derivation import Derivation
from tinygrad_ed.derivation.examples import EXAMPLES
from tinygrad_ed.derivation.page import FONTS, data_script
from tinygrad_ed.derivation.parts import parts_of
from tinygrad_ed.derivation.wording import name_text
from tinygrad_ed.ops import registry

pages = pytest.mark.parametrize("kind", ["html", "stepper"])
FONT_OF = {
    **{"mathrm": "Main-Regular", "mathbf": "Main-Bold", "textbf": "Main-Bold"},
    **{"texttt": "Typewriter-Regular", "mathtt": "Typewriter-Regular", "mathbb": "AMS-Regular"},
    **{"mathit": "Main-Italic", "textit": "Main-Italic", "mathnormal": "Math-Italic"},
    **{
        "mathcal": "Caligraphic-Regular",
        "mathscr": "Script-Regular",
        "mathsf": "SansSerif-Regular",
    },
    **{"mathfrak": "Fraktur-Regular", "boldsymbol": "Math-BoldItalic", "bm": "Math-BoldItalic"},
}
"""The fonts that commands of KaTeX ask for."""

NASTY = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\'&\ud800\x00'


def two_layers(**options: object) -> Derivation:
    return tg.explain(EXAMPLES["two-layers"].build(), **options)


def long_chain(nodes: int) -> tg.Tensor:
    h = tg.tensor(np.ones((2, 3)), requires_grad=True, name="x")
    for _ in range(nodes - 1):
        h = tg.tanh(h)
    return h.sum()


def written(derivation: Derivation, kind: str) -> Element:
    return parsed(derivation.html() if kind == "html" else derivation.stepper())


def steps_of(tree: Element) -> list[Element]:
    return tree.all("article", "step")


# --- the page as such -----------------------------------------------------------------------------


@pages
@pytest.mark.parametrize("example", EXAMPLES)
def test_pages_are_well_formed_and_their_links_lead_somewhere(example: str, kind: str) -> None:
    tree = written(tg.explain(EXAMPLES[example].build()), kind)
    ids = [e.attributes["id"] for e in tree if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    targets = {e.attributes["href"] for e in tree.all("a")}
    assert targets <= {f"#{name}" for name in ids}
    for element in tree:
        for key in ("aria-labelledby", "for", "data-box", "data-through"):
            assert set(element.attributes.get(key, "").split()) <= set(ids)


@each_op
@examples(2)
@given(data=st.data())
def test_every_op_gives_a_well_formed_page(name: str, data: st.DataObject) -> None:
    given_operands, params = data.draw(CASES[name].smooth)
    params = {"dtype": "float32"} if name == "astype" else params
    tensors = [
        None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}")
        for k, a in enumerate(given_operands)
    ]
    y = registry[name](*tensors, **params)
    if y.op is not None:
        derivation = tg.explain(y, seed=np.ones(y.shape))
        tree = parsed(derivation.html())
        assert len(steps_of(tree)) == len(derivation)
        formulas = " ".join(e.attributes.get("data-tex", "") for e in tree)
        found = re.findall(r"\\(math(?!bin|ord|rel)[a-z]+|text[a-z]+|boldsymbol|bm)\b", formulas)
        assert {FONT_OF[command] for command in found} <= set(FONTS)


@pages
def test_pages_fetch_nothing_and_run_only_the_scripts_that_they_name(kind: str) -> None:
    tree = written(two_layers(), kind)
    loading = {"src", "srcset", "data", "action", "poster", "background", "ping", "style"}
    assert not any(loading & e.attributes.keys() for e in tree)
    assert not any(key.startswith("on") for e in tree for key in e.attributes)
    assert not tree.all("link") and not tree.all("iframe") and not tree.all("base")
    for style in tree.all("style"):
        assert "@import" not in style.text
        for address in re.findall(r"url\(([^)]*)\)", style.text):
            assert address.startswith("data:font/woff2;base64,")
    policy = next(e for e in tree.all("meta") if "http-equiv" in e.attributes)
    allowed = re.findall(r"'sha256-([^']+)'", policy.attributes["content"])
    programs = [e.text for e in tree.all("script") if "type" not in e.attributes]
    digests = [base64.b64encode(hashlib.sha256(p.encode()).digest()).decode() for p in programs]
    assert allowed == digests
    assert "default-src 'none'" in policy.attributes["content"]


@pages
def test_a_page_of_an_example_is_smaller_than_a_megabyte(kind: str) -> None:
    assert len(getattr(two_layers(), kind)().encode()) < 1_000_000


def test_only_fonts_that_the_formulas_use_are_inside() -> None:
    style = parsed(two_layers().html()).all("style")[0].text
    faces = re.findall(r"@font-face\{([^}]*)\}", style)
    assert len(faces) == len(FONTS)
    assert all("data:font/woff2;base64," in face for face in faces)


@pages
def test_scripts_evaluate_no_text_and_write_no_markup(kind: str) -> None:
    tree = written(two_layers(), kind)
    own = [e.text for e in tree.all("script") if "type" not in e.attributes][1:]
    assert own and all('"use strict"' in program for program in own)
    for program in own:
        assert not re.search(
            r"\beval\b|innerHTML|outerHTML|insertAdjacent|document\.write", program
        )
        assert not re.search(r"\bfetch\b|XMLHttp|import\(|https?:", program)


@pages
def test_scripts_find_the_elements_that_they_ask_for(kind: str) -> None:
    tree = written(two_layers(), kind)
    program = "".join(e.text for e in tree.all("script") if "type" not in e.attributes)
    asked = set(re.findall(r'getElementById\("([\w-]+)"\)', program))
    assert asked and asked <= {e.attributes.get("id") for e in tree}


# --- what it says ---------------------------------------------------------------------------------


@pages
@pytest.mark.parametrize("convention", ["row", "column"])
def test_each_step_says_its_number_title_and_formulas(kind: str, convention: str) -> None:
    derivation = two_layers(convention=convention)
    articles = steps_of(written(derivation, kind))
    assert len(articles) == len(derivation)
    for step, article in zip(derivation, articles, strict=True):
        assert article.attributes["id"] == f"step-{step.number}"
        assert step.phase in article.classes
        title = article.one("h3")
        assert title.one("span", "number").text == str(step.number)
        assert title.one("span", "way").text == step.phase
        shown = [(row.one("dt").text, row.one("dd").text) for row in article.one("dl").all("div")]
        assert shown == [(p.label, p.text) for p in parts_of(step, derivation.symbols)]
        tex = [
            row.one("dd").one("span").attributes["data-tex"] for row in article.one("dl").all("div")
        ]
        assert tex == [part.latex for part in parts_of(step, derivation.symbols)]
        assert bool(article.all("details")) == step.runs_otherwise


def test_what_runs_is_folded_away_with_its_code() -> None:
    derivation = two_layers()
    step = next(step for step in derivation if step.runs_otherwise)
    article = steps_of(parsed(derivation.html()))[step.number - 1]
    details = article.one("details")
    assert "open" not in details.attributes
    assert details.one("pre").text == step.code
    assert len(details.all("li")) == len(step.lines)


@pages
def test_every_number_in_the_tables_is_that_of_the_run(kind: str) -> None:
    derivation = two_layers()
    compared = 0
    for step, article in zip(derivation, steps_of(written(derivation, kind)), strict=True):
        arrays = {name_text(k, derivation.symbols): v for k, v in step.inputs.items()}
        arrays |= {name_text(k, derivation.symbols): v for k, v in step.values.items()}
        for figure in article.all("figure"):
            expected = arrays[caption(figure)]
            got = [number(t) for row in cells(figure) for t, _ in row]
            np.testing.assert_allclose(got, expected.ravel(), rtol=5e-4)
            compared += 1
    assert compared > 2 * len(derivation)


def test_the_entry_and_the_row_and_column_that_meet_are_marked() -> None:
    derivation = two_layers(wrt="W1", entry=(2, 1))
    step = derivation["dW1"]
    article = steps_of(parsed(derivation.html()))[step.number - 1]
    marked = {}
    for figure in article.all("figure"):
        rows = cells(figure)
        marked[caption(figure)] = {
            (r, c, kind) for r, row in enumerate(rows) for c, (_, k) in enumerate(row) for kind in k
        }
    assert marked["dW₁"] == {(2, 1, "hit")}  # dW1 = xᵀ dZ1: column 2 of x meets column 1 of dZ1
    assert marked["x"] == {(0, 2, "lane"), (1, 2, "lane")}
    assert marked["dZ₁"] == {(0, 1, "lane"), (1, 1, "lane")}
    assert list(marked) == ["x", "dZ₁", "dW₁"]  # in the order of the formula


# --- untrusted text -------------------------------------------------------------------------------


@pages
def test_what_users_typed_is_text_and_never_markup(kind: str) -> None:
    plain = two_layers()
    nasty = Derivation(**{**vars_of(plain), "title": NASTY})
    tree, before = written(nasty, kind), written(plain, kind)
    assert [e.tag for e in tree] == [e.tag for e in before]
    assert "alert(1)" in tree.one("h1").text and "<script>" in tree.all("title")[0].text
    getattr(nasty, kind)().encode("utf-8")


def vars_of(d: Derivation) -> dict[str, object]:
    return {
        "title": d.title, "steps": list(d), "inputs": d.inputs, "result": d.result,
        "gradients": d.gradients, "symbols": d.symbols, "convention": d.convention,
        "scope": d.scope,
    }  # fmt: skip


@pages
def test_names_with_markup_and_foreign_letters(kind: str) -> None:
    x = tg.tensor(np.ones((2, 2)), requires_grad=True, name="<script>alert(1)</script>")
    w = tg.tensor(np.ones((2, 2)), requires_grad=True, name="模型 & Übung")
    loss = (x @ w).sum()
    loss.name = "</title><b>"
    tree = written(tg.explain(loss), kind)
    assert not tree.all("b") and len(tree.all("title")) == 1 + len(tree.one("svg").all("title"))
    assert "模型" in tree.one("main").text


@given(st.recursive(st.text() | st.none(), lambda inside: st.lists(inside)))
def test_data_for_scripts_cannot_end_its_element(data: object) -> None:
    script = parsed(data_script("data", data)).one("script")
    assert "<" not in script.text and json.loads(script.text) == data


# --- the graph ------------------------------------------------------------------------------------


@pages
def test_each_step_names_its_box_in_the_graph(kind: str) -> None:
    derivation = two_layers()
    tree = written(derivation, kind)
    graph = tree.by_id("graph")
    for step, article in zip(derivation, steps_of(tree), strict=True):
        about = step.name if step.phase == "forward" else derivation.symbols.gradients[step.name]
        box = graph.by_id(article.attributes["data-box"])
        assert box.all("text")[0].text == about
        if step.through is not None:
            through = graph.by_id(article.attributes["data-through"])
            assert through.all("text")[0].text == step.through
    names = {box.all("text")[0].text for box in graph.all("g", "box")}
    assert names == set(derivation.inputs) | {s.name for s in derivation if s.phase == "forward"}


def test_a_graph_that_is_too_large_is_left_out_and_the_page_says_so() -> None:
    tree = parsed(tg.explain(long_chain(80)).html())
    assert not tree.all("svg") and "boxes" in tree.one("p", "note").text


def test_an_update_has_no_graph_and_shows_what_was_before_and_after() -> None:
    w = tg.tensor(np.ones(3), requires_grad=True, name="w")
    (w * w).sum().backward()
    derivation = tg.explain(tg.optim.Adam([w]))
    tree = parsed(derivation.html())
    assert not tree.all("svg")
    article = steps_of(tree)[derivation["w"].number - 1]
    tables = {f.one("figcaption").text: f for f in article.all("figure")}
    before, after = (
        next(f for name, f in tables.items() if k in name) for k in ("before", "after")
    )
    assert [number(t) for t, _ in cells(before)[0]] == [1.0, 1.0, 1.0]
    changed = [number(t) for t, _ in cells(after)[0]]
    np.testing.assert_allclose(changed, derivation["w"].value, rtol=5e-4)


@pages
def test_a_long_derivation_stays_small(kind: str) -> None:
    h = tg.tensor(np.ones((40, 30)), requires_grad=True, name="X")
    for k in range(40):
        h = tg.tanh(h @ tg.tensor(np.eye(30) / 2, requires_grad=True, name=f"W{k}"))
    derivation = tg.explain(h.sum())
    page = getattr(derivation, kind)()
    assert len(derivation) > 200 and len(page) < 2_000_000
    figures = [f for article in steps_of(parsed(page)) for f in article.all("figure")]
    assert max(len(row) for figure in figures for row in cells(figure)) <= 7
