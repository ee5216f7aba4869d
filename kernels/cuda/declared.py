"""What a CUDA kernel takes and how it is spread over threads, written down as a function's head.

    @kernel("slopes.cu", blocks=entries("dz"), equal=("dz = dy", "dz = y"))
    def slope(dz: FlatOut, dy: Flat, y: Flat, kind: Int) -> None:
        \"\"\"dz = dy f'(z), by the code of f.\"\"\"

The head is that of the CPU's kernel of this name (a test compares them), so whoever launches
kernels need not know which device they are on. What is computed stands in the `.cu` file.
"""

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from ..operands import NEVER, Signature, signature_of
from .sources import TYPES, text_of

Given: TypeAlias = Mapping[str, Any]
"""Operands by name."""

THREADS = 256
"""In a block, where a kernel does not say otherwise."""
MOST_BLOCKS = 1 << 16
"""Kernels walk on through what is left, so more blocks than this are of no use."""
FLOATS = ("float32", "float64")


class Grid(NamedTuple):
    """How a kernel is launched.

    Attributes:
        kernel: What C++ calls it.
        blocks, threads: How many, and how many in each.
        shared: Bytes of dynamic shared memory.
        cooperative: Whether its blocks wait for each other, so that all must run at once.
    """

    kernel: str
    blocks: int
    threads: int
    shared: int = 0
    cooperative: bool = False


@dataclass(frozen=True, eq=False)
class Declared:
    """A kernel as Python knows it.

    Attributes:
        name: What launches call it.
        file: Where it stands.
        head: A function with the kernel's operands.
        dtypes: The number types that it is made for.
        text: Its source, if that is not the file's.
    """

    name: str
    file: str
    head: Callable[..., Any]
    dtypes: tuple[str, ...] = FLOATS
    text: str | None = None

    @property
    def source(self) -> str:
        """What is compiled, with all it includes."""
        return text_of(self.file) if self.text is None else self.text

    @property
    def equal(self) -> tuple[str, ...]:
        """Sizes that must agree: "C.columns = B.columns"."""
        found: tuple[str, ...] = self.head.attributes["equal"]  # type: ignore[attr-defined]
        return found

    @property
    def works(self) -> bool:
        """Whether it needs scratch memory."""
        return "work" in inspect.signature(self.head).parameters

    @property
    def refuses(self) -> bool:
        """Whether it may object to the numbers that it is given: the host has to look."""
        return bool(getattr(self.head, "refuses", False))

    def signature(self, dtype: str) -> Signature:
        """Its operands for a number type."""
        return signature_of(self.head, dtype)

    def kernels(self, dtype: str) -> tuple[str, ...]:
        """All that C++ makes of it for a number type."""
        raise NotImplementedError

    def grid(self, dtype: str, given: Given) -> Grid:
        """How it is launched on these operands."""
        raise NotImplementedError

    def function(self, dtype: str) -> str | None:
        """The device function that is right for any grid; None if there is none."""
        return None


@dataclass(frozen=True, eq=False)
class Simple(Declared):
    """A kernel with one form, right for any grid.

    Attributes:
        blocks: How many blocks operands take.
        threads: In a block.
    """

    blocks: Callable[[Given], int] = lambda given: 1
    threads: int = THREADS

    def kernels(self, dtype: str) -> tuple[str, ...]:
        """What the macro KERNEL makes."""
        return (f"{self.name}_kernel<{TYPES[dtype]}>",)

    def grid(self, dtype: str, given: Given) -> Grid:
        """As many blocks as there is work for."""
        (kernel,) = self.kernels(dtype)
        return Grid(kernel, self.blocks(given), self.threads)

    def function(self, dtype: str) -> str:
        """What the kernel calls."""
        return f"{self.name}<{TYPES[dtype]}>"


KERNELS: dict[str, Declared] = {}
"""Every kernel with a file, by name."""


def kernel(
    file: str,
    *,
    blocks: Callable[[Given], int],
    threads: int = THREADS,
    equal: tuple[str, ...] = (),
    dtypes: tuple[str, ...] = FLOATS,
    refuses: bool = False,
) -> Callable[[Callable[..., Any]], Declared]:
    """Decorator: enters a head into `KERNELS`."""

    def declare(head: Callable[..., Any]) -> Declared:
        name = head.__name__
        head.refuses = refuses  # type: ignore[attr-defined]
        made = Simple(name, file, headed(head, equal), dtypes, None, blocks, threads)
        KERNELS[name] = made
        return made

    return declare


def headed(head: Callable[..., Any], equal: tuple[str, ...], split: Any = ()) -> Callable[..., Any]:
    """The head with what a signature wants to know beside it."""
    head.attributes = {"split": split, "work": (), "equal": equal, "least": NEVER}  # type: ignore[attr-defined]
    return head


# --- how many blocks ------------------------------------------------------------------------------


def blocks_for(count: int, each: int) -> int:
    """How many blocks cover `count` things if a block covers `each`; one at least."""
    return max(1, -(-count // each))


def entries(*names: str, each: int = THREADS) -> Callable[[Given], int]:
    """A thread for each entry of the first of these operands that is there."""

    def blocks(given: Given) -> int:
        size = next(given[name].size for name in names if given[name] is not None)
        return min(MOST_BLOCKS, blocks_for(size, each))

    return blocks


def warps(*names: str) -> Callable[[Given], int]:
    """A warp for each entry of the first of these operands that is there."""
    return entries(*names, each=THREADS // 32)


def rows(name: str, width: str) -> Callable[[Given], int]:
    """A warp for each row of an operand; `width` is the operand that says how long rows are."""

    def blocks(given: Given) -> int:
        count = given[name].size // max(1, operator.index(given[width]))
        return min(MOST_BLOCKS, blocks_for(count, THREADS // 32))

    return blocks


def one(given: Given) -> int:
    """A single block."""
    return 1
