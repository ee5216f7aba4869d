"""The book typesets derivations: every step of every example, in both conventions, by KaTeX."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_ed as tg
from tinygrad_ed.derivation.examples import EXAMPLES

pytest.importorskip("IPython", reason="the book's cells show things: pip install '.[docs]'")
pytest.importorskip("py_mini_racer", reason="KaTeX runs in it: pip install '.[docs]'")

DOCS = Path(__file__).resolve().parent.parent / "docs"
FORMULA = re.compile(r"\$\$\n(.*?)\n\$\$|\$([^$]+)\$", re.DOTALL)


@pytest.fixture(scope="module")
def book() -> Iterator[Any]:
    """The module that pages use, and the typesetter that the build uses."""
    before = list(sys.path)
    sys.path[:0] = [str(DOCS), str(DOCS / "extensions")]
    import katex_at_build
    from bookkit import derivations

    sys.path[:] = before
    yield derivations, katex_at_build.typesetter
    katex_at_build.typesetter.close()


@pytest.fixture
def shown(book: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a function of the kit shows, after KaTeX has read every formula of it."""
    derivations, typesetter = book

    def call(function: str, *arguments: Any) -> str:
        texts: list[str] = []
        monkeypatch.setattr(derivations, "display", lambda made: texts.append(made.data))
        getattr(derivations, function)(*arguments)
        for block, inline in FORMULA.findall("".join(texts)):
            typesetter.html(block or inline, display=bool(block))
        return "".join(texts)

    return call


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_step_of_an_example_is_typeset(name: str, convention: str, shown: Any) -> None:
    derivation = tg.explain(EXAMPLES[name].build(), convention=convention)
    text = shown("on_paper", derivation)
    assert len(re.findall(r"^\*\*\d+\*\* · ", text, re.MULTILINE)) == len(derivation)
    assert text.count("$$\n") == 2 * len(derivation)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_chain_rule_of_every_leaf_is_typeset(name: str, shown: Any) -> None:
    derivation = tg.explain(EXAMPLES[name].build())
    for leaf in derivation.gradients:
        assert r"\frac{\partial L}" in shown("chain", derivation, leaf)


def test_an_entry_stands_with_its_numbers_and_where_it_comes_from(shown: Any) -> None:
    derivation = tg.explain(EXAMPLES["two-layers"].build(), wrt="W1", entry=(2, 0))
    text = shown("on_paper", derivation, "dW1")
    x, dZ1 = derivation.inputs["x"], derivation["dZ1"].value
    assert f"{x[:, 2] @ dZ1[:, 0]:.4g}" in text
    for number in (*x[:, 2], *dZ1[:, 0]):
        assert f"{abs(number):.4g}" in text
    assert r"column 2 of $x$ meets column 0 of $\mathrm{d}Z_{1}$" in text


def test_an_update_and_a_second_derivative_are_typeset(shown: Any) -> None:
    w = tg.tensor(np.array([0.8, 0.3]), requires_grad=True, name="w")
    (w * w).sum().backward()
    assert r" w & \leftarrow w - " in shown("on_paper", tg.explain(tg.optim.Adam([w])))
    y = tg.tensor(np.array(0.8), requires_grad=True, name="y")
    assert shown("on_paper", tg.explain(tg.sin(y * y), wrt=y, order=2))


def test_two_conventions_stand_in_one_table(shown: Any) -> None:
    loss = EXAMPLES["two-layers"].build()
    text = shown("beside", tg.explain(loss), tg.explain(loss, convention="column"), "dW1")
    row = text.splitlines()[-1].replace(r"\, ", "")
    assert r"x^{\top} \mathrm{d}Z_{1}$ | 3 × 2" in row
    assert r"\mathrm{d}Z_{1} x^{\top}$ | 2 × 3" in row


def test_a_drawing_is_there_for_light_and_dark_pages(shown: Any) -> None:
    text = shown("drawing", tg.draw(EXAMPLES["neuron"].build()), 'one "neuron"')
    assert text.count('alt="one &quot;neuron&quot;"') == 2
    assert "only-light" in text
    assert "only-dark" in text
    first, second = re.findall(r"base64,([^\"]+)", text)
    assert first != second
