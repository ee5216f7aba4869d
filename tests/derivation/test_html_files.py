"""What a notebook shows of a derivation, and the files that it is saved to."""

import json
from pathlib import Path

import numpy as np
import pytest
from derivation.html_tree import parsed

import tinygrad_ed as tg
from tinygrad_ed.derivation import page_values
from tinygrad_ed.derivation.derivation import Derivation
from tinygrad_ed.derivation.examples import EXAMPLES
from tinygrad_ed.derivation.math import text
from tinygrad_ed.derivation.wording import name_text


def two_layers() -> Derivation:
    return tg.explain(EXAMPLES["two-layers"].build())


def test_a_notebook_lists_the_steps_without_script() -> None:
    derivation = two_layers()
    tree = parsed(derivation._repr_html_())
    assert not tree.all("script") and not tree.all("style")
    rows = tree.one("tbody").all("tr")
    assert len(rows) == len(derivation)
    for step, row in zip(derivation, rows, strict=True):
        formula = f"{name_text(step.name, derivation.symbols)} = "
        formula += text(step.shown, derivation.symbols)
        assert row.all("td")[1].text == formula
    assert page_values.shown(float(derivation["L"].value)) in tree.text


def test_a_notebook_shortens_a_long_derivation() -> None:
    h = tg.tensor(np.ones((2, 3)), requires_grad=True, name="x")
    for _ in range(199):
        h = tg.tanh(h)
    derivation = tg.explain(h.sum())
    listed = derivation._repr_html_()
    assert len(listed) < 8_000 and f"{len(derivation)} steps" in listed
    assert "more steps" in parsed(listed).text


def test_save_writes_what_the_suffix_says(tmp_path: Path) -> None:
    derivation = two_layers()
    whole = {"a.html": derivation.html, "a.tex": derivation.latex}
    whole |= {"a.json": derivation.json, "A.TXT": derivation.text}
    for name, made in whole.items():
        path = derivation.save(tmp_path / name)
        assert path == tmp_path / name and path.read_text(encoding="utf-8") == made()
    path = derivation.save(str(tmp_path / "s.html"), stepper=True)
    assert path.read_text(encoding="utf-8") == derivation.stepper()


def test_save_says_what_it_can_write(tmp_path: Path) -> None:
    derivation = two_layers()
    with pytest.raises(ValueError, match=r"\.html, \.tex, \.json, \.txt.*'\.pdf'.*pdflatex"):
        derivation.save(tmp_path / "a.pdf")
    with pytest.raises(ValueError, match="ends in 'nothing'"):
        derivation.save(tmp_path / "a")
    with pytest.raises(ValueError, match="a stepper is a page"):
        derivation.save(tmp_path / "a.tex", stepper=True)
    assert not list(tmp_path.iterdir())


def test_json_can_be_read_back() -> None:
    derivation = two_layers()
    read = json.loads(derivation.json())
    assert [step["name"] for step in read["steps"]] == [step.name for step in derivation]
