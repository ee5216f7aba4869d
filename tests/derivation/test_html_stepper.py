"""The page that shows one step at a time."""

import json

import numpy as np
from derivation.html_tree import Element, parsed

import tinygrad_ed as tg
from tinygrad_ed.derivation.examples import EXAMPLES
from tinygrad_ed.derivation.page_values import brief
from tinygrad_ed.derivation.wording import name_text


def stepper(derivation: object) -> Element:
    return parsed(derivation.stepper())  # type: ignore[attr-defined]


def known(tree: Element) -> list[dict[str, object]]:
    script = tree.by_id("values")
    assert script.attributes["type"] == "application/json" and "<" not in script.text
    return json.loads(script.text)


def test_every_value_is_known_from_its_step_on_and_the_leaves_from_the_start() -> None:
    derivation = tg.explain(EXAMPLES["two-layers"].build())
    rows = {row["name"]: row for row in known(stepper(derivation))}
    for name, array in derivation.inputs.items():
        row = rows[name_text(name, derivation.symbols)]
        assert row["values"] == [[0, brief(array)]] and row["phase"] == "given"
    for step in derivation:
        row = rows[name_text(step.name, derivation.symbols)]
        assert row["values"] == [[step.number, brief(step.value)]] and row["phase"] == step.phase
    assert len(rows) == len(derivation.inputs) + len(derivation)


def test_a_weight_that_is_updated_is_known_before_and_after() -> None:
    w = tg.tensor(np.array([1.0, 2.0]), requires_grad=True, name="w")
    (w * w).sum().backward()
    derivation = tg.explain(tg.optim.SGD([w], lr=0.1))
    (row,) = [row for row in known(stepper(derivation)) if row["name"] == "w"]
    before, after = row["values"]
    assert before == [0, "[1, 2]"] and after == [derivation["w"].number, "[0.8, 1.6]"]


def test_the_scrubber_runs_over_all_steps_and_tells_readers_what_it_is() -> None:
    derivation = tg.explain(EXAMPLES["two-layers"].build())
    tree = stepper(derivation)
    scrubber = tree.by_id("scrubber")
    assert scrubber.attributes["type"] == "range" and scrubber.attributes["aria-label"]
    assert (scrubber.attributes["min"], scrubber.attributes["max"]) == ("1", str(len(derivation)))
    told = tree.by_id("told")
    assert told.attributes["aria-live"] == "polite"
    for button in tree.all("button"):
        assert button.attributes["type"] == "button"
        assert button.attributes.get("aria-label") or button.text.isalpha()


def test_without_scripts_all_steps_are_there_and_no_dead_control() -> None:
    derivation = tg.explain(EXAMPLES["two-layers"].build())
    tree = stepper(derivation)
    assert len(tree.all("article", "step")) == len(derivation)
    assert "hidden" in tree.one("nav", "controls").attributes
    assert "hidden" in tree.one("aside", "known").attributes
    assert not any("hidden" in article.attributes for article in tree.all("article"))


def test_every_key_that_is_told_is_handled() -> None:
    tree = stepper(tg.explain(EXAMPLES["two-layers"].build()))
    told = {key.text for key in tree.one("details", "keys").all("kbd")}
    names = {"←": "ArrowLeft", "→": "ArrowRight", "Space": '" "', "/": '"/"', "f": "f:", "b": "b:"}
    program = tree.all("script")[-1].text
    for key in told:
        assert names.get(key, key) in program


def test_few_entries_are_told_in_full_and_many_by_their_range() -> None:
    assert brief(np.array(0.5)) == "0.5"
    assert brief(np.array([[1.0, -2.0]])) == "[[1, −2]]"
    assert brief(np.arange(9.0)) == "0 … 8"
    assert brief(np.zeros((0, 2))) == "empty"
    assert brief(np.array([True] * 6)) == "6 entries"
