"""Real data beside the checkout: found by its variable, skipped at a desk, demanded in CI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parent / "conftest.py"
A_TEST = """
def test_that_needs_real_data(shared_data):
    assert shared_data("numbers.txt").read_text() == "1 2 3"
"""


def run_a_test(folder: Path, **environment: str) -> str:
    """The last line of a pytest run of one test that asks for `numbers.txt`."""
    tests = folder / "checkout" / "tests"
    tests.mkdir(parents=True)
    for file in (CONFTEST, CONFTEST.with_name("launch_counts.py")):
        shutil.copy(file, tests)
    (tests / "test_it.py").write_text(A_TEST, encoding="utf-8")
    ours = {k: v for k, v in os.environ.items() if k not in {"CI", "TINYGRAD_ED_DATA"}}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**ours, **environment, "PYTHONPATH": str(tests)},
    )
    return done.stdout.splitlines()[-1]


def test_data_that_is_not_there_skips_the_test(tmp_path: Path) -> None:
    assert run_a_test(tmp_path).startswith("1 skipped")


def test_data_that_is_not_there_fails_the_test_in_ci(tmp_path: Path) -> None:
    assert run_a_test(tmp_path, CI="true").startswith("1 failed")


def test_data_is_found_by_the_variable(tmp_path: Path) -> None:
    (tmp_path / "numbers.txt").write_text("1 2 3", encoding="utf-8")
    found = run_a_test(tmp_path, CI="true", TINYGRAD_ED_DATA=str(tmp_path))
    assert found.startswith("1 passed")


def test_data_is_found_beside_the_checkout(tmp_path: Path) -> None:
    data = tmp_path / "shared" / "data"
    data.mkdir(parents=True)
    (data / "numbers.txt").write_text("1 2 3", encoding="utf-8")
    assert run_a_test(tmp_path, CI="true").startswith("1 passed")
