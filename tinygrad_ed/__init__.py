"""tinygrad_ed: a neural-network engine whose every number can be derived, checked and timed.

    import tinygrad_ed as tg

Not `tinygrad`. Read it in this order: `tensor.py`, `tape.py`, `gradients.py`, `ops/`, `backends/`,
`nn/`, `optim/`, `train/`; `views/` and `check/` read the tape.
"""

from .creation import full, ones, tensor, zeros
from .errors import DeviceError, DTypeError, LogitsWarning, ShapeError, TapeError
from .gradients import grad
from .ops import *  # noqa: F403
from .ops import __all__ as _ops
from .tape import is_recording, no_grad
from .tensor import Tensor

__version__ = "0.1.0"

__all__ = [
    "DTypeError",
    "DeviceError",
    "LogitsWarning",
    "ShapeError",
    "TapeError",
    "Tensor",
    "full",
    "grad",
    "is_recording",
    "no_grad",
    "ones",
    "tensor",
    "zeros",
    *_ops,
]
