"""Device "cpu": NumPy arrays, with kernels for the ops that have one.

table        which kernel serves which op
environment  how kernels are run: at once, or noted down as well
products     linear, matmul; rungs: on which rung of the ladder
losses       cross-entropy, binary cross-entropy, squared error
sums         sums and means
softmax      softmax and its logarithm
dropout      dropout
elementwise  any elementwise op, from its own source; plan: what a call comes down to
updates      optimisers, from their rules' own source
generated    kernels made from source
threads      how many threads share a large kernel
"""

from ...errors import DeviceError
from ..base import Backend


def cpu_backend() -> Backend:
    """The back end with its table of kernels; LLVM is imported here, Numba only to compile.

    Raises:
        DeviceError: Numba or LLVM is missing; the message names the fix.
    """
    try:
        import importlib.util

        from ...kernels.cpu import loaded  # noqa: F401 (what the kernels need is there)
        from .environment import Environment
        from .table import CpuBackend

        if importlib.util.find_spec("numba") is None:
            raise ModuleNotFoundError("No module named 'numba'", name="numba")
        return CpuBackend(Environment())
    except ImportError as error:
        if error.name and error.name.startswith("tinygrad_ed"):
            raise  # our own kernels are missing: not Numba's fault
        raise DeviceError(
            f"device 'cpu' needs Numba, which does not import ({error}): pip install numba; "
            f"or choose device 'numpy'"
        ) from error
