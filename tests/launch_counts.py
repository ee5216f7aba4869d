"""Counts how often each kernel is launched in a test run: one that nobody launches is not tested.

`conftest.py` puts this into every run. The counts stand in the summary at the end, and when the
whole suite was run, a kernel that was never launched fails it. A kernel is counted when it is
called, and when its machine code is put into the table of a captured program. Where pytest-xdist
runs the tests in several processes, each sends its counts to the one that was started.
"""

import importlib.util
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

COUNTS = Counter[str]()
"""Kernel -> launches in this process, and in the workers of it that have ended."""

KINDS = ("_forward", "_vjp", "_update")
"""What is generated from source: an op's value, its gradient, an optimiser's step."""


def counted(name: str, launch: Callable[..., bool]) -> Callable[..., bool]:
    """The launcher, counting."""

    def call(*args: Any) -> bool:
        COUNTS[name] += 1
        return launch(*args)

    return call


def count_launches() -> None:
    """From here on, every kernel that is made counts."""
    from tinygrad_ed.kernels.cpu import loaded

    class CountingKernel(loaded.Kernel):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            object.__setattr__(self, "launch", counted(self.name, self.launch))

        def __getattribute__(self, attribute: str) -> Any:
            if attribute == "entry":
                COUNTS[object.__getattribute__(self, "name")] += 1
            return object.__getattribute__(self, attribute)

    loaded.Kernel = CountingKernel  # type: ignore[misc]


def missing(counts: Counter[str]) -> list[str]:
    """The kernels that were never launched, and the kinds of generated ones."""
    from tinygrad_ed.kernels.cpu.loaded import FILES

    made = counts.keys() - FILES.keys()
    kinds = [kind for kind in KINDS if not any(name.endswith(kind) for name in made)]
    return [name for name in FILES if not counts[name]] + [f"any …{kind}" for kind in kinds]


def is_whole(config: pytest.Config) -> bool:
    """Whether the whole suite was asked for: no paths, nothing left out."""
    options = config.option
    chosen = (options.keyword, options.markexpr, options.ignore, options.deselect, options.maxfail)
    again = [getattr(options, name, False) for name in ("lf", "collectonly")]
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any([*chosen, *again])


def pytest_configure(config: pytest.Config) -> None:
    if importlib.util.find_spec("llvmlite") is not None:
        count_launches()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended; one that crashed has sent nothing, and has failed the run already."""
    COUNTS.update(getattr(node, "workeroutput", {}).get("launches", {}))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workeroutput"):  # a worker has run a part: it does not judge
        session.config.workeroutput["launches"] = dict(COUNTS)
    elif exitstatus == 0 and is_whole(session.config) and missing(COUNTS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not COUNTS:
        return
    terminalreporter.section("launches of kernels")
    from tinygrad_ed.kernels.cpu.loaded import FILES

    shown = [f"{name} {COUNTS[name]:,}" for name in FILES if COUNTS[name]]
    for kind in KINDS:
        made = [n for name, n in COUNTS.items() if name.endswith(kind) and name not in FILES]
        shown.append(f"{len(made)} generated …{kind} {sum(made):,}")
    terminalreporter.write_line(", ".join(shown))
    if is_whole(config) and (never := missing(COUNTS)):
        terminalreporter.write_line(f"NEVER LAUNCHED: {', '.join(never)}", red=True)
