"""A suite that never launches some kernel fails, and the ops without a kernel are a known list."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from devices import CUDA_SIM
from hypothesis import given, settings
from hypothesis import strategies as st
from launch_counts import COUNTS, CUDA, KINDS, missing, with_files
from ops.cases import CASES
from ops.helpers import examples, gradients, tensors

pytest.importorskip("numba")

from tinygrad_ed.kernels.cpu import loaded

import tinygrad_ed as tg
from tinygrad_ed.backends import get_backend

LISTS = {"cpu": "formulas_on_cpu.txt", "cuda-sim": "formulas_on_cuda.txt"}
TESTS = Path(__file__).parents[1]


def formulas(name: str, device: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a device never has a kernel for: "value", "gradient", both or nothing."""
    backend = get_backend(device)
    by_formula: set[str] = set()
    served: set[str] = set()
    for what in ("forward", "vjp"):
        real = getattr(backend, what)

        def noted(op: Any, *rest: Any, what: str = what, real: Any = real) -> Any:
            if op.name == name:
                by_formula.add(what)
            return real(op, *rest)

        monkeypatch.setattr(backend, what, noted)

    @settings(examples(40), derandomize=True, database=None)
    @given(st.data())
    def look(data: st.DataObject) -> None:
        operands, params = data.draw(CASES[name].smooth)
        wanted = data.draw(st.sampled_from([None, 0]))  # all gradients, or that of the first
        if served == {"forward", "vjp"}:
            return
        by_formula.clear()
        inputs = tensors(operands, device=device, dtype="float32", wanted=wanted)
        y = tg.registry[name](*inputs, **params)
        found = gradients(y, inputs)
        if y.size:  # there is nothing to launch for an empty array
            served.update({"forward", *(["vjp"] if found else [])} - by_formula)

    look()
    return " ".join(
        word for what, word in (("forward", "value"), ("vjp", "gradient")) if what not in served
    )


@pytest.mark.parametrize("device", ["cpu", CUDA_SIM])
@pytest.mark.parametrize("name", tg.registry)
def test_ops_that_fall_back_to_their_formula_are_those_on_the_list(
    name: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list may only shrink: who gives an op a kernel takes it off, nobody puts one on."""
    text = (Path(__file__).parent / LISTS[device]).read_text(encoding="utf-8")
    rows = [row.split(maxsplit=1) for row in text.splitlines()]
    listed = {row[0]: row[1] for row in rows if row and row[0] != "#"}
    assert listed.keys() <= tg.registry.keys()
    assert formulas(name, device, monkeypatch) == listed.get(name, "")


def test_a_launch_is_counted() -> None:
    before = COUNTS["slope"]
    dz, one = np.zeros(3, np.float32), np.full(3, 0.5, np.float32)
    assert loaded.get("slope", "float32").launch(dz, one, one, 1)
    assert COUNTS["slope"] == before + 1


def test_a_kernel_or_a_kind_that_was_never_launched_is_missing() -> None:
    kinds = [f"{device}x{kind}" for device in ("", CUDA) for kind in KINDS]
    everything = Counter({name: 1 for name in [*with_files(), *kinds]})
    assert missing(everything) == []
    assert missing(everything - Counter({"gather": 1, "x_vjp": 1})) == ["gather", "any …_vjp"]
    if CUDA + "slope" in everything:
        lost = Counter({CUDA + "slope": 1, CUDA + "x_update": 1})
        assert missing(everything - lost) == [CUDA + "slope", f"any …{CUDA}_update"]


HOOKS = """
from launch_counts import pytest_configure, pytest_sessionfinish, pytest_terminal_summary
from launch_counts import pytest_testnodedown
"""
LAUNCH = """
import numpy as np
import pytest

@pytest.mark.parametrize("kind", [1, 2])
def test_slope(kind):
    from tinygrad_ed.kernels.cpu import loaded
    dz, one = np.zeros(3, np.float32), np.full(3, 0.5, np.float32)
    assert loaded.get("slope", "float32").launch(dz, one, one, kind)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 1), (["-k", "slope"], 0), (["-n", "2"], 1), (["-n", "2", "-k", "slope"], 0)],
)
def test_a_whole_suite_that_never_launches_a_kernel_fails(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    """In two processes, each of which launches it once, the counts add up."""
    if "-n" in arguments:
        pytest.importorskip("xdist")
    (tmp_path / "conftest.py").write_text(HOOKS, encoding="utf-8")
    (tmp_path / "test_one.py").write_text(LAUNCH, encoding="utf-8")
    asked = f"[pytest]\ntestpaths = .\npythonpath = {TESTS}\n"
    (tmp_path / "pytest.ini").write_text(asked, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert "2 passed" in done.stdout and "slope 2" in done.stdout
    assert ("NEVER LAUNCHED: " in done.stdout and "product" in done.stdout) == bool(code)
