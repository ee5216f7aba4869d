"""Counts how often each kernel is launched in a test run: one that nobody launches is not tested.

`conftest.py` puts this into every run. The counts stand in the summary at the end, and when the
whole suite was run, a kernel that was never launched fails it. A kernel is counted when it is
called, and when its machine code is put into the table of a captured program; a CUDA kernel, when
it is prepared for a launch. Where pytest-xdist runs the tests in several processes, each sends its
counts to the one that was started.
"""

import importlib.util
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

CUDA = "cuda "
"""In front of the names of CUDA kernels."""

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


def count_cuda_launches() -> None:
    """The same for CUDA kernels, on whatever machine they run."""
    from tinygrad_ed.kernels.cuda import CudaKernel

    real = CudaKernel.prepared

    def prepared(kernel: Any, args: Any, scratch: Any = None) -> Any:
        found = real(kernel, args, scratch)
        if found is not None:
            COUNTS[CUDA + kernel.name] += 1
        return found

    CudaKernel.prepared = prepared  # type: ignore[method-assign]


def with_files() -> list[str]:
    """Every kernel that stands in a file and can run here."""
    from tinygrad_ed.kernels import sim
    from tinygrad_ed.kernels.cpu.loaded import FILES
    from tinygrad_ed.kernels.cuda.declared import KERNELS

    simulated = sim.why_unusable() is None
    return [*FILES, *sorted({CUDA + d.name for d in KERNELS.values()} if simulated else ())]


def missing(counts: Counter[str]) -> list[str]:
    """The kernels that were never launched, and the kinds of generated ones."""
    files = with_files()
    made = counts.keys() - set(files)
    kinds = [
        device + kind
        for device in ("", CUDA)
        for kind in KINDS
        if not any(name.endswith(kind) and name.startswith(CUDA) == bool(device) for name in made)
    ]
    if not any(name.startswith(CUDA) for name in files):
        kinds = [kind for kind in kinds if not kind.startswith(CUDA)]
    return [name for name in files if not counts[name]] + [f"any …{kind}" for kind in kinds]


def is_whole(config: pytest.Config) -> bool:
    """Whether the whole suite was asked for: no paths, nothing left out."""
    options = config.option
    chosen = (options.keyword, options.markexpr, options.ignore, options.deselect, options.maxfail)
    again = [getattr(options, name, False) for name in ("lf", "collectonly")]
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any([*chosen, *again])


def pytest_configure(config: pytest.Config) -> None:
    if importlib.util.find_spec("llvmlite") is not None:
        count_launches()
        count_cuda_launches()


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
    for device in ("", CUDA):
        mine = {n: COUNTS[n] for n in COUNTS if n.startswith(CUDA) == bool(device)}
        files = [name for name in with_files() if name in mine]
        shown = [f"{name} {mine[name]:,}" for name in files]
        for kind in KINDS:
            made = [n for name, n in mine.items() if name.endswith(kind) and name not in files]
            shown.append(f"{len(made)} {device}generated …{kind} {sum(made):,}")
        terminalreporter.write_line(", ".join(shown))
    if is_whole(config) and (never := missing(COUNTS)):
        terminalreporter.write_line(f"NEVER LAUNCHED: {', '.join(never)}", red=True)
