"""tinygrad_ed: a neural-network engine whose every number can be derived, checked and timed.

    import tinygrad_ed as tg

Not `tinygrad`. Read it in this order: `tensor.py`, `tape.py`, `gradients.py`, `ops/`, `backends/`,
`nn/`, `optim/`, `train/`; `views/` and `check/` read the tape.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .backends.table.rungs import on_change, use_kernel
from .creation import full, ones, tensor, zeros
from .errors import (
    CaptureError,
    DeviceError,
    DTypeError,
    LogitsWarning,
    ShapeError,
    StaleGradientWarning,
    TapeError,
)
from .gradients import grad
from .ops import *  # noqa: F403
from .ops import __all__ as _ops
from .recording import changes, is_recording, no_grad
from .tensor import Tensor

if TYPE_CHECKING:
    from . import check, data, documents, drawing, metrics, nn, numerics, optim, train, views
    from .backends.threads import get_threads, set_threads
    from .captured.step import capture
    from .check.gradcheck import gradcheck
    from .derivation.explain import explain
    from .drawing.draw import draw
    from .train.fit import fit
    from .views.cost import cost
    from .views.unroll import unroll

__version__ = "0.1.0"

on_change(changes.note)  # captured programs look again when another rung is chosen

_LAZY = {
    "capture": "captured",
    "check": "check",
    "data": "data",
    "documents": "documents",
    "drawing": "drawing",
    "metrics": "metrics",
    "nn": "nn",
    "numerics": "numerics",
    "optim": "optim",
    "train": "train",
    "views": "views",
    "fit": "train",
    "get_threads": "backends.threads",
    "set_threads": "backends.threads",
    "draw": "drawing",
    "explain": "derivation",
    "gradcheck": "check",
    "cost": "views",
    "unroll": "views",
}
"""What is imported on first use, and from where: the core stays near NumPy's import time."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'tinygrad_ed' has no attribute {name!r}")
    package = importlib.import_module(f".{_LAZY[name]}", __name__)
    value = package if name == _LAZY[name] else getattr(package, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "CaptureError",
    "DTypeError",
    "DeviceError",
    "LogitsWarning",
    "ShapeError",
    "StaleGradientWarning",
    "TapeError",
    "Tensor",
    "capture",
    "check",
    "cost",
    "data",
    "documents",
    "draw",
    "drawing",
    "explain",
    "fit",
    "full",
    "get_threads",
    "grad",
    "gradcheck",
    "is_recording",
    "metrics",
    "nn",
    "no_grad",
    "numerics",
    "ones",
    "optim",
    "set_threads",
    "tensor",
    "train",
    "unroll",
    "use_kernel",
    "views",
    "zeros",
    *_ops,
]
