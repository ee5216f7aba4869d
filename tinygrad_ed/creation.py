"""Making tensors: from data, and filled with constants."""

from typing import Any

import numpy as np

from .apply import computed
from .backends import checked_array, get_backend
from .errors import DTypeError
from .recording import state
from .tensor import Tensor


def tensor(
    data: Any,
    *,
    requires_grad: bool = False,
    dtype: Any = None,
    device: str = "numpy",
    name: str | None = None,
) -> Tensor:
    """A leaf tensor holding a copy of the data.

    Lists and numbers become float32 (also whole numbers: for class labels pass `dtype=int` or a
    NumPy array); NumPy arrays keep their number type.

    Args:
        data: Numbers, nested lists, an array or a tensor.
        requires_grad: Whether `backward` computes its gradient.
        dtype: Number type, if another one is wanted.
        device: "numpy", "cpu", "cuda", "cuda-sim" or "auto".
        name: What readings call it.

    Raises:
        ShapeError: Ragged lists.
        DTypeError: Not numbers, or a gradient is required of integers or complex numbers.
        DeviceError: The device is unknown or cannot be used.
    """
    backend = get_backend(device)
    if isinstance(data, Tensor) and data._backend is backend and state.trace is not None:
        array = computed(np.array, data, data._array, dtype=dtype, order="C")
    else:
        if isinstance(data, Tensor):
            data = data._array if data._backend is backend else data.numpy()
        array = checked_array(data, backend, dtype)
    if requires_grad and array.dtype.kind != "f":
        raise DTypeError(
            f"only floating-point tensors can require a gradient, this one is {array.dtype}"
            f"{f' ({name})' if name else ''}: pass dtype='float32' or 'float64'"
        )
    made = Tensor(array, backend, requires_grad)
    made.name = name
    if state.trace is not None:
        state.trace.makes(made)
    return made


def full(shape: Any, value: float, **options: Any) -> Tensor:
    """A tensor filled with one number (float32 unless `dtype` says otherwise)."""
    dtype = options.pop("dtype", np.float32)
    return tensor(np.full(shape, value, dtype), **options)


def zeros(shape: Any, **options: Any) -> Tensor:
    """A tensor of zeros."""
    return full(shape, 0.0, **options)


def ones(shape: Any, **options: Any) -> Tensor:
    """A tensor of ones."""
    return full(shape, 1.0, **options)
