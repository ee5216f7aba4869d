"""`Parameter`: a tensor that is trained."""

from typing import Any

import numpy as np

from ..backends import checked_array, get_backend
from ..errors import DTypeError
from ..tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that requires a gradient and belongs to the module it is an attribute of.

    Set `requires_grad = False` to freeze it: it stays a parameter, and an optimiser leaves it out.

    Args:
        data: Its first values; they are copied.
        dtype: Number type; float32 unless told otherwise, also for a float64 array.
        device: "numpy", "cpu", "cuda", "cuda-sim" or "auto".
        name: What readings call it; without one, its module names it (`W1`, `b1`, …).

    Raises:
        DTypeError: Not a real floating-point type.
        ShapeError: Ragged lists.
        DeviceError: The device is unknown or cannot be used.
    """

    __slots__ = ()

    def __init__(
        self,
        data: Any,
        *,
        dtype: Any = "float32",
        device: str = "numpy",
        name: str | None = None,
    ) -> None:
        if np.dtype(dtype).kind != "f":
            raise DTypeError(
                f"a parameter follows its gradient in small steps, which {np.dtype(dtype)} cannot "
                f"hold: pass dtype='float32' or 'float64'"
            )
        backend = get_backend(device)
        if isinstance(data, Tensor):
            data = data.numpy()
        super().__init__(checked_array(data, backend, dtype), backend, requires_grad=True)
        self.name = name
