"""What a GPU is and how fast its clocks ran, as `nvidia-smi` says; nothing where it is missing."""

import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from typing import Self

FIXED = {"name": "GPU", "driver_version": "driver", "clocks.max.sm": "greatest SM clock in MHz"}
SAMPLED = {"clocks.sm": "SM clock in MHz", "clocks.mem": "memory clock in MHz",
           "power.draw": "power in W", "temperature.gpu": "temperature in °C"}  # fmt: skip
EVERY = 250
"""Milliseconds between two looks at the clocks."""


def _command(fields: Sequence[str], *more: str) -> list[str]:
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0] or "0"
    query = f"--query-gpu={','.join(fields)}"
    return ["nvidia-smi", "-i", first, query, "--format=csv,noheader,nounits", *more]


def gpu() -> dict[str, str]:
    """Name, driver and greatest clock of the GPU that programs here use."""
    try:
        done = subprocess.run(_command([*FIXED]), capture_output=True, text=True, check=False)
    except OSError:
        return {}
    cells = [cell.strip() for cell in done.stdout.strip().split(",")]
    if done.returncode or len(cells) != len(FIXED):
        return {}
    return dict(zip(FIXED.values(), cells, strict=True))


class Clocks:
    """Looks at the clocks now and then while something is measured.

        with Clocks() as clocks: ...
        clocks.found()

    A look at a GPU that rests is left out: it says nothing about what was measured.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        command = _command(["utilization.gpu", *SAMPLED], "-lms", str(EVERY))
        try:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:
            self.process = None
        return self

    def __exit__(self, *error: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.lines = self.process.communicate()[0].splitlines()

    def found(self) -> dict[str, str]:
        """Each quantity's median and range."""
        looks = [[cell.strip() for cell in line.split(",")] for line in self.lines]
        busy = [look[1:] for look in looks if len(look) == 1 + len(SAMPLED) and look[0] != "0"]
        found = {}
        for k, name in enumerate(SAMPLED.values()):
            values = [float(v) for look in busy if (v := look[k]).replace(".", "", 1).isdecimal()]
            if values:
                middle = statistics.median(values)
                found[name] = f"{middle:g} ({min(values):g}-{max(values):g})"
        return found


def in_words(found: Mapping[str, str]) -> str:
    """For the line above a table: NVIDIA H200, driver 580.1, SM clock in MHz 1980 (…)."""
    return ", ".join(value if name == "GPU" else f"{name} {value}" for name, value in found.items())
