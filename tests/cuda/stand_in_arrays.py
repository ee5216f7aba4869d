"""The arrays of a stand-in for CuPy, and the stream that their work waits in.

An array is a place in "device" memory with a shape and strides, answers what CuPy's answers, and is
as strict as a `StrictArray`: it never turns into a NumPy array by itself. Kernels and graphs are
run late, when somebody waits for the device or looks at a number, so code that looks too early
finds old numbers. While a stream records a graph, whatever would wait or allocate raises.
"""

import ctypes
import functools
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from strict_arrays import StrictArray

Job = Callable[[], Any]


class OutOfMemoryError(MemoryError):
    """`cupy.cuda.memory.OutOfMemoryError`."""


class Pool:
    """`cupy.get_default_memory_pool()`."""

    def __init__(self) -> None:
        self.used = self.limit = 0

    def used_bytes(self) -> int:
        return self.used

    def total_bytes(self) -> int:
        return self.used

    def take(self, size: int) -> None:
        if self.limit and self.used + size > self.limit:
            raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes")
        self.used += size

    def give(self, size: int) -> None:
        self.used -= size


POOL = Pool()


class Work(threading.local):
    """What a thread has launched and nobody has waited for, and the graph that it records."""

    def __init__(self) -> None:
        self.queue: list[Job] = []
        self.graph: list[Job] | None = None
        self.kept: list[Any] = []

    def later(self, job: Job) -> None:
        """A kernel or a copy: into the graph if one is recorded, else into the stream."""
        (self.queue if self.graph is None else self.graph).append(job)

    def wait(self, what: str) -> None:
        """All that was launched is run now."""
        self.refuse(what)
        while self.queue:
            self.queue.pop(0)()
        self.kept.clear()

    def given_back(self, root: np.ndarray[Any, Any]) -> None:
        """Memory is free, for what is launched from now on: its numbers live until then."""
        POOL.give(root.nbytes)
        if self.queue:
            self.kept.append(root)

    def refuse(self, what: str) -> None:
        """Raises while a graph is recorded."""
        if self.graph is not None:
            raise RuntimeError(f"the current stream is capturing, so {what} is disallowed")


WORK = Work()


class Memory:
    """A stretch of device memory: NumPy's, which nobody else knows."""

    def __init__(self, root: np.ndarray[Any, Any]) -> None:
        WORK.refuse("allocation")
        POOL.take(root.nbytes)
        weakref.finalize(self, WORK.given_back, root)
        self.root, self.ptr = root, root.ctypes.data
        self.owner: Callable[[], Any] = lambda: None
        _memories[id(root)] = self


_memories: "weakref.WeakValueDictionary[int, Memory]" = weakref.WeakValueDictionary()
"""By the NumPy array that the memory is."""


class MemoryPointer(NamedTuple):
    """`cupy.cuda.MemoryPointer`."""

    mem: Memory
    ptr: int

    def __add__(self, offset: Any) -> "MemoryPointer":
        return MemoryPointer(self.mem, self.ptr + offset)

    def copy_from_device_async(self, source: "MemoryPointer", size: int) -> None:
        assert isinstance(source, MemoryPointer)
        WORK.later(lambda: ctypes.memmove(self.ptr, source.ptr, size))

    def copy_from_host_async(self, source: int, size: int) -> None:
        WORK.refuse("H2D transfer")
        found = ctypes.string_at(source, size)  # at once: the host may change its memory
        WORK.later(lambda: ctypes.memmove(self.ptr, found, size))

    def copy_to_host_async(self, target: int, size: int) -> None:
        WORK.refuse("D2H transfer")
        WORK.later(lambda: ctypes.memmove(target, self.ptr, size))


class Flags(NamedTuple):
    """`cupy.ndarray.flags`, which knows nothing of being writeable."""

    c_contiguous: bool
    f_contiguous: bool
    owndata: bool


@functools.cache
def functions() -> dict[str, list[str]]:
    """What CuPy has of NumPy's functions: name -> parameters."""
    lines = (Path(__file__).parent / "cupy_functions.txt").read_text().splitlines()[1:]
    parts = (line.removesuffix(")").partition("(") for line in lines)
    return {name: words.split(", ") for name, _, words in parts}


