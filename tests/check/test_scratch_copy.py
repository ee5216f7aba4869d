"""One changed sign in an op of the library: the checks fail and name the op."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_ed

PROGRAM = """
import numpy as np
import tinygrad_ed as tg
from tinygrad_ed.check import gradcheck
print(tg.__file__)
X, W = np.random.default_rng(0).normal(size=(2, 3, 3))
gradcheck(lambda X, W: tg.bce(tg.sigmoid(tg.tanh(X) @ W), np.full((3, 3), 0.25)), X, W)
print("passed")
"""

CHANGES = {
    "none": ("", "", ""),
    "sigmoid": ("activations.py", "return dy * y * (1 - y)", "return -dy * y * (1 - y)"),
    "plus": ("activations.py", "return dy * y * (1 - y)", "return dy * y * (1 + y)"),
    "tanh": ("activations.py", "return dy * (1 - y * y)", "return dy * (1 + y * y)"),
    "matrix_product": ("linear.py", "np.swapaxes(A, -1, -2) @ dZ", "-np.swapaxes(A, -1, -2) @ dZ"),
}


def changed_copy(name: str, folder: Path) -> Path:
    """The package in a folder of its own, with one op's VJP changed."""
    copy = folder / "tinygrad_ed"
    original = Path(tinygrad_ed.__file__).parent
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file, right, wrong = CHANGES[name]
    if file:
        chapter = copy / "ops" / file
        source = chapter.read_text(encoding="utf-8")
        assert right in source
        chapter.write_text(source.replace(right, wrong, 1), encoding="utf-8")
    return copy


@pytest.mark.parametrize(("name", "fails"), [("none", 0), ("sigmoid", 1)])
def test_one_changed_sign_makes_the_ops_own_tests_fail(
    name: str, fails: int, tmp_path: Path
) -> None:
    changed_copy(name, tmp_path)
    tests = Path(__file__).parents[1]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-k", "sigmoid",
         "-c", str(tests.parent / "pyproject.toml"), str(tests / "ops" / "test_gradients.py")],
        capture_output=True, text=True, cwd=tmp_path, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert ran.returncode == fails, ran.stdout
    assert ("failed" in ran.stdout) == bool(fails)


@pytest.mark.parametrize("name", CHANGES)
def test_one_changed_sign_is_found_and_its_op_named(name: str, tmp_path: Path) -> None:
    copy = changed_copy(name, tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True, text=True, cwd=tmp_path, env=environment, check=False,
    )  # fmt: skip
    assert ran.stdout.startswith(str(copy)), "the copy was not the one that ran"
    if name != "none":
        assert ran.returncode == 1 and "GradientMismatch" in ran.stderr
        op = "sigmoid" if name == "plus" else name
        assert f"op {op!r}" in ran.stderr
    else:
        assert ran.returncode == 0 and ran.stdout.endswith("passed\n"), ran.stderr


SHOWN = """
import numpy as np
import tinygrad_ed as tg
z = tg.tensor(np.array([0.5]), requires_grad=True, name="z")
loss = tg.sum(tg.sigmoid(z))
print(tg.explain(loss))
print(tg.unroll(loss))
"""


def test_explain_and_unroll_print_a_change_of_the_source(tmp_path: Path) -> None:
    changed_copy("plus", tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", SHOWN],
        capture_output=True, text=True, cwd=tmp_path, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    y = 1 / (1 + 2.718281828459045**-0.5)
    assert "dz = dA ⊙ A ⊙ (1 + A)" in ran.stdout  # the explanation,
    assert "∂A/∂z = A ⊙ (1 + A)" in ran.stdout
    assert f"= {y * (1 + y):.4g}"[:6] in ran.stdout  # its numbers,
    assert "dz = dA * A * (1 + A)" in ran.stdout  # and the program
    assert "(1 - A)" not in ran.stdout and "(1 − A)" not in ran.stdout
