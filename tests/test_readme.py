"""What the README and CONTRIBUTING show works: their programs run, their commands are there."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tinygrad_ed.kernels import sim

import tinygrad_ed as tg

ROOT = Path(__file__).resolve().parent.parent


def load_tool() -> Any:
    spec = importlib.util.spec_from_file_location("readme_tool", ROOT / "tools" / "readme.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


TOOL = load_tool()


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def runnable(name: str) -> list[str]:
    """The programs of a file; without a C++ compiler none that needs one."""
    programs: list[str] = TOOL.marked(text(name), "python")
    return [p for p in programs if "cuda-sim" not in p or sim.why_unusable() is None]


def test_the_first_sentence_says_that_it_is_not_tinygrad() -> None:
    first = text("README.md").split("\n\n")[1]
    assert first.startswith("This is not `tinygrad`")


def test_readme_has_the_two_commands_that_ci_runs() -> None:
    assert TOOL.commands(text("README.md")) == [
        "pip install -e . && python examples/mlp_binary.py",
        "pip install -e '.[test]' && python -m pytest -n logical",
    ]


def test_ci_takes_its_commands_from_the_readme() -> None:
    done = subprocess.run(
        [sys.executable, "tools/readme.py", "ci:run", "README.md"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines() == TOOL.commands(text("README.md"))
    assert "tools/readme.py ci:run README.md" in text(".ci/run")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_programs_run_without_a_warning(name: str, tmp_path: Path) -> None:
    programs = runnable(name)
    assert programs
    (tmp_path / "program.py").write_text("\n".join(programs), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_gradient_in_the_readme_is_the_one_that_its_comment_gives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, Any] = {}
    exec("\n".join(runnable("README.md")), names)
    capsys.readouterr()
    X, W, t = (names[n].numpy() for n in ("X", "W", "t"))
    expected = X.T @ (tg.sigmoid(X @ W) - t) / len(X)
    np.testing.assert_allclose(names["W"].grad.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_path_and_link_that_is_named_exists(name: str) -> None:
    links = re.findall(r"\]\(([\w./-]+)\)", text(name))
    paths = re.findall(
        r"`((?:tinygrad_ed|kernels|examples|tests|tools|docs|\.ci)/[\w./-]*)`", text(name)
    )
    missing = [path for path in {*links, *paths} if not (ROOT / path).exists()]
    assert missing == []
