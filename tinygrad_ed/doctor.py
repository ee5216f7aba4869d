"""What this machine has of what the engine can use, and how to get what is missing.

`tinygrad-ed doctor` prints `table(examine())`. The probes are in `doctor_probes.py`, those for the
CUDA devices in `doctor_cuda.py`.
"""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from . import __version__
from . import doctor_cuda as gpu
from . import doctor_probes as look
from .doctor_probes import Row

PROBES: tuple[Callable[[], Row], ...] = (
    lambda: Row("tinygrad_ed", f"{__version__} ({Path(__file__).parent})", needed=True),
    look.version_of_python,
    look.version_of_numpy,
    look.blas,
    look.processor,
    look.simd_width,
    look.version_of_numba,
    look.threads,
    look.kernel_cache,
    gpu.version_of_cupy,
    gpu.driver,
    gpu.runtime,
    gpu.compiler_of_nvidia,
    gpu.gpu,
    gpu.self_test,
    gpu.compiler,
    lambda: look.device("numpy"),
    lambda: look.device("cpu"),
    lambda: look.device("cuda"),
    lambda: look.device("cuda-sim"),
    look.device_auto,
    lambda: look.package("rich", "rich", "progress bars"),
    lambda: look.package("matplotlib", "tinygrad_ed[viz]", "--plot"),
    lambda: look.package("hypothesis", "tinygrad_ed[test]", "the tests and property strategies"),
)


def examine() -> list[Row]:
    """Every row, in the order of the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a broken CUDA set-up warns on import; the rows say it
        return [probe() for probe in PROBES]


def table(rows: Iterable[Row]) -> str:
    """The rows as text: name, status, finding, and the fix below a finding that needs one."""
    rows = list(rows)
    width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        status = "ok" if row.ok else "missing" if row.needed else "missing (optional)"
        lines.append(f"{row.name:<{width}}  {status:<18}  {row.found}")
        if row.fix:
            lines.append(f"{'':<{width}}  {'':<18}  fix: {row.fix}")
    return "\n".join(lines)
