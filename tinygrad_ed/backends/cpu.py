"""Device "cpu": NumPy arrays, with kernels that Numba compiles."""

from ..errors import DeviceError
from .base import Backend


def cpu_backend() -> Backend:
    """The back end with its table of kernels; LLVM is imported here, Numba only to compile.

    Raises:
        DeviceError: Numba or LLVM is missing; the message names the fix.
    """
    try:
        import importlib.util

        from ..kernels.cpu import loaded  # what the kernels need is there
        from .table.backend import KernelBackend
        from .table.environment import Environment, Library
        from .table.rungs import RUNGS

        if importlib.util.find_spec("numba") is None:
            raise ModuleNotFoundError("No module named 'numba'", name="numba")
        library = Library(loaded.get, loaded.generated, RUNGS["cpu"])
        return KernelBackend("cpu", Environment(library))
    except ImportError as error:
        if error.name and error.name.startswith("tinygrad_ed"):
            raise  # our own kernels are missing: not Numba's fault
        raise DeviceError(
            f"device 'cpu' needs Numba, which does not import ({error}): pip install numba; "
            f"or choose device 'numpy'"
        ) from error
