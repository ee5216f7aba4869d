"""What the book's build refuses: each mistake by a page that has it, with the book's own conf.py.

pip install -e '.[docs]' && python -m pytest tests/test_docs_build.py
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx", reason="the book is built by Sphinx: pip install '.[docs]'")
pytest.importorskip("myst_nb", reason="the book is built by MyST-NB: pip install '.[docs]'")

ROOT = Path(__file__).resolve().parent.parent
HEAD = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n# A page\n\n"


def cell(code: str) -> str:
    return f"```{{code-cell}} python\n{code}\n```\n"


def build(
    pages: Path, *, docs: Path = ROOT / "docs", path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Builds a folder of pages as the book is built; `path` comes first on Python's own path."""
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    command = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(docs)]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *command, str(pages), str(pages.parent / "html")],
        capture_output=True,
        text=True,
        env=environment,
        cwd=pages.parent,
        timeout=300,
    )


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    return folder


def built(pages: Path, text: str) -> subprocess.CompletedProcess[str]:
    (pages / "index.md").write_text(HEAD + text, encoding="utf-8")
    return build(pages)


def test_a_page_without_mistakes_is_built_and_asks_for_nothing_outside(pages: Path) -> None:
    text = "The slope $\\frac{1}{4}$ of `tg.sigmoid`.\n\n"
    text += "$$\nx^2\n$$ (eq:square)\n\nSee {eq}`eq:square`.\n\n"
    text += cell("import tinygrad_ed as tg\nprint(tg.sigmoid(0.0))")
    text += "\n```{public-names} tinygrad_ed.ops.activations\n```\n"
    done = built(pages, text)
    assert (done.returncode, done.stderr) == (0, "")
    html = (pages.parent / "html" / "index.html").read_text(encoding="utf-8")
    assert "0.5" in html
    assert html.count('<span class="katex">') >= 2
    spec = importlib.util.spec_from_file_location("check_book", ROOT / "tools" / "check_book.py")
    assert spec
    assert spec.loader
    checker: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    assert checker.problems(pages.parent / "html") == []
    spoiled = html.replace("</body>", '<script src="https://example.org/x.js"></script></body>')
    spoiled = spoiled.replace("</body>", '<a href="#nowhere">x</a></body>')
    (pages.parent / "html" / "index.html").write_text(spoiled, encoding="utf-8")
    assert len(checker.problems(pages.parent / "html")) == 2


MISTAKES = {
    "a malformed formula": ("$$\n\\frac{1}{2\n$$\n", "KaTeX parse error"),
    "a command that KaTeX does not know": ("The $\\sigmoid$ of x.\n", "Undefined control sequence"),
    "a malformed formula that a cell prints": (
        cell("from IPython.display import Markdown\nMarkdown('$x^$')"),
        "KaTeX parse error",
    ),
    "a failing cell": (cell("1 / 0"), "ZeroDivisionError"),
    "a check that fails": (cell("assert 1 + 1 == 3"), "AssertionError"),
    "a cell that warns": (cell("import warnings\nwarnings.warn('x')"), "stderr was found"),
    "a link to no page": ("[there](nowhere.md)\n", "nowhere"),
    "a link to no heading": ("[there](#no-such-heading)\n", "no-such-heading"),
    "a reference to no name": ("{py:func}`tinygrad_ed.sigmoyd`\n", "sigmoyd"),
    "a name that does not exist": ("Call `tg.sigmoyd(x)`.\n", "is not a public name"),
    "a row that the catalogue does not have": ("As in [D9-B1].\n", "no such row"),
    "an equation without a number": ("{eq}`eq:none`\n", "eq:none"),
    "a package without public names": (
        "```{public-names} tinygrad_ed.nothing\n```\n",
        "has no public names",
    ),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One build of a page for each mistake, and of one without: page -> what was said of it."""
    folder = tmp_path_factory.mktemp("book") / "pages"
    folder.mkdir()
    names = [*MISTAKES, "nothing"]
    texts = [*(text for text, _ in MISTAKES.values()), cell("print('well')")]
    for number, text in enumerate(texts):
        (folder / f"page{number}.md").write_text(HEAD + text, encoding="utf-8")
    contents = "\n".join(f"page{number}" for number in range(len(texts)))
    (folder / "index.md").write_text(f"# All\n\n```{{toctree}}\n{contents}\n```\n")
    done = build(folder)
    assert done.returncode != 0
    found = dict.fromkeys(names, "")
    said = re.split(r"^(?=\S*page\d+\.md)", done.stderr, flags=re.MULTILINE)
    for complaint in said:
        page = re.match(r"\S*page(\d+)\.md", complaint)
        if page:
            found[names[int(page[1])]] += complaint
    return found


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_build_fails_on(mistake: str, complaints: dict[str, str]) -> None:
    assert MISTAKES[mistake][1] in complaints[mistake]
    assert re.search(r"WARNING|ERROR", complaints[mistake])  # -W makes an error of both


def test_the_build_says_nothing_of_a_page_without_mistakes(complaints: dict[str, str]) -> None:
    assert complaints["nothing"] == ""


def test_the_build_fails_on_a_public_name_without_a_docstring(pages: Path) -> None:
    (pages / "index.md").write_text(
        HEAD + "```{public-names} tinygrad_ed.nn\n```\n", encoding="utf-8"
    )
    assert "no docstring" not in build(pages).stderr
    bare = pages.parent / "bare"
    bare.mkdir()
    (bare / "sitecustomize.py").write_text(
        "import tinygrad_ed.nn as nn\n"
        "nn.Flatten.__doc__ = None\nnn.Module.parameters.__doc__ = None\n",
        encoding="utf-8",
    )
    done = build(pages, path=bare)
    assert done.returncode != 0
    assert "tinygrad_ed.nn.Flatten is public and has no docstring" in done.stderr
    assert "tinygrad_ed.nn.Module.parameters is public and has no docstring" in done.stderr


def test_a_wrong_derivative_in_the_engine_fails_the_book(pages: Path) -> None:
    """`(1 - y)` becomes `(1 + y)` in a copy of sigmoid; the chapter on losses notices."""
    copy = pages.parent / "copy"
    leave = shutil.ignore_patterns("__pycache__", "_build")
    for name in ("docs", "tinygrad_ed"):
        shutil.copytree(ROOT / name, copy / name, ignore=leave)
    shutil.copytree(ROOT / "kernels", copy / "tinygrad_ed" / "kernels", ignore=leave)
    shutil.copy(ROOT / "docs" / "book" / "04-losses.md", pages / "index.md")
    sound = build(pages, docs=copy / "docs", path=copy)
    assert "mystnb.exec" not in sound.stderr  # the page alone lacks the others' labels, no more

    source = copy / "tinygrad_ed" / "ops" / "activations.py"
    text = source.read_text(encoding="utf-8")
    assert text.count("return dy * y * (1 - y)") == 1
    source.write_text(
        text.replace("return dy * y * (1 - y)", "return dy * y * (1 + y)"), encoding="utf-8"
    )
    done = build(pages, docs=copy / "docs", path=copy)
    assert done.returncode != 0
    assert "mystnb.exec" in done.stderr
    assert "AssertionError" in done.stderr
