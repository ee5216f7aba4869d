"""Calling a kernel from Python in about the time that Python needs to call anything.

`launch(kernel's spec, arrays and numbers …)` is a C function in Python's own calling convention
(METH_FASTCALL), compiled like the kernels. It looks at each NumPy array where NumPy keeps its
address, shape and strides, refuses (returns False) one that the kernel is not made for, fills a row
on the stack and calls the kernel's entry. Where there is much to do, Python's lock is released
meanwhile, and threads share the work (`team`).

The places in NumPy's and Python's objects are those of their documented C interfaces;
`check_layout` compares them with what NumPy says before anything relies on them.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..operands import FIRST, KIND_CODES, ROW, WORK_BYTES, Signature
from . import workers

DATA = object.__basicsize__
"""Where an array keeps the address of its entries: right behind Python's own header."""
NDIM, SHAPE, STRIDES, DTYPE, FLAGS = DATA + 8, DATA + 16, DATA + 24, DATA + 40, DATA + 48
TYPE_NUMBER = DATA + 12
"""Where a dtype keeps its number, counted like DATA."""
BYTE_ORDER = DATA + 10
TYPE = DATA - 8
"""Where every object keeps its type."""
IN_ORDER, ALIGNED = 0x1, 0x100
NATIVE, NOT_APPLICABLE = ord("="), ord("|")
IMMORTAL = sys.version_info >= (3, 12)
"""Whether None, True and False are not counted."""

ABSENT = -1
"""The size of an operand that is None: it agrees with every other."""
RELEASE = 200_000
"""Work from which on the lock is released: below, others would hardly get to run."""
WAKING = 3
"""Workers that sleep are woken for 2^2 times the work from which on those that are awake help."""
SLOTS = 8
"""Scratch memories; the first is for kernels that run under the lock."""

# The words of a spec: first what is the same for all kernels, then this kernel's own.
(
    ENTRY, COUNT, WORK_WORDS, NONE, TRUE, FALSE, ARRAY, AS_WORD, AS_REAL, SAVE, RESTORE, SCRATCH,
    FREE, SHIFT, EQUALS, EQUAL_PAIRS, TEAM, LEAST, OCCURRED,
) = range(19)  # fmt: skip
WORK_PLACES, KINDS = 19, 22
"""Where the words of the work stand (three at most), and then kind and type number per operand."""


def launcher() -> Any:
    """The function that is compiled; defined inside, since only compiling needs Numba."""
    from .memory import (
        byte,
        call_for_real,
        call_for_word,
        call_kernel,
        flush_denormals,
        half_word,
        put_real,
        put_word,
        real_word,
        restore,
        stack,
        word,
    )
    from .team import regions

    rouse, _, divided = regions()
    vector, matrix, whole = (KIND_CODES[kind] for kind in ("Vector", "Matrix", "Int"))

    def launch(self, args, count):  # type: ignore[no-untyped-def]
        spec = word(self + DATA)
        answer = word(spec + 8 * FALSE)
        row, shift = stack(ROW), word(spec + 8 * SHIFT)
        place = row + 8 * FIRST
        fits = count == word(spec + 8 * COUNT)
        if fits:
            for k in range(count):
                kind, number = (
                    word(spec + 8 * (KINDS + 2 * k)),
                    word(spec + 8 * (KINDS + 2 * k + 1)),
                )
                given = word(args + 8 * k)
                if kind >= whole:
                    if kind == whole:
                        put_word(place, call_for_word(word(spec + 8 * AS_WORD), given, 0, 0, 0))
                        doubtful = word(place) == -1
                    else:
                        put_real(place, call_for_real(word(spec + 8 * AS_REAL), given, 0, 0, 0))
                        doubtful = real_word(place) == -1
                    if doubtful and call_for_word(word(spec + 8 * OCCURRED), 0, 0, 0, 0) != 0:
                        return 0  # no number: Python has an exception that says so
                    place += 8
                elif given == word(spec + 8 * NONE):
                    put_word(place, 0)
                    for part in range(1, 5 if kind == matrix else 2):
                        put_word(place + 8 * part, ABSENT)
                    place += 40 if kind == matrix else 16
                else:
                    dtype = word(given + DTYPE)
                    order, ndim = byte(dtype + BYTE_ORDER), half_word(given + NDIM)
                    flags = half_word(given + FLAGS)
                    if (
                        word(given + TYPE) != word(spec + 8 * ARRAY)
                        or half_word(dtype + TYPE_NUMBER) != number
                        or (order != NATIVE and order != NOT_APPLICABLE)
                        or flags & ALIGNED == 0
                    ):
                        fits = False
                        break
                    shape, strides = word(given + SHAPE), word(given + STRIDES)
                    put_word(place, word(given + DATA))
                    if kind == matrix:
                        if ndim != 2:
                            fits = False
                            break
                        for axis in range(2):
                            put_word(place + 8 + 8 * axis, word(shape + 8 * axis))
                            put_word(place + 24 + 8 * axis, word(strides + 8 * axis) >> shift)
                        place += 40
                    else:
                        if flags & IN_ORDER == 0 or (kind == vector and ndim != 1):
                            fits = False
                            break
                        size = 1
                        for axis in range(ndim):
                            size *= word(shape + 8 * axis)
                        put_word(place + 8, size)
                        place += 16
        for k in range(word(spec + 8 * EQUALS) if fits else 0):
            pair = word(spec + 8 * EQUAL_PAIRS) + 16 * k
            one, other = word(row + 8 * word(pair)), word(row + 8 * word(pair + 8))
            fits = fits and (one == other or ABSENT in (one, other))
        if fits:
            todo = 1
            for k in range(word(spec + 8 * WORK_WORDS)):
                todo *= word(row + 8 * word(spec + 8 * (WORK_PLACES + k)))
            free, scratch, slot = word(spec + 8 * FREE), word(spec + 8 * SCRATCH), 0
            team, shared = word(spec + 8 * TEAM), todo >= word(spec + 8 * LEAST)
            if todo >> WAKING >= word(spec + 8 * LEAST) and not rouse(team):
                return 0
            if shared or todo >= RELEASE:  # with a scratch memory that nobody else uses
                slot = SLOTS - 1
                while slot > 0 and word(free + 8 * slot) == 0:
                    slot -= 1
            if slot > 0:
                put_word(free + 8 * slot, 0)
                thread = call_for_word(word(spec + 8 * SAVE), 0, 0, 0, 0)
                before = flush_denormals()
                work = scratch + slot * WORK_BYTES
                if shared:
                    status = divided(team, word(spec), row, work)
                else:
                    status = call_kernel(word(spec), row, 0, 1, work)
                restore(before)
                call_for_word(word(spec + 8 * RESTORE), thread, 0, 0, 0)
                put_word(free + 8 * slot, 1)
            else:
                before = flush_denormals()
                status = call_kernel(word(spec), row, 0, 1, scratch)
                restore(before)
            if status == 0:
                answer = word(spec + 8 * TRUE)
        if not IMMORTAL:
            put_word(answer, word(answer) + 1)
        return answer

    return launch


