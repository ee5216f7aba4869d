"""Compiled kernels on disk: once per machine.

The folder's name is a digest of everything that the code depends on: the source of every kernel,
the processor, and the versions of Python, NumPy, Numba and LLVM. An edited kernel has another
digest, so an old file is never run by mistake. A file is written beside its place and moved there
in one step, with a digest of its own contents: a process that is killed leaves nothing half
written, two processes that write the same file do no harm, and a file that was damaged is made
again.

The folder is `TINYGRAD_ED_CACHE`, else the user's cache folder. If it cannot be written, kernels
live as long as the process.
"""

import contextlib
import functools
import hashlib
import json
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from .loading import processor, vector_bytes

FORMAT = 1


@functools.cache
def folder() -> Path:
    """Where compiled kernels of this state of the sources lie; it need not exist."""
    base = os.environ.get("TINYGRAD_ED_CACHE")
    if base:
        return Path(base) / digest()
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Caches"
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "tinygrad_ed" / digest()


@functools.cache
def sources_digest() -> str:
    """A digest of the text of every kernel and all it needs; read once per process."""
    made = hashlib.sha256()
    here = Path(__file__).parent
    for path in [*sorted(here.rglob("*.py")), here.parent / "operands.py"]:
        made.update(f"{path.relative_to(here.parent)}\n".encode() + path.read_bytes())
    return made.hexdigest()


@functools.cache
def _versions() -> str:
    packages = [f"{name} {metadata.version(name)}" for name in ("numpy", "numba", "llvmlite")]
    return " ".join([sys.version, platform.machine(), *packages])


def digest() -> str:
    """Names the state of everything that compiled code depends on."""
    parts = [str(FORMAT), sources_digest(), _versions(), *processor(), str(vector_bytes())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def read(name: str) -> tuple[dict[str, Any], bytes] | None:
    """A kernel's description and object code; None if there is none that can be trusted."""
    try:
        stored = (folder() / f"{name}.kernel").read_bytes()
        checksum, _, rest = stored.partition(b"\n")
        if hashlib.sha256(rest).hexdigest().encode() != checksum:
            return None
        description, _, code = rest.partition(b"\n")
        return json.loads(description), code
    except (OSError, ValueError, RuntimeError):  # RuntimeError: there is no home folder
        return None


def write(name: str, description: dict[str, Any], code: bytes) -> None:
    """Keeps a compiled kernel, if the folder can be written."""
    rest = json.dumps(description).encode() + b"\n" + code
    with contextlib.suppress(OSError, RuntimeError):
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place, prefix=f".{name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
            os.replace(temporary, place / f"{name}.kernel")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
