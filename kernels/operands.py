"""What a kernel is given: the kinds of operands, and how each lies in a row of words.

A kernel annotates its parameters with these names. One call of it on the CPU is a *row* of 64-bit
words: the address of its code, a word that says whether threads may share the work, then its
operands one after the other.

    Flat     an array in C order, seen as one line of entries      address, size
    Vector   the same, of one axis                                 address, size
    Labels   the same, of int64                                    address, size
    Mask     the same, of bool                                     address, size
    Matrix   two axes with any strides                             address, rows, columns, strides
    Int      a whole number                                        value
    Real     a float64                                             its bits
    FlatOut, VectorOut, MatrixOut   what the kernel writes, and does not read
    FlatInOut, LabelsInOut          what it changes
    Part, Parts   which share of the result is wanted, of how many (not in the row)
    Work     the address of scratch memory of this thread          (not in the row)

The same kinds serve CUDA kernels, whose row is laid out a little differently (`cuda/launching.py`).
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

Flat = Annotated[Any, "Flat"]
FlatOut = Annotated[Any, "Flat", "out"]
FlatInOut = Annotated[Any, "Flat", "in out"]
Vector = Annotated[Any, "Vector"]
VectorOut = Annotated[Any, "Vector", "out"]
Labels = Annotated[Any, "Labels"]
LabelsInOut = Annotated[Any, "Labels", "in out"]
Mask = Annotated[Any, "Mask"]
Matrix = Annotated[Any, "Matrix"]
MatrixOut = Annotated[Any, "Matrix", "out"]
Int = Annotated[int, "Int"]
Real = Annotated[float, "Real"]
Part = Annotated[int, "part"]
Parts = Annotated[int, "parts"]
Work = Annotated[int, "work"]

WORDS = {"Flat": 2, "Labels": 2, "Mask": 2, "Vector": 2, "Matrix": 5, "Int": 1, "Real": 1}
"""How many words of a row each kind takes."""
SHARED = 1
"""The word of a row that says whether threads may share the work."""
FIRST = 2
"""The word of a row where the operands begin."""
ROW = 64
"""Words in a row."""
WORK_BYTES = 16 << 20
"""Scratch memory of a thread; pages that no kernel touches cost nothing."""

LEAST = 1 << 16
"""Entries from which on it pays to divide a kernel that goes through arrays once."""
NEVER = 1 << 62
"""More work than there is: of kernels that cannot be divided."""

KIND_CODES = {kind: code for code, kind in enumerate(WORDS)}


@dataclass(frozen=True)
class Signature:
    """A kernel's operands by kind, for one number type.

    Attributes:
        names: What the operands that lie in the row are called, in order.
        kinds: Kind of each.
        roles: "in", "out" or "in out" for each.
        dtype: The number type of Flat and Matrix.
        split: The operands that have a stretch each for every thread; "self" if the kernel divides
            the work by itself, "" if it cannot be divided.
        work: The words whose product says how much there is to do.
        equal: Pairs of words that must be the same; a missing operand (None) agrees with all.
        least: The work from which on threads share it.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    roles: tuple[str, ...]
    dtype: str
    split: str | tuple[str, ...]
    work: tuple[int, ...]
    equal: tuple[tuple[int, int], ...]
    least: int = NEVER

    @property
    def places(self) -> tuple[int, ...]:
        """The word of the row where each operand begins."""
        places, place = [], FIRST
        for kind in self.kinds:
            places.append(place)
            place += WORDS[kind]
        return tuple(places)

    def dtype_of(self, kind: str) -> np.dtype[Any] | None:
        """The number type that an array of this kind has; None for a number."""
        if kind in ("Int", "Real"):
            return None
        return np.dtype({"Labels": "int64", "Mask": "bool"}.get(kind, self.dtype))


def signature_of(function: Callable[..., Any], dtype: str) -> Signature:
    """The operands of a kernel, from its annotations and its `attributes`."""
    about = {
        n: function.__annotations__[n].__metadata__ for n in inspect.signature(function).parameters
    }
    names = tuple(n for n, (kind, *_) in about.items() if kind in WORDS)
    kinds = tuple(about[n][0] for n in names)
    roles = tuple(about[n][1] if len(about[n]) > 1 else "in" for n in names)
    attributes = function.attributes  # type: ignore[attr-defined]
    bare = Signature(names, kinds, roles, dtype, attributes["split"], (), (), attributes["least"])

    def word(text: str) -> int:
        name, _, what = text.strip().partition(".")
        kind, place = kinds[names.index(name)], bare.places[names.index(name)]
        if kind in ("Int", "Real"):
            return place
        return place + (2 if what == "columns" else 1)

    work = tuple(word(text) for text in attributes["work"] or names[:1])
    pairs = (text.split("=") for text in attributes["equal"])
    return replace(bare, work=work, equal=tuple((word(a), word(b)) for a, b in pairs))
