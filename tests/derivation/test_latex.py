"""The LaTeX document of a derivation: balanced, compiled, and with the numbers of the run."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ops.cases import CASES
from ops.helpers import each_op, examples, is_float

import tinygrad_ed as tg
from tinygrad_ed.derivation import latex_breaks, latex_matrix
from tinygrad_ed.derivation.as_latex import as_latex, sentence
from tinygrad_ed.derivation.derivation import Derivation
from tinygrad_ed.derivation.examples import EXAMPLES
from tinygrad_ed.derivation.latex_letters import letter_in_latex
from tinygrad_ed.derivation.math import Symbols
from tinygrad_ed.ops import registry

needs_pdflatex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed: nothing to compile with"
)


def balanced(document: str) -> None:
    """Braces, environments, and growing brackets are closed in the order they were opened."""
    open_groups: list[str] = []
    plain = re.sub(r"(?<!\\)%.*", "", document)
    for match in re.finditer(
        r"\\(?:begin|end)\{(\w+\*?)\}|\\(left|right)\b|\\\[|\\\]|\\[^A-Za-z]|([{}])|(?<!\\)(\$)",
        plain,
    ):
        token = match.group()
        if match[1]:
            if token.startswith(r"\begin"):
                open_groups.append(match[1])
            else:
                assert open_groups.pop() == match[1], token
        elif match[2]:
            if match[2] == "left":
                open_groups.append("left")
            else:
                assert open_groups.pop() == "left"
        elif token in (r"\[", "{"):
            open_groups.append(token)
        elif token in (r"\]", "}"):
            assert open_groups.pop() == {"\\]": "\\[", "}": "{"}[token]
        elif token == "$":
            if open_groups and open_groups[-1] == "$":
                open_groups.pop()
            else:
                open_groups.append("$")
    assert not open_groups


def compiled(document: str, folder: Path) -> str:
    """What pdflatex says; it stops at the first error."""
    (folder / "derivation.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivation.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert (folder / "derivation.pdf").stat().st_size > 1000
    return done.stdout


def foreign() -> Derivation:
    """Names, sizes and numbers that a document has trouble with."""
    rng = np.random.default_rng(0)
    x = tg.tensor(
        rng.standard_normal((12, 20)), requires_grad=True, name="100% $x_1$ \\end{a} #&~^"
    )
    w = tg.tensor(rng.standard_normal((20, 15)) * 1e-7, requires_grad=True, name="模型 ℝ ñíł Ω ﬁ")
    return tg.explain((tg.gelu(x @ w) ** 2).mean(axis=1).sum())


DOCUMENTS = {
    **{name: (lambda e=example: tg.explain(e.build())) for name, example in EXAMPLES.items()},
    "columns": lambda: tg.explain(EXAMPLES["two-layers"].build(), convention="column"),
    "foreign": foreign,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_balanced(name: str) -> None:
    document = DOCUMENTS[name]().latex()
    balanced(document)
    assert document.startswith(r"\documentclass") and document.endswith("\\end{document}\n")


@needs_pdflatex
@pytest.mark.parametrize("name", ["two-layers", "foreign"])
def test_documents_compile_and_nothing_sticks_out(name: str, tmp_path: Path) -> None:
    said = compiled(DOCUMENTS[name]().latex(), tmp_path)
    too_wide = [float(x) for x in re.findall(r"Overfull \\hbox \((\d+\.\d+)pt", said)]
    assert all(x < 10 for x in too_wide), said


@each_op
@examples(2)
@given(data=st.data())
def test_every_op_gives_a_balanced_document(name: str, data: st.DataObject) -> None:
    given_operands, params = data.draw(CASES[name].smooth)
    params = {"dtype": "float32"} if name == "astype" else params
    tensors = [
        None if a is None else tg.tensor(a, requires_grad=is_float(a), name=f"x{k}")
        for k, a in enumerate(given_operands)
    ]
    y = registry[name](*tensors, **params)
    if y.op is not None:
        balanced(tg.explain(y, seed=np.ones(y.shape)).latex())


def test_a_document_has_every_step_with_its_numbers() -> None:
    derivation = tg.explain(EXAMPLES["two-layers"].build())
    document = derivation.latex()
    assert document.count(r"\subsection*{") == len(derivation) + 1  # and what is given
    for step in derivation:
        start = document.index(rf"\subsection*{{{step.number}.")
        part = document[start:].split(r"\subsection*{", 2)[1]
        if step.value.ndim:
            matrix = part[part.rindex(r"\begin{bmatrix}") : part.rindex(r"\end{bmatrix}")]
            read = [float(x) for x in re.findall(r"-?\d+\.?\d*", matrix)]
            np.testing.assert_allclose(read, step.value.ravel(), rtol=5e-4)
    assert "which runs as" in document and r"\what{local derivative}" in document


# --- arrays ---------------------------------------------------------------------------------------


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=12)), st.data())
def test_matrices_have_the_followed_entry_in_a_box(array: np.ndarray, data: st.DataObject) -> None:
    place = tuple(data.draw(st.integers(0, n - 1)) for n in array.shape)
    written = latex_matrix.matrix(array, place)
    assert re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", written) == [
        latex_matrix.number(array[place])
    ]
    rows = written.removeprefix(r"\begin{bmatrix} ").removesuffix(r" \end{bmatrix}").split(r" \\ ")
    assert len({row.count("&") for row in rows}) == 1
    assert len(rows) <= 11 and rows[0].count("&") <= 10
    assert ("dots" in written) == (max(array.shape[-2:]) > latex_matrix.FULL)


def test_numbers_in_latex() -> None:
    written = [latex_matrix.number(v) for v in (-0.5, 2e-9, np.nan, -np.inf, -0.0, 3, True)]
    assert written == [
        "-0.5", r"2 \cdot 10^{-9}", r"\mathrm{NaN}", r"-\infty", "0", "3", r"\text{True}"
    ]  # fmt: skip
    assert latex_matrix.matrix(np.zeros((0, 2))) == r"\text{empty}"


# --- breaking -------------------------------------------------------------------------------------

atoms = st.sampled_from(["x", "Z_{1}", r"W^{(1)}_{0,0}", "0.4711", r"\mathrm{d}b_{2}", r"\alpha"])


def combined(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inside, min_size=2, max_size=6)
    return st.one_of(
        some.map(" + ".join), some.map(" - ".join), some.map(r" \odot ".join),
        some.map(r"\,".join), inside.map(lambda x: rf"\left({x}\right)"),
        inside.map(lambda x: rf"\exp\left({x}\right)"),
        st.tuples(inside, inside).map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}"),
    )  # fmt: skip


formulas = st.recursive(atoms, combined, max_leaves=60)


def bare(latex: str) -> str:
    """A formula without what breaking may change: lines, sizes of brackets, spaces."""
    latex = re.sub(r"\\(?:begin|end)\{aligned\}|\\\[|\\\]|\\\\|\\qquad|&|\{\}", "", latex)
    latex = re.sub(r"\\(?:left|right|bigl|bigr)\b|\\fit\b|\\,|\\cdot\b", "", latex)
    return re.sub(r"[\s{}]", "", latex)


@given(formulas)
def test_breaking_keeps_every_letter_and_every_group(formula: str) -> None:
    shown = latex_breaks.display(f"L = {formula}")
    assert bare(shown) == bare(f"L = {formula}")
    balanced(shown)


@given(formulas)
def test_broken_lines_fit_or_are_made_to_fit(formula: str) -> None:
    shown = latex_breaks.display(f"L = {formula}")
    rows = shown.removeprefix(r"\[").removesuffix(r"\]")
    rows = re.sub(r"\\(?:begin|end)\{aligned\}", "", rows)
    for row in rows.split("\\\\\n"):
        assert latex_breaks.width(row) <= latex_breaks.LINE + 1 or r"\fit{" in row


def test_short_formulas_stay_on_their_line() -> None:
    assert latex_breaks.display("a = b") == r"\[ a = b \]"
    aligned = r"\begin{aligned} a &= b \\ &= c \end{aligned}"
    assert latex_breaks.display(aligned).count("&=") == 2


# --- words ----------------------------------------------------------------------------------------


def test_sentences_have_their_names_in_mathematics_and_all_else_as_it_stands() -> None:
    symbols = Symbols(shapes={"W1": 2})
    assert sentence("100% of W1_ & W1", symbols) == r"100\% of W1\_ \& $W_{1}$"


def test_letters_that_fonts_lack_are_declared() -> None:
    document = as_latex(foreign())
    preamble, _, body = document.partition(r"\begin{document}")
    declared = set(re.findall(r"DeclareUnicodeCharacter\{([0-9A-F]+)\}", preamble))
    rare = {f"{ord(c):04X}" for c in body if not c.isascii()}
    assert rare == declared and f"{ord('模'):04X}" in rare


def test_letters_are_set_by_what_tex_has() -> None:
    written = [letter_in_latex(x) for x in "ñíßβ₁ﬁ模"]
    assert written == [
        r"\text{\~{n}}", r"\text{\'{\i}}", r"\text{\ss{}}", r"\ensuremath{\beta}",
        r"\ensuremath{_{1}}", r"\text{fi}", r"\texttt{U+6A21}",
    ]  # fmt: skip
