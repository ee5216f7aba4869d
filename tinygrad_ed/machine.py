"""What this machine can do at most, measured once and kept on disk.

`tinygrad-ed bench --calibrate` measures (`kernels/cpu/peak.py` has the loops) and stores; `tg.cost`
reads. The file lies beside the folder of compiled kernels and is named after the processor, so a
home that several machines share has one for each. It is written beside its place and moved there in
one step. A file that is damaged counts as not there.
"""

import contextlib
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

FORMAT = 1
HINT = "run `tinygrad-ed bench --calibrate` (a few seconds, once per machine)"
"""What to do where no measurement is stored."""


@dataclass(frozen=True)
class Level:
    """A cache, or the memory.

    Attributes:
        name: "L1", "L2", … or "memory".
        size: Bytes that it holds; None for the memory.
        bandwidth: Bytes per second that can be read from it.
    """

    name: str
    size: int | None
    bandwidth: float


@dataclass(frozen=True)
class Machine:
    """The ceilings of a processor.

    Attributes:
        processor: LLVM's name of it.
        threads: How many threads reach these rates together.
        peak: Number type -> floating-point operations per second.
        levels: Caches from the nearest on, then the memory.
        measured: The day, "2025-01-31".
    """

    processor: str
    threads: int
    peak: dict[str, float]
    levels: tuple[Level, ...]
    measured: str

    def level_for(self, size: int) -> Level:
        """The nearest level that holds so many bytes."""
        return next(v for v in self.levels if v.size is None or size <= v.size)

    def seconds(self, flops: int, moved: int, dtype: str) -> float:
        """The least time for so many operations on so many bytes.

        The larger of two: the operations at the peak, and the bytes at the bandwidth of the level
        that holds them all. Number types without a peak of their own count as float32.
        """
        peak = self.peak.get(dtype, self.peak["float32"])
        return max(flops / peak, moved / self.level_for(moved).bandwidth)


def calibrate(
    threads: int = 1,
    seconds: float = 0.4,
    progress: Callable[[str], None] = lambda what: None,
) -> Machine:
    """Measures the ceilings of this machine; nothing is stored.

    Args:
        threads: How many work at once.
        seconds: How long to try for each number.
        progress: Is told what comes next.

    Raises:
        ImportError: llvmlite, which comes with Numba, is missing.
    """
    try:
        from .kernels.cpu import peak
        from .kernels.cpu.loading import processor
    except ImportError as error:
        raise ImportError(
            f"measuring needs llvmlite, which comes with Numba ({error}): pip install numba"
        ) from error
    rates = {}
    for dtype in peak.LLVM_NAME:
        progress(f"multiply-adds in {dtype}")
        rates[dtype] = peak.fma_peak(dtype, threads, seconds)
    sizes = peak.cache_sizes()
    progress(f"reading from {', '.join(sizes)} and memory")
    levels = tuple(
        Level(name, sizes.get(name), rate)
        for name, rate in peak.bandwidths(threads, seconds).items()
    )
    return Machine(processor()[0], threads, rates, levels, date.today().isoformat())


def place() -> Path:
    """The file for this processor; it need not exist.

    Raises:
        ImportError: llvmlite, which names the processor, is missing.
        RuntimeError: There is no home folder.
    """
    from .kernels.cpu import cache
    from .kernels.cpu.loading import processor

    key = hashlib.sha256("\n".join(processor()).encode()).hexdigest()[:12]
    return cache.folder().parent / f"machine-{key}.json"


def store(machine: Machine) -> Path | None:
    """Keeps a measurement, beside those for other numbers of threads.

    Returns:
        The file; None if it cannot be written.
    """
    with contextlib.suppress(OSError, RuntimeError):
        path = place()
        kept = {**_read(path), str(machine.threads): asdict(machine)}
        text = json.dumps({"format": FORMAT, "threads": kept}, indent=2) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        return path
    return None


def stored(threads: int = 1) -> Machine | None:
    """What was measured on this processor with so many threads; None if nothing was."""
    try:
        return _machine(_read(place()).get(str(threads)))
    except (ImportError, RuntimeError):
        return None


def every_stored() -> list[Machine]:
    """All measurements on this processor, by the number of threads."""
    try:
        kept = _read(place())
    except (ImportError, RuntimeError):
        return []
    found = [machine for machine in map(_machine, kept.values()) if machine is not None]
    return sorted(found, key=lambda machine: machine.threads)


def _read(path: Path) -> dict[str, Any]:
    """The file's measurements as they were written; none if it is not there or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = found["threads"] if found["format"] == FORMAT else {}
        return kept if isinstance(kept, dict) else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _machine(found: Any) -> Machine | None:
    """A measurement from JSON; None if it is none, or has a rate that none can be."""
    try:
        levels = tuple(Level(**level) for level in found["levels"])
        machine = Machine(**{**found, "levels": levels})
        rates = [machine.peak["float32"], machine.peak["float64"], *(v.bandwidth for v in levels)]
        sizes = [level.size for level in levels]
        fits = all(math.isfinite(rate) and rate > 0 for rate in rates)
        fits = fits and sizes[-1] is None and all(isinstance(s, int) for s in sizes[:-1])
        return machine if fits and isinstance(machine.threads, int) else None
    except (LookupError, TypeError, AttributeError):
        return None
