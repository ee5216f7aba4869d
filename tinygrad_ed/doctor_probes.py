"""The probes of `tinygrad-ed doctor`: each looks for one thing and answers one row.

A probe never raises: what it cannot find is a finding. Packages are imported inside the probe that
asks for them.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .backends import cuda_sim, explain_auto, get_backend
from .backends.cuda import why_unusable
from .errors import DeviceError


@dataclass(frozen=True)
class Row:
    """One finding.

    Attributes:
        name: What was looked for.
        found: What is there, or why it is not.
        ok: Whether it is usable.
        fix: What to do where it is not.
        needed: False for what the engine does without.
    """

    name: str
    found: str
    ok: bool = True
    fix: str = ""
    needed: bool = False

    def to_json(self) -> dict[str, Any]:
        """The row as plain data; `status` is "ok" or "missing"."""
        status = "ok" if self.ok else "missing"
        return {
            "name": self.name,
            "found": self.found,
            "status": status,
            "fix": self.fix,
            "needed": self.needed,
        }


def one_line(error: BaseException) -> str:
    """An error's message on one line, or its name where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def version_of_python() -> Row:
    """The interpreter that runs us."""
    found = f"{platform.python_version()} ({sys.executable})"
    fix = (
        "" if sys.version_info >= (3, 11) else "make a virtual environment of Python 3.11 or newer"
    )
    return Row("Python", found, not fix, fix, needed=True)


def version_of_numpy() -> Row:
    """NumPy, which every device stands on."""
    ok = int(np.__version__.partition(".")[0]) >= 2
    fix = "" if ok else "pip install --upgrade 'numpy>=2'"
    return Row("NumPy", np.__version__, ok, fix, needed=True)


def blas() -> Row:
    """The library behind NumPy's matrix products."""
    library = _numpy_build("Build Dependencies").get("blas", {})
    if not library.get("found"):
        fix = (
            "install NumPy from its wheel (pip install --force-reinstall numpy): it brings OpenBLAS"
        )
        return Row("BLAS", "none: matrix products on device numpy are slow", False, fix)
    return Row("BLAS", f"{library['name']} {library.get('version', '')}".strip())


def processor() -> Row:
    """The CPU's name, and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    name = next((s.partition(":")[2].strip() for s in lines if s.startswith("model name")), name)
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return Row("CPU", f"{name}, {cores} core{'s' * (cores != 1)}")


def simd_width() -> Row:
    """How many bits one vector instruction works on, and LLVM's name for this CPU."""
    simd = _numpy_build("SIMD Extensions")
    names = [*simd.get("baseline", []), *simd.get("found", [])]
    widths = {"AVX512": 512, "X86_V4": 512, "AVX2": 256, "X86_V3": 256}
    bits = max(
        (w for s in names for known, w in widths.items() if s.startswith(known)), default=128
    )
    try:
        binding = importlib.import_module("llvmlite.binding")
        llvm = f"; LLVM calls the CPU {binding.get_host_cpu_name()}"
    except Exception:  # it is a detail: Numba has its own row
        llvm = ""
    return Row("SIMD", f"{bits} bits{f' ({names[-1]})' if names else ''}{llvm}")


def version_of_numba() -> Row:
    """The compiler behind device cpu."""
    try:
        return Row("Numba", importlib.import_module("numba").__version__)
    except Exception as error:
        fix = "pip install --upgrade numba (device numpy works without it)"
        return Row("Numba", one_line(error), False, fix)


def threads() -> Row:
    """How many threads large kernels of device cpu are divided among."""
    try:
        importlib.import_module("numba")
        number = importlib.import_module("tinygrad_ed.backends.threads").get_threads()
    except ImportError:
        return Row("threads", "Numba does not import", False, "see Numba")
    except ValueError as error:
        return Row(
            "threads", one_line(error), False, "set TINYGRAD_ED_THREADS to a number, or unset"
        )
    return Row("threads", f"{number} (TINYGRAD_ED_THREADS or --threads sets how many)")


def kernel_cache() -> Row:
    """Where compiled kernels are kept."""
    name = "kernel cache"
    try:
        importlib.import_module("numba")
        folder = importlib.import_module("tinygrad_ed.kernels.cpu.cache").folder()
    except ImportError:
        return Row(name, "Numba does not import", False, "see Numba")
    except RuntimeError as error:  # there is no home folder
        return Row(name, one_line(error), False, "set TINYGRAD_ED_CACHE to a folder you can write")
    if _writable(folder):
        return Row(name, str(folder))
    found = f"not writable, or no absolute path: {folder}; kernels compile again in each process"
    return Row(name, found, False, "set TINYGRAD_ED_CACHE to the full path of a folder to write to")


def device(name: str) -> Row:
    """Whether this device can be used, or why not."""
    if name == "cuda":
        cause = why_unusable()
        if cause is not None:
            what, _, fix = cause.partition("; ")
            return Row("device cuda", what, False, fix or "choose --device cpu")
        return Row("device cuda", "usable")
    if name == "cuda-sim":
        cause = cuda_sim.why_unusable()
        what, _, fix = (cause or "usable: CUDA kernels on the CPU, to learn").partition("; ")
        return Row("device cuda-sim", what, cause is None, fix)
    try:
        get_backend(name)
    except DeviceError as error:
        return Row(f"device {name}", one_line(error), False, "see Numba", needed=name == "numpy")
    return Row(f"device {name}", "usable", needed=name == "numpy")


def device_auto() -> Row:
    """What `--device auto` means here, and whether that device can be used."""
    name, reason = explain_auto()
    chosen = device(name)
    if not chosen.ok:
        fix = f"{chosen.fix}, or choose --device numpy"
        return Row("device auto", f"{name}: {chosen.found}", False, fix)
    return Row("device auto", f"{name}: {reason.partition(';')[0]}")


def package(name: str, extra: str, use: str) -> Row:
    """A package that one part of the project uses, found without importing it."""
    fix = f"pip install '{extra}' (for {use})"
    try:
        if importlib.util.find_spec(name) is not None:
            return Row(name, importlib.metadata.version(name))
    except (ImportError, ValueError):
        pass
    return Row(name, "not installed", False, fix)


def _numpy_build(part: str) -> dict[str, Any]:
    """What NumPy knows about its own build."""
    build: Any = np.show_config(mode="dicts")
    return dict(build.get(part, {}))


def _writable(folder: Path) -> bool:
    """Whether this folder can be written, or made in its nearest parent; nothing is made here."""
    if not folder.is_absolute():  # "~/.cache" where no home is known, or another one in each folder
        return False
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