class _MethodDef(ctypes.Structure):
    """Python's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_METH_FASTCALL = 0x0080


@functools.cache
def _definition(address: int, name: str) -> _MethodDef:
    """A method definition, kept for good: Python keeps only its address."""
    return _MethodDef(name.encode(), address, _METH_FASTCALL, None)


def builtin(address: int, name: str, bound: Any) -> Callable[..., Any]:
    """The C function at an address as a Python function; an object is its first argument."""
    definition = _definition(address, name)
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    made: Callable[..., Any] = make(ctypes.addressof(definition), bound, None)
    return made


@functools.cache
def _scratch() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Scratch memories end to end, on a page's border, and which of them are free."""
    memory = np.empty(SLOTS * WORK_BYTES + 4096, np.uint8)
    free = np.ones(SLOTS, np.int64)
    if hasattr(os, "register_at_fork"):  # the child has none of the threads that used them
        os.register_at_fork(after_in_child=lambda: free.fill(1))
    return memory, free


def spec_of(entry: int, signature: Signature) -> np.ndarray[Any, Any]:
    """The words that tell `launch` what a kernel takes."""

    def function(name: str) -> int:
        return int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)

    memory, free = _scratch()
    pairs = KINDS + 2 * len(signature.kinds)
    spec = np.zeros(pairs + 2 * len(signature.equal), np.int64)
    spec[EQUALS], spec[EQUAL_PAIRS] = len(signature.equal), spec[pairs:].ctypes.data
    spec[pairs:] = np.array(signature.equal).ravel()
    spec[ENTRY], spec[COUNT], spec[WORK_WORDS] = entry, len(signature.kinds), len(signature.work)
    spec[NONE], spec[TRUE], spec[FALSE], spec[ARRAY] = map(id, (None, True, False, np.ndarray))
    spec[AS_WORD], spec[AS_REAL] = function("PyLong_AsSsize_t"), function("PyFloat_AsDouble")
    spec[OCCURRED] = function("PyErr_Occurred")
    spec[SAVE], spec[RESTORE] = function("PyEval_SaveThread"), function("PyEval_RestoreThread")
    spec[TEAM], spec[LEAST] = workers.ADDRESS, signature.least
    spec[SCRATCH], spec[FREE] = -(-memory.ctypes.data // 4096) * 4096, free.ctypes.data
    spec[SHIFT] = np.dtype(signature.dtype).itemsize.bit_length() - 1  # strides: bytes to entries
    spec[WORK_PLACES : WORK_PLACES + len(signature.work)] = signature.work
    for k, kind in enumerate(signature.kinds):
        dtype = signature.dtype_of(kind)
        spec[KINDS + 2 * k] = KIND_CODES[kind]
        spec[KINDS + 2 * k + 1] = -1 if dtype is None else dtype.num
    return spec


def check_layout() -> None:
    """NumPy keeps an array's address, shape and strides where `launch` looks for them.

    Raises:
        ImportError: It does not: this build of Python or NumPy is laid out in another way.
    """
    array = np.zeros((3, 4, 5), np.float32)[:, ::2]
    here = id(array)

    def at(address: int, size: int = 8) -> int:
        return int.from_bytes(ctypes.string_at(address, size), sys.byteorder, signed=size > 1)

    found = (
        at(here + DATA),
        at(here + NDIM, 4),
        [at(at(here + SHAPE) + 8 * k) for k in range(3)],
        [at(at(here + STRIDES) + 8 * k) for k in range(3)],
        at(here + DTYPE),
        at(here + FLAGS, 4) & (IN_ORDER | ALIGNED),
        at(id(array.dtype) + TYPE_NUMBER, 4),
        at(id(array.dtype) + BYTE_ORDER, 1),
        at(here + TYPE),
    )
    expected = (
        array.ctypes.data,
        3,
        list(array.shape),
        list(array.strides),
        id(array.dtype),
        ALIGNED,
        array.dtype.num,
        NATIVE,
        id(np.ndarray),
    )
    if found != expected:
        raise ImportError(
            f"this build of Python {sys.version.split()[0]} or NumPy {np.__version__} lays out "
            f"arrays in a way that the kernels do not know; use device 'numpy'"
        )
