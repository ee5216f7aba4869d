"""What every test may use: the shared real data, and hypothesis profiles for CI and for a desk.

Every run also counts the launches of kernels: `launch_counts.py`. `pytest -n logical` divides a run
among as many processes as there are cores.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from launch_counts import (  # noqa: F401 (hooks of pytest)
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

CHECKOUT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"

if "PYTEST_XDIST_WORKER" in os.environ:
    # One of several test processes; NumPy is not loaded yet. Kernels are still divided between two
    # threads, as many as the smallest machine has, but a machine full of workers is not flooded.
    os.environ.setdefault("TINYGRAD_ED_THREADS", str(min(2, os.cpu_count() or 1)))
    for library in ("OPENBLAS", "MKL", "OMP"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# In CI the same examples run every time, so that a failure there repeats on a desk.
settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if IN_CI else "dev")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("mnist")`: the path of a real data set that is too big for the package.

    The folder is named by the environment variable TINYGRAD_ED_DATA; without it, it is looked for
    in `shared/data` beside the checkout. Where the data is not found the test is skipped, and in CI
    (CI=true) it fails.
    """

    def find(name: str) -> Path:
        named = os.environ.get("TINYGRAD_ED_DATA")
        folder = Path(named) if named else CHECKOUT.parent / "shared" / "data"
        path = folder / name
        if not path.exists():
            where = "TINYGRAD_ED_DATA" if named else "TINYGRAD_ED_DATA is not set, and the default"
            reason = f"real data {name!r} is not in {folder} ({where})"
            pytest.fail(reason) if IN_CI else pytest.skip(reason)
        return path

    return find
