"""From instructions to what the machine runs: rows of words, and the head that leads to them."""

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..kernels.cpu import loaded, program, workers
from ..kernels.cpu.launching import ABSENT, RELEASE, builtin
from ..kernels.operands import ROW, SHARED, WORDS, WORK_BYTES
from ..ops.registry import Array
from .arrays import address_of
from .copies import as_bytes
from .instructions import Context, Count, Launch
from .runs import AXES, Runs, Steps
from .settings import Setting

assert program.RECORD - program.SIZES == AXES  # there is room for so many sizes


def row_of(launch: Launch) -> list[int]:
    """The words of one launch; numbers that are looked up come later."""
    signature = launch.kernel.signature
    row = [launch.kernel.entry, 0]
    for kind, arg in zip(signature.kinds, launch.args, strict=True):
        if kind == "Int":
            row.append(0 if isinstance(arg, Count) else int(arg))
        elif kind == "Real":
            row.append(int(np.float64(arg).view(np.int64)))
        elif arg is None:
            row += [0, *[ABSENT] * (WORDS[kind] - 1)]
        elif kind == "Matrix":
            size = arg.itemsize
            row += [address_of(arg), *arg.shape, *(s // size for s in arg.strides)]
        else:
            row += [address_of(arg), arg.size]
    return row


@functools.cache
def _address_places(kernel: Any) -> list[int]:
    """The words of a kernel's row that are addresses."""
    signature = kernel.signature
    return [
        place
        for kind, place in zip(signature.kinds, signature.places, strict=True)
        if kind not in ("Int", "Real")
    ]


def _counting(word: Array, count: Count) -> Launch:
    """Puts a number that counts into the word of a row."""
    kernel = loaded.get("count_from", "float32")
    return Launch(kernel, [word, count.counter, count.offset], "", Context("count"))


def tables() -> Callable[[Sequence[Launch], Sequence[Array]], "Table"]:
    """Makes the tables of one program, which share scratch memory."""
    scratch = np.empty(WORK_BYTES + 4096, np.uint8)
    return lambda launches, inputs: Table(launches, inputs, scratch)


class Table(Runs):
    """Launches that run one after the other, in one call of a compiled loop.

    It owns the words that lead to its rows, and keeps every array that they point to.

    Args:
        launches: What runs.
        inputs: The arrays that a run is given; the rows are pointed at them.
        scratch: Memory for the kernels.
    """

    copies = False

    def __init__(self, launches: Sequence[Launch], inputs: Sequence[Array], scratch: Array) -> None:
        counts = sum(isinstance(a, Count) for launch in launches for a in launch.args)
        self.rows = np.zeros((max(1, counts + len(launches)), ROW), np.int64)
        self.settings: list[tuple[Array, Setting]] = []
        self.launches: list[Launch] = []  # one for each row
        self.addresses: list[tuple[int, int]] = []  # where a word with an address is, and that
        self.work = 0.0
        for launch in launches:
            self._enter(launch)
        self.scratch, self.inputs = scratch, inputs
        self.places: list[Array] = []
        self.head = self._head(inputs)
        address = loaded.native("step", lambda: program.runners()[0], 3)
        self.run = builtin(address, "step", self.head)

    def _enter(self, launch: Launch) -> None:
        """A row for a launch; before it, one for each number that counts."""
        signature = launch.kernel.signature
        counted = []
        if any(isinstance(arg, Count | Setting) for arg in launch.args):
            places = zip(signature.places, launch.args, strict=True)
            counted = [(place, arg) for place, arg in places if isinstance(arg, Count | Setting)]
        at = len(self.launches) + sum(isinstance(arg, Count) for _, arg in counted)
        for place, arg in counted:
            word = self.rows[at, place : place + 1]
            if isinstance(arg, Setting):
                self.settings.append((word.view(np.float64), arg))
            else:
                self._fill(_counting(word, arg))
        self._fill(launch)

    def _fill(self, launch: Launch) -> None:
        words = row_of(launch)
        at = address_of(self.rows) + 8 * ROW * len(self.launches)
        self.addresses += [
            (at + 8 * place, words[place]) for place in _address_places(launch.kernel)
        ]
        self.rows[len(self.launches), : len(words)] = words
        work = 1.0
        for place in launch.kernel.signature.work:
            work *= words[place]
        self.rows[len(self.launches), SHARED] = work >= launch.kernel.signature.least
        self.launches.append(launch)
        self.work += work

    def point_at(self, inputs: Sequence[Array]) -> None:
        """The rows read these inputs from here on (a single step points them at its batch)."""
        for places, array in zip(self.places, inputs, strict=True):
            for word, offset in places:
                ctypes.c_int64.from_address(int(word)).value = address_of(array) + int(offset)

    def epoch(self, data: Sequence[Array], order: Array, size: int, loss: Array) -> Steps:
        """See `Runs.epoch`."""
        gather, rows = loaded.get("gather", "uint8"), np.zeros((len(data), ROW), np.int64)
        for row, mine, source in zip(rows, self.inputs, data, strict=True):
            operands = [as_bytes(mine), as_bytes(source), order, 0, len(mine)]
            words = row_of(Launch(gather, operands, "", Context("gather")))
            row[: len(words)] = words
        self.head[program.GATHERS] = address_of(rows)
        self.head[program.GATHER_ROWS] = len(data)
        self.point_at(self.inputs)
        function, kept = epoch_function(), (data, order, rows)  # words have their addresses only

        def steps(first: int, losses: Array) -> int:
            found: int = function(
                address_of(self.head), first * size, len(losses), size, address_of(loss),
                loss.itemsize, address_of(losses),
            )  # fmt: skip
            return found if kept else 0

        return steps

    def settled(self) -> bool:
        """A run is over when it returns, and has said by then what was refused."""
        return True

    def refresh(self) -> None:
        """Looks hyper-parameters up again."""
        for word, setting in self.settings:
            word[0] = setting.now()

    def _head(self, inputs: Sequence[Array]) -> Array:
        def python(name: str) -> int:
            return int(ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0)

        head = np.zeros(program.HEAD, np.int64)
        head[program.TABLE], head[program.ROWS] = address_of(self.rows), len(self.launches)
        head[program.WORK] = -(-address_of(self.scratch) // 4096) * 4096
        head[program.TRUE], head[program.FALSE] = id(True), id(False)
        head[program.NONE], head[program.ARRAY] = id(None), id(np.ndarray)
        shared = self.rows[:, SHARED].any()
        head[program.TEAM] = workers.ADDRESS if shared else 0
        if shared or self.work >= RELEASE:
            head[program.SAVE] = python("PyEval_SaveThread")
            head[program.RESTORE] = python("PyEval_RestoreThread")
        records = np.zeros((max(1, len(inputs)), program.RECORD), np.int64)
        for record, array in zip(records, inputs, strict=False):
            record[program.NUMBER], record[program.AXES] = array.dtype.num, array.ndim
            record[program.SIZES : program.SIZES + array.ndim] = array.shape
            places = self.places_of(array)
            record[program.PATCHES] = len(places)
            record[program.PATCH_LIST] = address_of(places)
            self.places.append(places)
        self.records = records
        head[program.INPUTS], head[program.RECORDS] = len(inputs), address_of(records)
        return head

    def places_of(self, array: Array) -> Array:
        """The addresses of the words that hold this array's address, or one inside it, and how far.

        Shapes: (n, 2)
        """
        low = address_of(array)
        high = low + array.nbytes  # nobody reads an empty one, so nothing points at it
        found = [
            (place, address - low) for place, address in self.addresses if low <= address < high
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
    native = ctypes.CFUNCTYPE(ctypes.c_ssize_t, *[ctypes.c_ssize_t] * 7)(address)

    def epoch(*words: int) -> int:
        workers.wake()
        return int(native(*words))

    return epoch
