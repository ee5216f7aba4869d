"""What the tests of benchmarks share: running one as a process, importing a part of one."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
BLOCKED = """
import runpy, sys
for name in {absent!r}:
    sys.modules[name] = None
sys.path.insert(0, {folder!r})
sys.argv = {argv!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(
    script: str, *options: str, absent: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """A benchmark as its own process; the packages in `absent` look as if they were missing."""
    argv = [str(BENCHMARKS / f"{script}.py"), *options]
    program = BLOCKED.format(absent=absent, folder=str(BENCHMARKS), argv=argv)
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def numbers(
    tmp_path: Path, script: str, *options: str, absent: tuple[str, ...] = (), **environment: str
) -> dict[str, Any]:
    """What the benchmark writes as JSON."""
    file = tmp_path / "numbers.json"
    done = run(script, *options, "--rounds", "1", "--json", str(file), absent=absent, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert {"date", "machine", "versions", "commit"} <= found["machine"].keys()
    return found


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(name)
