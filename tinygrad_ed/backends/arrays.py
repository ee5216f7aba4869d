"""From whatever a user hands in to an array of numbers on a device."""

from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from .base import Backend


def checked_array(data: Any, backend: Backend, dtype: Any = None) -> Any:
    """Data as a fresh array of numbers on a device, in native byte order.

    Raises:
        ShapeError: A ragged list.
        DTypeError: Text, objects or dates.
    """
    if not hasattr(data, "dtype"):
        if isinstance(data, list | tuple) and any(hasattr(entry, "_record_op") for entry in data):
            raise DTypeError(
                "a list of tensors would lose their gradients: join them with tg.stack([...])"
            )
        try:
            as_given = np.asarray(data)
        except ValueError as error:
            raise ShapeError(
                f"the rows of this list have different lengths, so it is no array: {error}"
            ) from error
        if dtype is None and as_given.dtype.kind in "iuf":
            dtype = np.float32  # lists are float32, and so are parameters
        data = as_given
    kind = np.dtype(data.dtype).kind if dtype is None else np.dtype(dtype).kind
    if kind not in "biufc" or np.dtype(data.dtype).kind not in "biufc":
        raise DTypeError(
            f"a tensor holds numbers, got {data.dtype}; convert text or categories to numbers first"
        )
    if np.dtype(data.dtype).kind == "c" and kind != "c":
        raise DTypeError(f"complex numbers as {np.dtype(dtype)} would lose their imaginary part")
    if dtype is None and isinstance(data, np.ndarray | np.generic):
        dtype = data.dtype.newbyteorder("=")
    return backend.asarray(data, dtype)
