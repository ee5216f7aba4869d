"""From a kernel's operands to the words of its struct, and to a grid.

A struct's members follow one another in 64-bit words: an array is its address and its size, a
matrix its address, rows, columns and steps, a number comes with the address of a place that it may
be read from instead (`operands.cuh`).
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .declared import Declared, Grid
from .machines import Kernel, Words

if TYPE_CHECKING:
    from .library import Library

WORDS = {"Flat": 2, "Labels": 2, "Mask": 2, "Vector": 2, "Matrix": 5, "Int": 2, "Real": 2}
"""How many words each kind of operand takes."""


class Cell(NamedTuple):
    """A number that a kernel finds in the machine's memory: there, plus `offset` if it is whole.

    Attributes:
        address: Where.
        offset: What is added.
        array: What lies there, if it is to live as long as the launch.
    """

    address: int
    offset: int = 0
    array: Any = None


@dataclass(frozen=True, eq=False, slots=True)
class Launch:
    """A kernel with all that it is launched with.

    Attributes:
        kernel: What runs.
        grid: Over how many threads.
        words: Its one argument.
        arrays: Those whose addresses stand in the words.
        scratch: Where it says that it refuses its numbers, if it may.
        of, args: The kernel and the operands that it was prepared of.
    """

    kernel: Kernel
    grid: Grid
    words: Words
    arrays: Sequence[Any]
    scratch: Any
    of: "CudaKernel"
    args: Sequence[Any]

    def run(self) -> None:
        """Launches it."""
        self.kernel(self.grid, self.words, self.arrays)


class CudaKernel:
    """A kernel of a library for one number type; called like a kernel of the CPU.

    Attributes:
        name: What it is called.
        signature: What it takes.
        library: Where its neighbours are found.
        stops: Whether it changes what others see, so that it looks first whether it may.
    """

    def __init__(self, declared: Declared, dtype: str, library: "Library") -> None:
        self.name, self.declared, self.library = declared.name, declared, library
        self.signature, self.dtype = declared.signature(dtype), dtype
        self.stops = "in out" in self.signature.roles
        self._compiled: dict[str, Kernel] = {}
        kinds = self.signature.kinds
        types = [self.signature.dtype_of(kind) for kind in kinds]
        self._operands = list(zip(kinds, types, strict=True))
        self._equal = [[self._side(side) for side in text.split("=")] for text in declared.equal]
        self._works, self._refuses = declared.works, declared.refuses

    def _side(self, text: str) -> tuple[int, str, int]:
        """A side of "C.columns = B": which operand, of which kind, along which axis."""
        name, _, part = text.strip().partition(".")
        place = self.signature.names.index(name)
        return place, self.signature.kinds[place], int(part == "columns")

    def launch(self, *args: Any) -> bool:
        """Runs it on arrays and numbers; False if they are not what it is made for."""
        found = self.prepared(args)
        if found is None:
            return False
        found.run()
        return not self.library.refused(found)

    def prepared(self, args: Sequence[Any], scratch: Any = None) -> Launch | None:
        """The launch for these operands; None if they are not what the kernel is made for.

        Args:
            args: The operands.
            scratch: Scratch memory of a program; else the thread's own. What a kernel refuses there
                stops all launches of the program that would change what others see.

        Raises:
            TypeError: A number is no number.
        """
        words: list[int] = []
        arrays: list[Any] = []
        for (kind, dtype), arg in zip(self._operands, args, strict=True):
            if type(arg) is Cell:
                words += [arg.address, arg.offset]
                arrays += [] if arg.array is None else [arg.array]
            elif kind == "Int":
                words += [0, operator.index(arg)]
            elif kind == "Real":
                words += [0, int(np.float64(arg).view(np.int64))]
            elif arg is None:
                words += [0] * WORDS[kind]
            else:
                found = self._words_of(kind, dtype, arg)
                if found is None:
                    return None
                words += found
                arrays.append(arg)
        for one, other in self._equal:
            sizes = _size(args, *one), _size(args, *other)
            if sizes[0] != sizes[1] and None not in sizes:
                return None
        mine = None
        if self._works:
            mine = self.library.scratch() if scratch is None else scratch
            words.append(self.library.machine.address(mine))
            arrays.append(mine)
        elif self.stops:
            words.append(0 if scratch is None else self.library.machine.address(scratch))
            arrays += [] if scratch is None else [scratch]
        seen = mine if self._refuses else None
        grid = self.declared.grid(self.dtype, dict(zip(self.signature.names, args, strict=True)))
        kernel = self._compiled.get(grid.kernel)
        if kernel is None:
            kernel = self.library.compiled(self.declared, grid.kernel)
            self._compiled[grid.kernel] = kernel
        return Launch(kernel, grid, np.array(words, np.int64), arrays, seen, self, args)

    def _words_of(self, kind: str, dtype: Any, arg: Any) -> list[int] | None:
        if not isinstance(arg, self.library.arrays.ndarray) or arg.dtype != dtype:
            return None
        if not (arg.dtype.isnative and getattr(arg.flags, "aligned", True)):
            return None
        address = self.library.machine.address(arg)
        if kind == "Matrix":
            size = arg.itemsize
            if arg.ndim != 2 or any(stride % size for stride in arg.strides):
                return None
            return [address, *arg.shape, *(stride // size for stride in arg.strides)]
        if not arg.flags.c_contiguous or (kind == "Vector" and arg.ndim != 1):
            return None
        return [address, arg.size]


def _size(args: Sequence[Any], place: int, kind: str, axis: int) -> int | None:
    """The size of an operand that others must agree with; None where it is missing."""
    operand = args[place]
    if operand is None:
        return None
    if kind == "Matrix":
        return int(operand.shape[axis])
    return operator.index(operand) if kind == "Int" else int(operand.size)
