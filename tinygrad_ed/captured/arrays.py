"""Arrays of NumPy and of CuPy, asked where they lie: all that a program wants to know of memory.

Both say their shape, dtype and strides in the same words. Where the entries are, who owns them, and
how to make another view of them, each says in its own; nothing else in this folder needs to know.
"""

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..ops.registry import Array

_DATA = object.__basicsize__  # where NumPy keeps the address of an array's entries
_word_at = ctypes.c_int64.from_address


def is_array(value: Any) -> bool:
    """Whether a value is an array, on the host or on a GPU."""
    return isinstance(value, np.ndarray) or hasattr(type(value), "__cuda_array_interface__")


def arrays_in(value: Any) -> Iterator[Array]:
    """The arrays in an argument: itself, or parts of a tuple (an index)."""
    if is_array(value):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from arrays_in(part)


def address_of(array: Array) -> int:
    """Where its first entry lies."""
    if isinstance(array, np.ndarray):
        return int(_word_at(id(array) + _DATA).value)
    if not is_array(array):
        raise TypeError(f"an array has an address, a {type(array).__name__} has not")
    return int(array.data.ptr)


def memory_of(array: Array) -> Array:
    """The array that owns the memory: views of one memory have one owner."""
    while is_array(array.base):
        array = array.base
    return array


def bounds_of(array: Array) -> tuple[int, int]:
    """Where its first byte lies, and where its last one ends."""
    low = high = address_of(array)
    if not array.size:
        return low, low
    for size, stride in zip(array.shape, array.strides, strict=True):
        if stride < 0:
            low += (size - 1) * stride
        else:
            high += (size - 1) * stride
    return low, high + array.itemsize


def may_overlap(a: Any, b: Array) -> bool:
    """Whether a value is an array that may share memory with another one."""
    on_host = isinstance(b, np.ndarray)
    return is_array(a) and isinstance(a, np.ndarray) == on_host and bool(np.may_share_memory(a, b))


def is_view(array: Array) -> bool:
    """Whether it shows entries that are another array's."""
    return array.base is not None


def can_be_written(array: Array) -> bool:
    """False where it must not be written to, or where one entry is seen many times."""
    if isinstance(array, np.ndarray):
        return bool(array.flags.writeable)
    return not any(s == 0 and n > 1 for n, s in zip(array.shape, array.strides, strict=True))


def view_of(piece: Array, offset: int, like: Array) -> Array:
    """What lies `offset` bytes into a piece of memory, in the shape and the strides of an array."""
    if isinstance(piece, np.ndarray):
        return np.ndarray(like.shape, like.dtype, piece, offset, like.strides)
    # Named: CuPy has the memory where NumPy has the buffer.
    place = piece.data + offset
    view: Array = type(piece)(like.shape, like.dtype, memptr=place, strides=like.strides)
    return view


def same_bytes(a: Array, b: Array) -> bool:
    """Whether two arrays have the same shape, type and bits."""
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def on_host(array: Array) -> np.ndarray[Any, Any]:
    """The numbers on the host; waits for a GPU."""
    found: np.ndarray[Any, Any] = array if isinstance(array, np.ndarray) else array.get()
    return found


def in_order(given: Array, like: Array) -> Array:
    """An array in C order, in the type and the memory of another one; itself if it is."""
    if isinstance(like, np.ndarray):
        return np.ascontiguousarray(given, like.dtype)
    if isinstance(given, np.ndarray):
        return beside(like, given.astype(like.dtype, copy=False))
    given = given.astype(like.dtype, copy=False)
    return given if given.flags.c_contiguous else given.copy()


def rows_of(array: Array, rows: np.ndarray[Any, Any]) -> Array:
    """Rows by their numbers; a GPU is given the numbers too."""
    found: Array = array[rows if isinstance(array, np.ndarray) else beside(array, rows)]
    return found


def beside(array: Array, given: np.ndarray[Any, Any]) -> Array:
    """An array of the host, copied to where another one lies."""
    there: Array = type(array)(given.shape, given.dtype)
    there.set(np.ascontiguousarray(given))
    return there


def fits(given: Any, mine: Array) -> bool:
    """Whether an array can be copied into another one as it is; a GPU takes those of the host."""
    return (
        isinstance(given, type(mine) | np.ndarray)
        and given.shape == mine.shape
        and given.dtype == mine.dtype
    )


def put(mine: Array, given: Array) -> None:
    """Copies an array that `fits`."""
    if isinstance(mine, np.ndarray):
        mine[...] = given
    elif isinstance(given, np.ndarray):
        mine.set(given)
    elif mine.flags.c_contiguous and given.flags.c_contiguous:
        mine.data.copy_from_device_async(given.data, mine.nbytes)  # a kernel takes longer to launch
    else:
        mine[...] = given