class StandInArray(StrictArray):
    """`cupy.ndarray`."""

    def __init__(
        self,
        shape: Any,
        dtype: Any = float,
        memptr: MemoryPointer | None = None,
        strides: Any = None,
        order: Any = "C",
    ) -> None:
        if memptr is None:
            assert strides is None
            self._is(np.ndarray(shape, dtype, order=order))
            self._held.fill(np.nan if self._held.dtype.kind == "f" else 1)  # nobody's numbers
            return
        offset = memptr.ptr - memptr.mem.ptr
        place = memptr.mem.root.reshape(-1).view(np.uint8)
        self._held: np.ndarray[Any, Any] = np.ndarray(shape, dtype, place, offset, strides)
        self._memory, self.base = memptr.mem, None  # as in CuPy: it has no base

    @classmethod
    def _made(cls, values: np.ndarray[Any, Any]) -> "StandInArray":
        made = object.__new__(cls)
        made._is(values)
        return made

    def _is(self, values: np.ndarray[Any, Any]) -> None:
        """A view of device memory that is known, or memory of its own."""
        self._held, root = values, values
        while isinstance(root.base, np.ndarray):
            root = root.base
        memory = _memories.get(id(root))
        known = memory is not None and memory.root is root
        self._memory = memory if known else Memory(root)  # type: ignore[assignment]
        self.base = self._memory.owner() if known else None
        if not known:
            self._memory.owner = weakref.ref(self)

    @property
    def _values(self) -> np.ndarray[Any, Any]:  # type: ignore[override]
        WORK.wait("looking at numbers")
        return self._held

    # --- what can be asked without waiting --------------------------------------------------------

    base: Any = None
    shape = property(lambda self: self._held.shape)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    dtype = property(lambda self: self._held.dtype)
    strides = property(lambda self: self._held.strides)
    itemsize = property(lambda self: self._held.itemsize)
    nbytes = property(lambda self: self._held.nbytes)
    T = property(lambda self: self._made(self._held.T))
    data = property(lambda self: MemoryPointer(self._memory, self._held.ctypes.data))
    __cuda_array_interface__ = property(lambda self: {"shape": self.shape, "version": 3})

    @property
    def flags(self) -> Flags:
        found = self._held.flags
        return Flags(found.c_contiguous, found.f_contiguous, self.base is None)

    def __len__(self) -> int:
        return len(self._held)

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        found = self._held.reshape(*shape, order=order)  # type: ignore[call-overload]
        return self._made(found if np.may_share_memory(found, self._held) else self._copied(found))

    def _copied(self, found: Any) -> Any:
        WORK.wait("a copy")
        return np.array(self._held).reshape(found.shape)

    def view(self, dtype: Any = None) -> Any:
        return self._made(self._held.view(dtype or self.dtype))

    def __getitem__(self, index: Any) -> Any:
        places = index if isinstance(index, tuple) else (index,)
        if any(isinstance(part, StrictArray | list | np.ndarray) for part in places):
            return super().__getitem__(index)
        if not any(part is Ellipsis for part in places):
            places = (*places, ...)  # a view also of one entry
        return self._made(self._held[places])

    # --- numbers ----------------------------------------------------------------------------------

    def get(self) -> np.ndarray[Any, Any]:
        return np.array(self._values, order="C")

    def set(self, values: np.ndarray[Any, Any]) -> None:
        if not isinstance(values, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if values.dtype != self.dtype:
            raise TypeError(f"{values.dtype} array cannot be set to {self.dtype} array")
        if values.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old: {self.shape}, new: {values.shape}")
        if not self.flags.c_contiguous:
            raise RuntimeError("Cannot set to non-contiguous array")
        values = np.ascontiguousarray(values)
        self.data.copy_from_host_async(values.ctypes.data, values.nbytes)

    def astype(self, dtype: Any, order: str = "K", copy: bool = True) -> Any:
        if not copy and self.dtype == dtype:
            return self
        return self._made(self._values.astype(dtype, order=order))  # type: ignore[call-overload]

    def copy(self, order: str = "C") -> Any:
        made = StandInArray(self.shape, self.dtype, order=order)
        target, source = made._held, self._held
        WORK.later(lambda: np.copyto(target, source))
        return made

    def fill(self, value: Any) -> None:
        self._values.fill(value)

    def tobytes(self) -> bytes:
        return self._values.tobytes()

    def tolist(self) -> Any:
        return self._values.tolist()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce__(self) -> Any:
        return array, (self.get(),)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        taken = {"__call__": {"out", "dtype", "casting"}}.get(method, {"axis", "dtype", "keepdims"})
        if extra := kwargs.keys() - taken - {"out"}:
            raise TypeError(f"Wrong arguments {extra}")
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        place = function.__module__.partition(".")[2]
        names = functions().get(f"{place}.{function.__name__}".lstrip("."))
        if names is None:
            return NotImplemented
        if len(args) > len(names) and not any(name.startswith("*") for name in names):
            raise TypeError(f"{function.__name__}() takes {len(names)} arguments")
        if not any(name.startswith("**") for name in names) and kwargs.keys() - set(names):
            raise TypeError(f"{function.__name__}() got unexpected {kwargs.keys() - set(names)}")
        if function is np.may_share_memory:
            return np.may_share_memory(*(a._held for a in args))
        return super().__array_function__(function, types, args, kwargs)


def array(data: Any, dtype: Any = None, copy: Any = True, order: Any = "K") -> Any:
    """`cupy.array`."""
    if isinstance(data, StandInArray):
        data = data._values
    found = np.array(data, dtype=dtype, order=order)
    if found.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {found.dtype}")
    return StandInArray._made(found)
