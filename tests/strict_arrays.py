"""A stand-in for CuPy: an array that lives elsewhere, so any leak to NumPy is an error.

It answers NumPy's protocols, and like a GPU array refuses to become a NumPy array by itself and to
be mixed with one.
"""

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinygrad_ed.backends import Backend


class StrictArray(NDArrayOperatorsMixin):
    """An array on an imaginary device."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self._values = values

    @classmethod
    def _made(cls, values: np.ndarray[Any, Any]) -> Any:
        """What NumPy gave, as an array of this device."""
        return cls(values)

    shape = property(lambda self: self._values.shape)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    dtype = property(lambda self: self._values.dtype)
    base = property(lambda self: self._values.base)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("leak: an array of another device was converted to NumPy")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at" and isinstance(inputs[1], tuple):
            return NotImplemented  # CuPy takes one array of places, no tuple
        if method == "reduce" and ufunc not in (np.add, np.multiply):
            return NotImplemented
        found = getattr(ufunc, method)(*opened(inputs), **opened(kwargs))
        return kwargs["out"][0] if "out" in kwargs else wrapped(found, type(self))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(function(*opened(args), **opened(kwargs)), type(self))

    def __getitem__(self, index: Any) -> Any:
        return wrapped(self._values[opened(index)], type(self))

    def __setitem__(self, index: Any, values: Any) -> None:
        self._values[opened(index)] = opened(values)

    def astype(self, dtype: Any) -> Any:
        return self._made(self._values.astype(dtype))

    def reshape(self, *shape: Any) -> Any:
        return self._made(self._values.reshape(*shape))

    def copy(self) -> Any:
        return self._made(self._values.copy())

    def item(self) -> Any:
        return self._values.item()

    def __bool__(self) -> bool:
        return bool(self._values)

    def __int__(self) -> int:
        return int(self._values)

    def __float__(self) -> float:
        return float(self._values)


def opened(value: Any) -> Any:
    """The NumPy arrays inside; a bare NumPy array among them is the leak that we look for."""
    if isinstance(value, StrictArray):
        return value._values
    if isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"leak: a NumPy {type(value).__name__} met an array of another device")
    if isinstance(value, tuple | list):
        return type(value)(opened(v) for v in value)
    if isinstance(value, dict):
        return {k: opened(v) for k, v in value.items()}
    return value


def wrapped(value: Any, kind: type[StrictArray] = StrictArray) -> Any:
    """Results stay on the device, 0-d ones too, as in CuPy."""
    if isinstance(value, np.ndarray | np.generic):
        return kind._made(np.asarray(value))
    if isinstance(value, tuple | list):
        return type(value)(wrapped(v, kind) for v in value)
    return value


class StrictBackend(Backend):
    """The back end over such arrays: no kernels, every op by its formula."""

    def __init__(self) -> None:
        super().__init__("strict")

    def asarray(self, data: Any, dtype: Any = None) -> Any:
        values = data._values if isinstance(data, StrictArray) else data
        return StrictArray(np.array(values, dtype=dtype, order="C"))

    def result(self, value: Any) -> Any:
        if not isinstance(value, StrictArray):
            raise TypeError(f"leak: an op returned {type(value).__name__} on another device")
        return value

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        copied: np.ndarray[Any, Any] = array._values.copy()
        return copied
