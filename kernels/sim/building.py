"""From the text of a `.cu` file to a library on disk, once per machine.

A library is made of the kernels and of the simulator's runtime, which lies beside the libraries as
an object, compiled for the first of them. The name of either is a digest of everything it depends
on: the text, the compiler, its flags, and the processor. It is written beside its place and moved
there in one step, so several processes may build the same one, and a digest of its own contents
follows its last byte: one that was damaged is built again. The folder is `TINYGRAD_ED_CACHE`, else
the user's cache folder; where that cannot be written, a library lives as long as the process.
"""

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
RUNTIME = '#include "runtime.h"'

FLAGS = (
    "-std=c++17",
    "-O2",
    "-march=native",
    "-ffp-contract=off",  # what is rounded once says fma: elsewhere g++ and nvcc need not agree
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-gnu-unique",
    "-fno-exceptions",
    "-nostdinc++",  # nothing of it is used, and to read it takes longer than a kernel
    "-U_FORTIFY_SOURCE",  # its checks know one stack
    "-w",  # a warning about CUDA's dialect helps nobody
)
WATCHED = ("-DSIM_WATCHED",)
ACCESSES = (
    "-g1",  # which line an access belongs to
    "-gdwarf-4",  # of version 5, some addr2line confuse the first file with the whole text
    "-fsanitize=thread",
    "--param=tsan-distinguish-volatile=1",
    "-fno-tree-sra",  # a float4 is one access of 16 bytes, not four
)
"""For the kernels of a watched library, on top: its runtime watches, and is not watched."""
LINKED = (
    "-shared",
    "-nostdlib",  # of C++ there is none; nor the library of -fsanitize=thread, whose place we take
    "-Wl,-Bsymbolic",
)
LIBRARIES = ("-lm", "-lc", "-lgcc")

DIGEST = hashlib.sha256().digest_size


class BuildError(RuntimeError):
    """g++ is missing, or does not accept a kernel."""


def compiler() -> str | None:
    """The path of g++ (or of what the variable CXX names), if there is one."""
    return shutil.which(os.environ.get("CXX") or "g++")


def why_unusable() -> str | None:
    """None if kernels can be simulated here; else the cause and the fix, in one line."""
    if not sys.platform.startswith("linux"):
        return "CUDA kernels are simulated on Linux only; choose --device cpu"
    if compiler() is None:
        name = os.environ.get("CXX") or "g++"
        return (
            f"there is no C++ compiler {name!r}; install it: apt-get install g++ (Debian, Ubuntu), "
            f"dnf install gcc-c++ (Fedora), apk add g++ (Alpine)"
        )
    return None


def build(text: str, kernels: Sequence[str], *, watched: bool = False) -> Path:
    """The library with these kernels of a source; compiled if there is none yet.

    Args:
        text: CUDA C++ with all it includes.
        kernels: The kernels as C++ names them, `name<float>`; the k-th is called `launch_k`.
        watched: Whether every access is watched, which makes it many times slower.

    Raises:
        BuildError: There is no compiler, or it rejects the text; its first errors are quoted.
    """
    cause = why_unusable()
    if cause is not None:
        raise BuildError(cause)
    whole = "\n".join(
        ['#include "cuda_on_cpu.h"', text, '#line 1 "kernels.list"']
        + [f"SIM_KERNEL({k}, {name})" for k, name in enumerate(kernels)]
    )
    runtime_flags = FLAGS + WATCHED if watched else FLAGS
    flags = FLAGS + WATCHED + ACCESSES if watched else FLAGS
    name = _digest(whole, flags) + ".so"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        return _library(whole, flags, folder() / name, runtime_flags)
    except OSError:  # the folder cannot be written
        return _library(whole, flags, _temporary_folder() / name, runtime_flags)


def folder() -> Path:
    """Where compiled libraries lie; it need not exist."""
    base = os.environ.get("TINYGRAD_ED_CACHE")
    if base:
        return Path(base) / "cuda-sim"
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # there is no home folder
        return _temporary_folder()
    return home / "tinygrad_ed" / "cuda-sim"


def _digest(text: str, flags: Sequence[str]) -> str:
    """The name of what is compiled from a text and the simulator's headers."""
    state = "\n".join([text, _simulator(), *flags, _compiler_version(), _processor()])
    return hashlib.sha256(state.encode()).hexdigest()[:24]


def _library(text: str, flags: Sequence[str], place: Path, runtime_flags: Sequence[str]) -> Path:
    """Compiles kernels, and the runtime, as far as they do not lie there."""
    if _sound(place):
        return place
    runtime = place.with_name(_digest(RUNTIME, runtime_flags) + ".o")
    if not _sound(runtime):
        _compile(RUNTIME, [*runtime_flags, "-c"], runtime)
    others = ["-x", "none", str(runtime), *LIBRARIES]
    return _compile(text, [*flags, *LINKED], place, others)


def _compile(text: str, flags: Sequence[str], place: Path, others: Sequence[str] = ()) -> Path:
    """Compiles a text beside the place, with other files, and moves the result there."""
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".building-") as scratch:
        made = Path(scratch) / "made"
        read = ["-I", str(HERE), "-x", "c++", "-"]
        command = [str(compiler()), *flags, *read, *others, "-o", str(made)]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.splitlines()
            errors = [line for line in said if "error" in line and "collect2" not in line]
            quoted = "\n".join((errors or said)[:5])  # the linker does not say "error"
            raise BuildError(f"{command[0]} does not accept a kernel: {quoted}")
        with made.open("r+b") as file:  # what loads or links it does not look behind its end
            digest = hashlib.sha256(file.read()).digest()
            file.write(digest)
        os.replace(made, place)
    return place


def _sound(place: Path) -> bool:
    """Whether a whole file lies there."""
    try:
        stored = place.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(stored[:-DIGEST]).digest() == stored[-DIGEST:]


@functools.cache
def _temporary_folder() -> Path:
    made = tempfile.TemporaryDirectory(prefix="tinygrad_ed-cuda-sim-")
    _kept.append(made)  # removed when the process ends
    return Path(made.name)


_kept: list["tempfile.TemporaryDirectory[str]"] = []


@functools.cache
def _simulator() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.h")))


@functools.lru_cache(maxsize=4)
def _version_of(path: str) -> str:
    return subprocess.run([path, "--version"], capture_output=True, text=True).stdout


def _compiler_version() -> str:
    return _version_of(str(compiler()))


@functools.cache
def _processor() -> str:
    """What -march=native depends on: a library is not for every machine that sees the folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    known = [line for line in lines if line.startswith(("model name", "flags", "Features"))]
    return "\n".join([platform.machine(), *known[:2]])
