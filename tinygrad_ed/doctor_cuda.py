"""The probes of `tinygrad-ed doctor` for the CUDA devices: CuPy, driver, compiler, GPU, a kernel.

Without a GPU all of this is optional, and each row says what would be needed.
"""

import ctypes
import importlib
import subprocess
import sys
from typing import Any

import numpy as np

from .backends.cuda import spelt, versions, why_unusable
from .doctor_probes import Row, one_line

SEE = "see device cuda"


def version_of_cupy() -> Row:
    """The array library behind device cuda."""
    try:
        return Row("CuPy", importlib.import_module("cupy").__version__)
    except Exception as error:
        fix = f"with an NVIDIA GPU: pip install 'tinygrad_ed[{_cuda_extra()}]'"
        return Row("CuPy", one_line(error), False, fix)


def driver() -> Row:
    """The NVIDIA driver, by the newest CUDA version that it can run."""
    version = _cuda_version()
    if version is None:
        fix = "with an NVIDIA GPU: install NVIDIA's driver, and check it with nvidia-smi"
        return Row("NVIDIA driver", "none found", False, fix)
    return Row("NVIDIA driver", f"for CUDA up to {version[0]}.{version[1]}")


def runtime() -> Row:
    """The CUDA version that CuPy brings, which the driver must be able to run."""
    try:
        newest, built_for = versions(importlib.import_module("cupy").cuda.runtime)
    except Exception:
        return Row("CUDA runtime", "none: CuPy brings it", False, "see CuPy")
    if built_for > newest:
        fix = f"install a newer driver, or pip install 'tinygrad_ed[{_cuda_extra()}]'"
        known = f"the driver runs up to {spelt(newest)}" if newest else "there is no driver"
        found = f"{spelt(built_for)}, but {known}"
        return Row("CUDA runtime", found, False, fix if newest else "see NVIDIA driver")
    return Row("CUDA runtime", spelt(built_for))


def compiler_of_nvidia() -> Row:
    """NVRTC, which makes machine code of CUDA kernels."""
    try:
        major, minor = importlib.import_module("cupy").cuda.nvrtc.getVersion()
    except ImportError:
        return Row("NVRTC", "none: CuPy brings it", False, "see CuPy")
    except Exception as error:
        fix = f"pip install --force-reinstall 'tinygrad_ed[{_cuda_extra()}]', which brings it"
        return Row("NVRTC", one_line(error), False, fix)
    return Row("NVRTC", f"{major}.{minor}")


def gpu() -> Row:
    """The GPU: its name, its compute capability and its memory."""
    if why_unusable() is not None:
        return Row("GPU", "none that can be used", False, SEE)
    cuda = importlib.import_module("cupy").cuda.runtime
    found = cuda.getDeviceProperties(0)
    name = f"{found['name'].decode()}, compute capability {found['major']}.{found['minor']}"
    try:
        free, total = cuda.memGetInfo()
    except Exception as error:  # its memory may be full to the last byte
        return Row("GPU", f"{name}; {one_line(error)}", False, "look for who uses it: nvidia-smi")
    return Row("GPU", f"{name}, {free / 2**30:.1f} GiB free of {total / 2**30:.1f} GiB")


def compiler() -> Row:
    """The C++ compiler, by which device cuda-sim runs CUDA kernels on the CPU."""
    sim = importlib.import_module("tinygrad_ed.kernels.sim")
    path = sim.compiler()
    if path is None:
        what, _, fix = (sim.why_unusable() or "; choose --device cpu").partition("; ")
        return Row("C++ compiler", what or "none", False, fix)
    done = subprocess.run([path, "--version"], capture_output=True, text=True)
    line = next(iter(done.stdout.splitlines()), "does not say which")
    return Row("C++ compiler", f"{line} ({path})")


def self_test() -> Row:
    """One of our kernels on the GPU: compiled, launched, and its numbers looked at."""
    if why_unusable() is not None:
        return Row("CUDA kernel", "not tried: there is no GPU that can be used", False, SEE)
    try:
        wrong = _product_is_wrong()
    except Exception as error:
        return Row("CUDA kernel", one_line(error), False, "report it with the rows above")
    if wrong:
        return Row("CUDA kernel", wrong, False, "do not trust this device; report it")
    return Row("CUDA kernel", "a product of 33 x 20 and 20 x 41 is right")


def _product_is_wrong() -> str:
    """What is wrong with a product on the GPU; "" if nothing is."""
    from .backends import get_backend

    backend: Any = get_backend("cuda")
    A = (np.arange(33 * 20, dtype=np.float32).reshape(33, 20) % 7) - 3
    B = (np.arange(20 * 41, dtype=np.float32).reshape(20, 41) % 5) - 2
    there = [backend.asarray(a) for a in (A, B)]
    C = backend.environment.empty((33, 41), np.float32)
    kernel = backend.environment.library.get("product_coalesced", "float32")
    if not kernel.launch(*there, C, None, 0, None, 0):
        return "the product's kernel does not take two matrices"
    found = backend.to_numpy(C)
    bad = int(np.sum(found != A @ B))  # small whole numbers: nothing is rounded
    return f"a product's kernel gives {bad} of {found.size} wrong numbers" if bad else ""


def _cuda_version() -> tuple[int, int] | None:
    """What the driver itself answers, asked without CuPy."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    number = ctypes.c_int(0)
    try:
        status = ctypes.CDLL(library).cuDriverGetVersion(ctypes.byref(number))
    except (OSError, AttributeError):
        return None
    return None if status else (number.value // 1000, number.value % 1000 // 10)


def _cuda_extra() -> str:
    version = _cuda_version()
    return "cuda13" if version and version[0] >= 13 else "cuda12"
