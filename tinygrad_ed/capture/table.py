"""From instructions to what the machine runs: rows of words, and the head that leads to them."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.cpu import loaded, program
from ..kernels.cpu.launching import ABSENT, builtin
from ..kernels.cpu.operands import ROW, WORDS, WORK_BYTES
from ..ops.counted import Counted
from ..ops.registry import Array
from .instructions import Context, Launch
from .settings import Setting

RELEASE = 200_000
"""Work from which on Python's lock is released while the table runs."""


def row_of(launch: Launch) -> np.ndarray[Any, Any]:
    """The words of one launch."""
    signature = launch.kernel.signature
    row = np.zeros(ROW, np.int64)
    row[0], row[1] = launch.kernel.entry, 1
    for kind, arg, place in zip(signature.kinds, launch.args, signature.places, strict=True):
        if kind == "Int":
            row[place] = int(arg)
        elif kind == "Real":
            row[place : place + 1].view(np.float64)[0] = float(arg)
        elif arg is None:
            row[place + 1 : place + WORDS[kind]] = ABSENT
        elif kind == "Matrix":
            strides = [s // arg.itemsize for s in arg.strides]
            row[place : place + 5] = [arg.ctypes.data, *arg.shape, *strides]
        else:
            row[place : place + 2] = arg.ctypes.data, arg.size
    return row


def _counting(word: Array, number: Counted) -> Launch:
    """Puts a number that counts into the word of a row."""
    kernel = loaded.get("count_from", "float32")
    return Launch(kernel, [word, number.counter, number.offset], "", "count", Context("", None))


def work_of(row: np.ndarray[Any, Any], launch: Launch) -> int:
    """How much there is to do, as the kernel counts it."""
    return int(np.prod([row[k] for k in launch.kernel.signature.work], dtype=float))


class Table:
    """Launches that run one after the other, in one call.

    It owns the words that lead to its rows, and keeps every array that they point to.
    """

    def __init__(self, launches: Sequence[Launch], inputs: Sequence[Array] = ()) -> None:
        numbers = [a for launch in launches for a in launch.args if isinstance(a, Counted)]
        first = len(numbers)  # before anything else, the rows get the numbers that count
        self.rows = np.zeros((max(1, first + len(launches)), ROW), np.int64)
        self.settings: list[tuple[np.ndarray[Any, Any], Setting]] = []
        self.launches: list[Launch] = []
        for k, launch in enumerate(launches):
            row = self.rows[first + k]
            row[:] = row_of(launch)
            for arg, place in zip(launch.args, launch.kernel.signature.places, strict=True):
                if isinstance(arg, Counted):
                    self.launches.append(_counting(row[place : place + 1], arg))
                elif isinstance(arg, Setting):
                    self.settings.append((row[place : place + 1].view(np.float64), arg))
        for k, counting in enumerate(self.launches):
            self.rows[k] = row_of(counting)
        self.launches += launches
        self.work = sum(work_of(r, x) for r, x in zip(self.rows, self.launches, strict=False))
        self.scratch = np.empty(WORK_BYTES + 4096, np.uint8)
        self.places: list[np.ndarray[Any, Any]] = []
        self.head = self._head(inputs)
        address = loaded.native("step", lambda: program.runners()[0], 3)
        self.run = builtin(address, "step", self.head)

    def point_at(self, inputs: Sequence[Array]) -> None:
        """The rows read these inputs from here on (a single step points them at its batch)."""
        for places, array in zip(self.places, inputs, strict=True):
            for word, offset in places:
                ctypes.c_int64.from_address(int(word)).value = array.ctypes.data + int(offset)

    def refresh(self) -> None:
        """Looks hyper-parameters up again."""
        for word, setting in self.settings:
            word[0] = setting.now()

    def _head(self, inputs: Sequence[Array]) -> np.ndarray[Any, Any]:
        def python(name: str) -> int:
            return int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)

        head = np.zeros(program.HEAD, np.int64)
        head[program.TABLE], head[program.ROWS] = self.rows.ctypes.data, len(self.launches)
        head[program.WORK] = -(-self.scratch.ctypes.data // 4096) * 4096
        head[program.TRUE], head[program.FALSE] = id(True), id(False)
        head[program.NONE], head[program.ARRAY] = id(None), id(np.ndarray)
        if self.work >= RELEASE:
            head[program.SAVE] = python("PyEval_SaveThread")
            head[program.RESTORE] = python("PyEval_RestoreThread")
        records = np.zeros((max(1, len(inputs)), program.RECORD), np.int64)
        for record, array in zip(records, inputs, strict=False):
            record[program.NUMBER], record[program.AXES] = array.dtype.num, array.ndim
            record[program.SIZES : program.SIZES + array.ndim] = array.shape
            places = self.places_of(array)
            record[program.PATCHES] = len(places)
            record[program.PATCH_LIST] = places.ctypes.data
            self.places.append(places)
        self.records = records
        head[program.INPUTS], head[program.RECORDS] = len(inputs), records.ctypes.data
        return head

    def places_of(self, array: Array) -> np.ndarray[Any, Any]:
        """The addresses of the words that hold this array's address, or one inside it, with how far."""
        low, high = array.ctypes.data, array.ctypes.data + max(1, array.nbytes)
        found = [
            (self.rows[k, place :].ctypes.data, int(self.rows[k, place]) - low)
            for k, launch in enumerate(self.launches)
            for kind, place in zip(
                launch.kernel.signature.kinds, launch.kernel.signature.places, strict=True
            )
            if kind not in ("Int", "Real") and low <= self.rows[k, place] < high
        ]
        return np.array(found, np.int64).reshape(-1, 2)

    @property
    def refused(self) -> Launch | None:
        """The launch that objected to the numbers it was given in the last run."""
        k = int(self.head[program.REFUSED])
        return self.launches[k] if k >= 0 else None


def epoch_function() -> Any:
    """`epoch(head, start, batches, rows, loss, width, losses)` with Python's lock released."""
    address = loaded.native("epoch", lambda: program.runners()[1], 7)
    return ctypes.CFUNCTYPE(ctypes.c_ssize_t, *[ctypes.c_ssize_t] * 7)(address)


